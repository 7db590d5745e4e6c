"""Data sets come out right from every form, and damaged or hostile files are refused in words."""

import hashlib
import io
import os
import pickle
import signal
import struct
import subprocess
import sys
import tarfile
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from helpers import datasets, sources
from helpers.datasets import CIFAR10_CLASSES
from helpers.sources import DataError

PER_CLASS = {"train": 10, "test": 2}  # instead of 5,000 and 1,000
ABOUT = {"title": "CIFAR-10", "credit": "A. Krizhevsky"}


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Small data sets, an empty cache, no network; ``put`` writes a local file and its sha256."""
    entries = [
        {"name": "cifar.tar.gz", "local": "cifar.tar.gz", "variant": "original pixels"},
        {"name": "cifar.zip", "local": "cifar.zip", "variant": "JPEG copy"},
        {"name": "dog.jpeg", "local": "dog.jpeg", "variant": "grey"},
    ]
    for entry in entries:
        entry.update(sha256="0" * 64, urls=["https://nowhere.invalid/file"])
    tables = {
        "cifar10": {**ABOUT, "files": entries[:2]},
        "dog": {"title": "the dog photo", "credit": "a photographer", "files": entries[2:]},
    }
    monkeypatch.setattr(sources, "registry", lambda: tables)
    monkeypatch.setattr(sources, "_fetch", lambda *_: pytest.fail("it tried to connect"))
    monkeypatch.setattr(datasets, "PER_CLASS", PER_CLASS)
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("COURSE_DATA", str(data))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COURSE_OFFLINE", "1")

    def put(name, content):
        """Write a local file; the registry believes it, so that the reader meets any damage."""
        (entry,) = [e for e in entries if e["name"] == name]
        entry["sha256"] = hashlib.sha256(content).hexdigest()
        (data / name).write_bytes(content)
        return data / name

    return SimpleNamespace(put=put, data=data, cache=tmp_path / "cache", entries=entries)


# --- archives made here -------------------------------------------------------------------------


def image_of(split, label, number):
    """Return an image (32, 32, 3) that tells every row, column, colour, class and number apart."""
    row, column, colour = np.ogrid[:32, :32, :3]
    value = 7 * row + 3 * column + 50 * colour + 11 * label + number + 100 * (split == "test")
    return (value % 256).astype(np.uint8)


def expected_images():
    """Return train and test images in the order that the course promises."""
    return [
        np.stack([image_of(split, c, k) for k in range(n) for c in range(10)])
        for split, n in PER_CLASS.items()
    ]


def python3_pickle(data, labels):
    return pickle.dumps({"data": data, "labels": labels}, protocol=2)


def python2_pickle(data, labels):
    """Write what Python 2 wrote into the official archive, opcode by opcode.

    Its strings are bytes without a type, its arrays refer to ``numpy.core`` of 2009.
    """

    def string(text):  # SHORT_BINSTRING
        return b"U" + bytes([len(text)]) + text

    def number(n):  # BININT
        return b"J" + struct.pack("<i", n)

    dtype = b"cnumpy\ndtype\n" + string(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + string(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    array += b"(K\x01" + number(data.shape[0]) + number(data.shape[1]) + b"\x86" + dtype + b"\x89"
    array += b"T" + struct.pack("<i", data.size) + data.tobytes() + b"tb"  # BINSTRING
    items = string(b"batch_label") + string(b"training batch 1 of 5")
    items += string(b"labels") + b"](" + b"".join(b"K" + bytes([n]) for n in labels) + b"e"
    items += string(b"data") + array
    items += string(b"filenames") + b"](" + string(b"caf\xe9.png") + b"e"
    return b"\x80\x02}(" + items + b"u."


def batches():
    """Return ``{batch name: (data, labels)}`` in the official layout, classes shuffled."""
    rng = np.random.default_rng(0)
    made = {}
    for split, n in PER_CLASS.items():
        labels = rng.permutation(np.repeat(np.arange(10), n))
        seen = [0] * 10
        rows = []
        for label in labels:
            rows.append(image_of(split, label, seen[label]).transpose(2, 0, 1).reshape(3072))
            seen[label] += 1
        names = [f"data_batch_{i}" for i in range(1, 6)] if split == "train" else ["test_batch"]
        for name, part in zip(names, np.split(np.arange(len(labels)), len(names)), strict=True):
            made[name] = (np.stack(rows)[part], labels[part].tolist())
    return made


def archive_of(members):
    """Return a ``.tar.gz`` of ``{name: bytes}`` as bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def official(write=python3_pickle, **changed):
    """Return an archive in the official layout; `changed` replaces a member or drops it."""
    members = {name: write(*batch) for name, batch in batches().items()} | changed
    return archive_of({name: content for name, content in members.items() if content})


