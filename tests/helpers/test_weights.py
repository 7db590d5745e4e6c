"""Weights from other people: what Keras writes is read, all else is refused, nothing is run."""

import os
import pickle
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from helpers import models, weights
from helpers.released import released_file
from helpers.sources import DataError
from tests.support import ROOT


def small(**changes):
    """A network with layers of several kinds, two of some."""
    settings = {"filters": 4, "units": 3, "normalised": True} | changes
    model = keras.Sequential([keras.Input((8, 8, 1))])
    model.add(layers.Conv2D(settings["filters"], 3, name="first"))
    if settings["normalised"]:
        model.add(layers.BatchNormalization(name="norm"))
    model.add(layers.PReLU(name="bent"))
    model.add(layers.Conv2D(2, 3, use_bias=False, name="second"))
    model.add(layers.Dropout(0.5))
    model.add(layers.Flatten())
    model.add(layers.Dense(settings["units"], name="last"))
    return model


def saved(model, folder, name="some.weights.h5"):
    path = folder / name
    model.save_weights(path)
    return path


def same_weights(a, b):
    pairs = zip(a.get_weights(), b.get_weights(), strict=True)
    return all(np.array_equal(x, y) for x, y in pairs)


# --- what Keras writes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make", [models.first_cnn, small, lambda: models.cifar_cnn(n_filter=4, batch_norm=True)]
)
def test_a_network_comes_back_from_its_file(make, tmp_path):
    model = make()
    model.set_weights([np.random.default_rng(5).random(w.shape) for w in model.get_weights()])
    again = make()
    assert not same_weights(again, model)
    arrays = weights.read(saved(model, tmp_path))
    weights.load_into(again, arrays)
    assert same_weights(again, model)
    assert {a.dtype for a in arrays.values()} == {np.dtype("float32")}


def test_the_names_are_those_of_the_datasets(tmp_path):
    path, found = saved(models.first_cnn(), tmp_path), set()
    with h5py.File(path) as file:
        file.visititems(lambda n, o: found.add(n) if isinstance(o, h5py.Dataset) else None)
    assert set(weights.read(path)) == found and "layers/conv2d_3/vars/1" in found


def test_released_weights_are_read_as_keras_reads_them():
    path = released_file("first_cnn", "model.weights.h5")
    ours, theirs = models.first_cnn(), models.first_cnn()
    weights.load_into(ours, weights.read(path))
    theirs.load_weights(path)
    assert same_weights(ours, theirs)


def test_the_state_of_the_optimizer_stays_out(tmp_path):
    model = small()
    model.compile("adam", loss="mse")
    model.fit(np.ones((4, 8, 8, 1)), np.ones((4, 3)), verbose=0)
    path = saved(model, tmp_path)
    with h5py.File(path) as file:
        assert file["optimizer/vars/0"].dtype.kind == "i"  # it would be refused
    again = small()
    weights.load_into(again, weights.read(path))
    assert same_weights(again, model)


def test_the_dice_of_older_dropout_layers_stay_out(tmp_path):
    path = saved(small(), tmp_path)
    with h5py.File(path, "a") as file:
        file["layers/dropout/seed_generator/vars/0"] = np.array([1, 2], "uint32")
    weights.load_into(small(), weights.read(path))


def test_an_archive_of_numpy_holds_the_same(tmp_path):
    arrays = weights.read(saved(small(), tmp_path))
    np.savez(tmp_path / "some.weights.npz", **arrays)
    again = weights.read(str(tmp_path / "some.weights.npz"))
    assert again.keys() == arrays.keys()
    assert all(np.array_equal(again[k], arrays[k]) for k in arrays)


def test_half_and_double_floats_in_any_byte_order(tmp_path):
    values = np.array([0.5, -2])
    kinds = ("<f2", ">f4", ">f8", "<f8")
    np.savez(tmp_path / "a.npz", **{k: values.astype(k) for k in kinds})
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for k in kinds:
            file[k] = values.astype(k)
    for name in ("a.npz", "a.h5"):
        read = weights.read(tmp_path / name)
        assert [read[k].dtype for k in kinds] == ["float32", "float32", "float64", "float64"]
        assert all(np.array_equal(v, values) for v in read.values())