def colour_of(split, label, number):
    return (20 * label + 10, 20 * number + 20, 100 * (split == "test") + 50)


def jpeg(colour, size=(32, 32), kind="JPEG"):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, quality=95)
    return buffer.getvalue()


def jpeg_zip(changed=None):
    """Return a zip of JPEG files; `changed` replaces members or drops them."""
    members = {
        f"{split}/{name}/{k:04}.jpg": jpeg(colour_of(split, c, k))
        for split, n in PER_CLASS.items()
        for c, name in enumerate(CIFAR10_CLASSES)
        for k in reversed(range(n))  # out of order, as an archive may be
    } | (changed or {})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if content:
                archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


# --- what comes out -----------------------------------------------------------------------------


@pytest.mark.parametrize("write", [python3_pickle, python2_pickle])
@pytest.mark.filterwarnings("error")
def test_official_archive(course, capsys, write):
    course.put("cifar.tar.gz", official(write))
    data = datasets.load_cifar10()
    for images, expected in zip((data.x_train, data.x_test), expected_images(), strict=True):
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images, expected)
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert data.y_train.tolist() == list(range(10)) * 10
    assert data.y_test.tolist() == list(range(10)) * 2
    assert data.classes == CIFAR10_CLASSES
    assert data.boxes_train is None
    sha256 = course.entries[0]["sha256"]
    assert capsys.readouterr().out == (
        f"CIFAR-10 (original pixels): 120 images, local copy, sha256 {sha256[:8]}…\n"
    )


def test_official_archive_with_a_strict_numpy(course, monkeypatch):
    """NumPy 2.4.0 to 2.4.4 warn about the integers that old pickles pass to ``dtype``."""
    path, real = course.put("cifar.tar.gz", official(python2_pickle)), np.dtype

    def strict(kind, align=False, copy=False):
        assert isinstance(align, bool), "align should be passed as boolean"
        return real(kind, align, copy)

    monkeypatch.setattr(np, "dtype", strict)
    datasets._read_pickled_archive(path)


def test_official_archive_without_the_numpy_of_its_time(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy.core", None)  # importing it fails
    monkeypatch.setitem(sys.modules, "numpy.core.multiarray", None)
    course.put("cifar.tar.gz", official(python2_pickle))
    np.testing.assert_array_equal(
        datasets.load_cifar10(verbose=False).x_train, expected_images()[0]
    )


def test_python2_pickle_is_one_that_python_reads():
    data, labels = batches()["test_batch"]
    read = pickle.loads(python2_pickle(data, labels), encoding="latin1")
    np.testing.assert_array_equal(read["data"], data)
    assert read["labels"] == labels


def test_jpeg_zip(course):
    course.put("cifar.zip", jpeg_zip())
    data = datasets.load_cifar10(verbose=False)
    assert data.source.variant == "JPEG copy"
    for split, images in (("train", data.x_train), ("test", data.x_test)):
        assert images.shape == (10 * PER_CLASS[split], 32, 32, 3)
        for i, image in enumerate(images):
            error = np.abs(image.astype(int) - colour_of(split, i % 10, i // 10))
            assert error.max() <= 4, (split, i)


def test_original_pixels_before_jpeg(course):
    course.put("cifar.zip", jpeg_zip())
    course.put("cifar.tar.gz", official())
    assert datasets.load_cifar10(verbose=False).source.variant == "original pixels"


def test_not_verbose_prints_nothing(course, capsys):
    course.put("cifar.tar.gz", official())
    datasets.load_cifar10(verbose=False)
    assert capsys.readouterr().out == ""


# --- stand-ins ----------------------------------------------------------------------------------


@pytest.fixture
def small_toy10(monkeypatch):
    draw = datasets.load_toy10
    monkeypatch.setattr(datasets, "load_toy10", lambda **options: draw(60, 20, **options))


def test_stand_in_for_cifar10(course, small_toy10, capsys):
    data = datasets.load_cifar10()
    assert data.source.stand_in
    assert data.x_train.shape == (60, 32, 32, 3)
    assert data.x_test.shape == (20, 32, 32, 3)
    assert data.boxes_train.shape == (60, 4)
    assert data.boxes_test.shape == (20, 4)
    digest = hashlib.sha256(data.x_train.tobytes() + data.x_test.tobytes()).hexdigest()
    assert capsys.readouterr().out == (
        f"STAND-IN for CIFAR-10 (toy10, seed 0): 80 images, drawn here, sha256 {digest[:8]}…\n"
    )
    assert "stand-in" in data.source.credit.lower()


def test_stand_in_can_be_refused(course, small_toy10):
    with pytest.raises(DataError, match=r"out of reach.*COURSE_DATA.*cifar\.tar\.gz or cifar\.zip"):
        datasets.load_cifar10(allow_stand_in=False)


def test_stand_in_is_not_used_for_a_damaged_file(course, small_toy10):
    path = course.put("cifar.zip", jpeg_zip())
    path.write_bytes(flipped(path.read_bytes(), 1000))
    with pytest.raises(DataError, match="sha256"):
        datasets.load_cifar10()


def test_seed_changes_toy10():
    first, again, other = (datasets.load_toy10(20, 10, seed=s, verbose=False) for s in (0, 0, 1))
    assert first.source.sha256 == again.source.sha256 != other.source.sha256
    assert not np.array_equal(first.x_train[:10], first.x_test)


def test_dog(course, capsys):
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), (90, 90, 90)).save(buffer, "JPEG")
    course.put("dog.jpeg", buffer.getvalue())
    photo = datasets.load_dog()
    assert photo.image.shape == (60, 80)
    assert photo.image.dtype == np.uint8
    assert photo.image.mean() == pytest.approx(90, abs=1)
    assert capsys.readouterr().out.startswith("the dog photo (grey): 1 image, local copy, sha256 ")


def test_stand_in_for_the_dog(course, capsys):
    photo = datasets.load_dog()
    assert photo.image.shape == (600, 800)
    assert photo.image.dtype == np.uint8
    assert photo.source.stand_in
    assert capsys.readouterr().out.startswith("STAND-IN for the dog photo (")


@pytest.mark.parametrize(
    ("name", "load"), [("cifar.zip", datasets.load_cifar10), ("dog.jpeg", datasets.load_dog)]
)
def test_flipped_byte_is_named_before_anything_is_parsed(course, monkeypatch, name, load):
    path = course.put(name, jpeg_zip() if name.endswith("zip") else jpeg((9, 9, 9)))
    content = path.read_bytes()
    path.write_bytes(flipped(content, len(content) // 2))
    monkeypatch.setattr(datasets, "_decoded", lambda _: pytest.fail("parsed"))
    monkeypatch.setattr(Image, "open", lambda _: pytest.fail("parsed"))
    with pytest.raises(DataError) as error:
        load()
    expected = hashlib.sha256(content).hexdigest()[:16]
    assert name in str(error.value)
    assert f"expected {expected}" in str(error.value)
    assert "Copy it again" in str(error.value)


# --- damaged archives whose sha256 agrees, so that the readers meet them --------------------------


def flipped(content, at, bit=0x40):
    return content[:at] + bytes([content[at] ^ bit]) + content[at + 1 :]


def refused(course, name, content):
    """Load a damaged file; return what the course says."""
    path = course.put(name, content)
    with pytest.raises(DataError) as error:
        datasets.load_cifar10()
    message = str(error.value)
    assert str(path) in message
    assert "xpected" in message
    assert "Get a fresh copy" in message or "get the official archive" in message
    assert not list(course.cache.glob("*.npy")), "a damaged archive was kept as decoded"
    return message


@pytest.mark.parametrize("fraction", [0, 0.2, 0.6, 0.99])
@pytest.mark.parametrize("name", ["cifar.tar.gz", "cifar.zip"])
def test_truncated_archive(course, name, fraction):
    content = official() if name.endswith("gz") else jpeg_zip()
    assert "truncated" in refused(course, name, content[: int(fraction * len(content))])


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("cifar.tar.gz", datasets._read_pickled_archive),
        ("cifar.zip", datasets._read_jpeg_zip),
    ],
)
def test_no_flipped_byte_causes_an_unclear_error(course, name, reader):
    content = official() if name.endswith("gz") else jpeg_zip()
    noticed = 0
    size = len(content)
    ends = [*range(30), *range(size - 70, size)]  # headers and directories
    for at in [*ends, *range(30, size - 70, size // 60)]:
        path = course.put(name, flipped(content, at, bit=(0x01, 0x40)[at % 2]))
        try:
            reader(path)
        except DataError as error:
            assert str(path) in str(error)
            noticed += 1
    assert noticed > 50  # some bytes, such as dates, mean nothing


def test_missing_class(course):
    dropped = {f"test/deer/{k:04}.jpg": None for k in range(2)}
    message = refused(course, "cifar.zip", jpeg_zip(dropped))
    assert "has 0 images in test/deer/, expected 2" in message


def test_missing_image(course):
    message = refused(course, "cifar.zip", jpeg_zip({"train/cat/0004.jpg": None}))
    assert "has 9 images in train/cat/, expected 10" in message


def test_image_of_the_wrong_size(course):
    wrong = {"train/cat/0004.jpg": jpeg((0, 0, 0), size=(31, 33))}
    message = refused(course, "cifar.zip", jpeg_zip(wrong))
    assert "train/cat/0004.jpg" in message
    assert "33 × 31 pixels, expected 32 × 32" in message


@pytest.mark.parametrize("content", [b"not a picture", jpeg((0, 0, 0))[:150]])
def test_image_that_is_no_jpeg(course, content):
    course.put("cifar.zip", jpeg_zip({"train/cat/0004.jpg": content}))
    with pytest.raises(
        DataError, match=r"train/cat/0004\.jpg in .* is not a readable JPEG\. Get a"
    ):
        datasets.load_cifar10()


def test_missing_batch(course):
    message = refused(course, "cifar.tar.gz", official(data_batch_3=None))
    assert "lacks the file cifar-10-batches-py/data_batch_3" in message


def test_wrong_contents(course):
    data, labels = batches()["data_batch_3"]
    for bad, said in [
        (python3_pickle(data.astype(float), labels), "float64 of shape (20, 3072)"),
        (python3_pickle(data[:, :-3], labels), "uint8 of shape (20, 3069)"),
        (python3_pickle(data, labels[:-1]), "expected uint8 of shape (19, 3072)"),
        (python3_pickle(data, [0] * 20), "expected 10 of each"),
        (python3_pickle(data, [-1] * 20), "expected 10 of each"),
        (pickle.dumps([1, 2, 3], protocol=2), "was refused"),
        (pickle.dumps({"labels": labels}, protocol=2), "was refused"),
        (python3_pickle(data, labels)[:-500], "was refused"),
        (b"\x80", "was refused"),
    ]:
        assert said in refused(course, "cifar.tar.gz", official(data_batch_3=bad))


class _Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "function", ["os.mkdir", "builtins.eval", "numpy.memmap", "subprocess.call"]
)
def test_a_pickle_that_calls_is_refused_before_it_runs(course, tmp_path, function):
    canary = tmp_path / "canary"
    call = {
        "os.mkdir": _Call(os.mkdir, str(canary)),
        "builtins.eval": _Call(eval, f"__import__('os').mkdir({str(canary)!r})"),
        "numpy.memmap": _Call(np.memmap, str(canary), "uint8", "w+", 0, (10,)),
        "subprocess.call": _Call(
            subprocess.call, [sys.executable, "-c", f"import os; os.mkdir({str(canary)!r})"]
        ),
    }[function]
    data, labels = batches()["data_batch_1"]
    hostile = pickle.dumps({"data": data, "labels": labels, "more": call}, protocol=2)
    message = refused(course, "cifar.tar.gz", official(data_batch_1=hostile))
    assert "it asks to call" in message
    assert function.split(".")[1] in message
    assert "data_batch_1" in message
    assert not canary.exists()
    pickle.loads(hostile)
    assert canary.exists(), "the pickle of this test is harmless: the test shows nothing"


def test_a_pickle_cannot_reach_through_an_allowed_name(course, tmp_path):
    target = tmp_path / "canary"
    hostile = b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93\x8c\x01x\x85R."
    assert "ndarray.tofile" in refused(course, "cifar.tar.gz", official(data_batch_1=hostile))
    assert not target.exists()


# --- the decoded copy ---------------------------------------------------------------------------


@pytest.fixture
def decoded(course, monkeypatch):
    """The small zip, loaded once; decoding it again is counted."""
    course.put("cifar.zip", jpeg_zip())
    course.first = np.array(datasets.load_cifar10(verbose=False).x_train)
    (course.pixels,), (course.note,) = course.cache.glob("*.npy"), course.cache.glob("*.json")
    read, course.reads = datasets._read_jpeg_zip, []
    monkeypatch.setattr(
        datasets, "_read_jpeg_zip", lambda path: course.reads.append(path) or read(path)
    )
    return course


def test_second_load_is_a_map_of_the_file(decoded):
    data = datasets.load_cifar10()
    assert decoded.reads == []
    assert isinstance(data.x_train, np.memmap)
    assert Path(data.x_train.filename) == decoded.pixels
    np.testing.assert_array_equal(data.x_train, decoded.first)
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0] = 0


def damage_pixels(course):
    course.pixels.write_bytes(flipped(course.pixels.read_bytes(), 5000))


def truncate_pixels(course):
    course.pixels.write_bytes(course.pixels.read_bytes()[:5000])


def damage_note(course):
    course.note.write_bytes(course.note.read_bytes()[:20])


def empty_note(course):
    course.note.write_bytes(b"{}")


@pytest.mark.parametrize("damage", [damage_pixels, truncate_pixels, damage_note, empty_note])
def test_damaged_decoded_copy_is_made_again(decoded, capsys, damage):
    damage(decoded)
    data = datasets.load_cifar10(verbose=False)
    assert len(decoded.reads) == 1
    np.testing.assert_array_equal(data.x_train, decoded.first)
    notice = capsys.readouterr().out
    assert notice == f"{decoded.pixels.name} in the cache is damaged; decoding cifar.zip again\n"
    datasets.load_cifar10(verbose=False)
    assert len(decoded.reads) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("which", ["pixels", "note"])
def test_lost_half_of_the_decoded_copy(decoded, which):
    getattr(decoded, which).unlink()
    np.testing.assert_array_equal(datasets.load_cifar10(verbose=False).x_train, decoded.first)
    assert len(decoded.reads) == 1


def test_another_archive_has_another_decoded_copy(decoded):
    decoded.put("cifar.zip", jpeg_zip({"train/cat/0000.jpg": jpeg((255, 255, 255))}))
    data = datasets.load_cifar10(verbose=False)
    assert data.x_train[3].min() > 250


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_killed_decoding_leaves_nothing_half_written(course):
    course.put("cifar.zip", jpeg_zip())
    script = f"""
        import time
        import numpy as np
        from helpers import datasets, sources

        def write_half(file, images):
            file.write(images.tobytes()[: images.size // 2])
            file.flush()
            print("half", flush=True)
            time.sleep(60)

        np.save = write_half
        datasets.PER_CLASS = {PER_CLASS!r}
        sources.registry = lambda: {sources.registry()!r}
        datasets.load_cifar10()
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline() == "half\n"
        finally:
            child.send_signal(signal.SIGKILL)
    (part,) = course.cache.iterdir()
    assert part.name.startswith(".part-")
    assert part.stat().st_size > 100_000

    data = datasets.load_cifar10(verbose=False)
    assert data.x_train.shape == (100, 32, 32, 3)
    assert sorted(p.suffix for p in course.cache.iterdir()) == [".json", ".npy"]


# --- images for a network -----------------------------------------------------------------------


def test_good_images_pass():
    images = np.zeros((2, 4, 4, 3), np.float32)
    assert datasets.check_images(images) is images
    assert datasets.check_images(images.astype(np.uint8)).dtype == np.uint8


@pytest.mark.parametrize(("value", "said"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "-inf")])
def test_nan_is_found(value, said):
    images = np.zeros((3, 4, 5, 2), np.float32)
    images[1, 2, 4, 0] = value
    with pytest.raises(ValueError) as error:
        datasets.check_images(images, name="x_test")
    message = str(error.value)
    assert f"x_test[1] holds {said} at (row, column, channel) (2, 4, 0)" in message
    assert "expected finite numbers" in message
    assert "division by zero" in message


@pytest.mark.parametrize("shape", [(32, 32, 3), (0, 32, 32, 3), (5,)])
def test_wrong_shape_is_named(shape):
    with pytest.raises(ValueError) as error:
        datasets.check_images(np.zeros(shape))
    assert str(shape) in str(error.value)
    assert "expected (n, height, width, channels)" in str(error.value)