def test_a_scalar_and_an_archive_that_is_packed(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.float32(3))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.float32(3)
    assert weights.read(tmp_path / "a.npz")["x"] == weights.read(tmp_path / "a.h5")["x"] == 3


# --- what must be refused -----------------------------------------------------------------------


class Bomb:
    """Unpickling it leaves a trace."""

    def __init__(self, trace):
        self.trace = str(trace)

    def __reduce__(self):
        return os.mkdir, (self.trace,)


def test_nothing_is_unpickled(tmp_path):
    trace = tmp_path / "trace"
    np.savez(tmp_path / "a.npz", x=np.array([Bomb(trace)], object))
    with pytest.raises(weights.WeightsError, match="expected floats"):
        weights.read(tmp_path / "a.npz")
    for name in ("b.npz", "b.weights.h5"):
        (tmp_path / name).write_bytes(pickle.dumps(Bomb(trace)))
        with pytest.raises(weights.WeightsError, match="damaged"):
            weights.read(tmp_path / name)
    assert not trace.exists()


def external_link(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    file["layers/conv2d/vars/0"] = h5py.ExternalLink(folder / "other.h5", "/secret")


def soft_link(file, folder):
    file["x"] = np.ones(3)
    file["layers"] = h5py.SoftLink("/x")


def dangling_link(file, folder):
    file["layers"] = h5py.SoftLink("/nowhere")


def external_storage(file, folder):
    np.ones(3).tofile(folder / "raw")
    file.create_dataset("x", (3,), "f8", external=[(str(folder / "raw"), 0, 24)])


def virtual(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "secret", (3,))
    file.create_virtual_dataset("x", layout)


def circle(file, folder):
    group = file.create_group("layers")
    for k in range(50):
        group[f"again{k}"] = group


def packed(file, folder):
    file.create_dataset("x", (1000, 1000), "f4", compression="gzip")


def too_large(file, folder):
    file.create_dataset("x", (10_000, 10_000), "f4")  # declared; nothing is written


def many_large(file, folder):
    for k in range(3):
        file.create_dataset(f"x{k}", (2_000_000,), "f4")


def too_many(file, folder):
    for k in range(201):
        file[f"x{k}"] = np.ones(2, "f4")


def whole_numbers(file, folder):
    file["layers/dense/vars/0"] = np.arange(3)


def a_text(file, folder):
    file["layers/dense/vars/0"] = "rm -rf"


def references(file, folder):
    file["x"] = np.ones(3)
    file["y"] = np.array([file["x"].ref], h5py.ref_dtype)


def complex_numbers(file, folder):
    file["x"] = np.ones(3, "c8")


def a_type(file, folder):
    file["x"] = np.dtype("f4")


def nothing(file, folder):
    file["x"] = h5py.Empty("f4")


@pytest.mark.parametrize(
    ("write", "diagnosis"),
    [
        (external_link, "layers/conv2d/vars/0 is a link"),
        (soft_link, "layers is a link"),
        (dangling_link, "layers is a link"),
        (external_storage, "x lies in another file"),
        (virtual, "x lies in another file"),
        (circle, "without end"),
        (packed, "x is packed"),
        (too_large, "more than 20 MB"),
        (many_large, "more than 20 MB"),
        (too_many, "more than 200 arrays"),
        (whole_numbers, "layers/dense/vars/0 holds int64, expected floats"),
        (a_text, "expected floats"),
        (references, "y holds object, expected floats"),
        (complex_numbers, "holds complex64"),
        (a_type, "x is no array"),
        (nothing, "x is empty"),
    ],
)
def test_an_hdf5_file_with_more_than_numbers_is_refused(write, diagnosis, tmp_path):
    with h5py.File(tmp_path / "a.weights.h5", "w") as file:
        write(file, tmp_path)
    with pytest.raises(weights.WeightsError, match=diagnosis) as caught:
        weights.read(tmp_path / "a.weights.h5")
    assert "a.weights.h5" in str(caught.value)
    assert str(tmp_path) not in str(caught.value), "a message names the file, not where it lies"


def header(shape, descr="<f4"):
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("members", "diagnosis"),
    [
        ({"x.npy": header((10**12,))}, "more than 20 MB"),
        ({"x.npy": header((3,))}, "damaged"),  # no numbers follow
        ({"x.npy": header((-3,))}, "damaged"),
        ({"x.npy": header((3,), "|O") + pickle.dumps([1, 2, 3])}, "expected floats"),
        ({"x.npy": header((1,), "<i8") + bytes(8)}, "expected floats"),
        ({"x.npy": b"\x93NUMPY\x09\x00" + bytes(20)}, "damaged"),
        ({"x.npy": b""}, "damaged"),
        ({"x.txt": b"hello"}, "x.txt is no array"),
        ({f"x{k}.npy": header((1,)) + bytes(4) for k in range(201)}, "more than 200"),
    ],
)
def test_an_archive_with_more_than_numbers_is_refused(members, diagnosis, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(weights.WeightsError, match=diagnosis):
        weights.read(tmp_path / "a.npz")


def test_a_file_that_is_cut_off_changed_missing_or_of_another_kind(tmp_path):
    whole = saved(small(), tmp_path).read_bytes()
    (tmp_path / "cut.weights.h5").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.weights.h5").write_text("some text")
    (tmp_path / "model.keras").write_bytes(whole)
    (tmp_path / "folder.h5").mkdir()
    for name, diagnosis in (
        ("cut.weights.h5", "damaged"),
        ("text.weights.h5", "damaged"),
        ("model.keras", "expected .weights.h5"),
        ("absent.h5", "absent.h5 is missing"),
        ("folder.h5", "missing"),
    ):
        with pytest.raises(weights.WeightsError, match=diagnosis):
            weights.read(tmp_path / name)
    assert issubclass(weights.WeightsError, DataError)


def test_changed_bytes_never_raise_anything_else(tmp_path):
    """A hundred files with changed bytes, in a process of its own: HDF5 is written in C."""
    path = saved(small(), tmp_path)
    np.savez(tmp_path / "some.npz", **weights.read(path))
    script = (
        "import sys, random; from pathlib import Path; from helpers import weights\n"
        "random.seed(1)\n"
        "for source in map(Path, sys.argv[1:]):\n"
        "    whole = source.read_bytes()\n"
        "    changed = source.with_name('changed' + ''.join(source.suffixes))\n"
        "    for _ in range(50):\n"
        "        data = bytearray(whole)\n"
        "        for _ in range(random.choice([1, 5, 200])):\n"
        "            data[random.randrange(len(data))] = random.randrange(256)\n"
        "        changed.write_bytes(data)\n"
        "        try: weights.read(changed)\n"
        "        except weights.WeightsError: pass\n"
        "assert 'keras' not in sys.modules and 'tensorflow' not in sys.modules\n"
        "print('all read or refused')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(tmp_path / "some.npz")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "all read or refused\n", done.stderr[-2000:]


# --- a network of another shape -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"filters": 5}, ["'first'", "(3, 3, 1, 5)", "(3, 3, 1, 4)", "layers/conv2d/vars/0"]),
        ({"units": 2}, ["'last'", "(32, 2)", "(32, 3)"]),
        ({"normalised": False}, ["'norm'", "(4,)", "no layers/batch_normalization/vars/0"]),
    ],
    ids=str,
)
def test_another_network_is_refused_by_layer_and_shapes(change, words, tmp_path):
    model = small()
    before = model.get_weights()
    with pytest.raises(weights.WeightsError) as caught:
        weights.load_into(model, weights.read(saved(small(**change), tmp_path)))
    assert all(word in str(caught.value) for word in words), caught.value
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_arrays_that_no_layer_wants_are_refused(tmp_path):
    arrays = weights.read(saved(small(), tmp_path))
    with pytest.raises(weights.WeightsError, match=r"belongs to no layer .*4 such arrays"):
        weights.load_into(small(normalised=False), arrays)


def test_names_of_another_time_are_refused():
    with pytest.raises(weights.WeightsError, match="none of the names that Keras 3 gives"):
        weights.load_into(small(), {"conv1/conv1/kernel:0": np.ones((3, 3, 1, 4), "f4")})
