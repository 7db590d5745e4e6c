"""Read the weights that somebody hands in, as plain arrays, and put them into a network.

A file of weights is numbers with names. Nothing else is read here, and nothing in it is run: no
pickles, no references, no links out of the file. Needs numpy, for HDF5 h5py, and no Keras.
"""

import math
import re
import zipfile
from pathlib import Path

import numpy as np

from helpers.sources import DataError

LARGEST = 20_000_000  # bytes of all arrays together
MOST = 200  # arrays
MEMBERS = 2000  # groups and arrays: a link may lead back to where one came from, without end

# What Keras writes beside the network: the state of the training and of the dropout's dice.
_IGNORED = {"optimizer", "seed_generator"}


class WeightsError(DataError):
    """A file of weights is damaged, holds what it should not, or does not fit the network."""


def read(path):
    """Read the arrays of a file that Keras's ``save_weights`` wrote, or of an archive of numpy.

    The state of the optimizer, which Keras adds to the weights of a compiled network, is left out.

    Parameters
    ----------
    path : str or pathlib.Path
        Ends in ``.h5`` or ``.npz``.

    Returns
    -------
    dict of str to numpy.ndarray
        The path of each dataset inside the file, such as ``"layers/conv2d/vars/0"``, and its
        numbers, as 32- or 64-bit floats.

    Raises
    ------
    WeightsError
        If the file is missing or unreadable, links out of itself, holds anything but floats, or
        more than 20 MB or 200 arrays of them.
    """
    path = Path(path)
    readers = {".h5": _read_hdf5, ".npz": _read_npz}
    if path.suffix not in readers:
        raise WeightsError(f"{path.name} is no file of weights: expected .weights.h5.")
    if not path.is_file():
        raise WeightsError(f"{path.name} is missing.")
    try:
        return readers[path.suffix](path)
    except WeightsError:
        raise
    except Exception as problem:  # many kinds, where the bytes of a file are cut off or changed
        raise WeightsError(
            f"{path.name} is damaged, or not what its name says "
            f"({type(problem).__name__}). Save the weights again: model.save_weights(path)."
        ) from None


class _Budget:
    """Counts the arrays of a file and their bytes before they are read."""

    def __init__(self, file):
        self.file, self.members, self.arrays, self.bytes = file, 0, 0, 0

    def open(self):
        """Count a member of a group; raise if there is no end of them."""
        self.members += 1
        if self.members > MEMBERS:
            raise WeightsError(f"{self.file}: groups inside groups without end.")

    def add(self, name, shape, dtype):
        """Count an array; raise if it is not to be read."""
        if dtype.kind != "f" or dtype.itemsize not in (2, 4, 8):
            raise WeightsError(f"{self.file}: {name} holds {dtype}, expected floats.")
        self.arrays += 1
        self.bytes += math.prod(shape) * max(dtype.itemsize, 4)
        if self.arrays > MOST:
            raise WeightsError(f"{self.file} holds more than {MOST} arrays.")
        if self.bytes > LARGEST:
            raise WeightsError(
                f"{self.file} holds more than {LARGEST / 1e6:.0f} MB of numbers. "
                "Is it the right network?"
            )


def _plain(array):
    """Return floats of 32 or 64 bits in the byte order of this machine."""
    return np.ascontiguousarray(array, np.float64 if array.dtype.itemsize == 8 else np.float32)


# --- HDF5 ---------------------------------------------------------------------------------------


def _read_hdf5(path):
    import h5py

    found, budget = {}, _Budget(path.name)
    with h5py.File(path, "r") as file:
        waiting = [("", file)]
        while waiting:
            prefix, group = waiting.pop()
            for key in group:
                if key in _IGNORED:
                    continue
                name = prefix + key
                member = _member(group, key, name, budget)
                if isinstance(member, h5py.Group):
                    waiting.append((name + "/", member))
                else:
                    found[name] = member
        return {name: _plain(dataset[()]) for name, dataset in found.items()}


def _member(group, key, name, budget):
    """Return a group or a dataset that may be read, reached by a hard link."""
    import h5py

    budget.open()
    where = f"{budget.file}: {name}"
    if not isinstance(group.get(key, getlink=True), h5py.HardLink):
        raise WeightsError(f"{where} is a link to somewhere else.")
    member = group[key]
    if isinstance(member, h5py.Dataset):
        _refuse_tricks(member, where)
        budget.add(name, member.shape, member.dtype)
    elif not isinstance(member, h5py.Group):
        raise WeightsError(f"{where} is no array.")
    return member


def _refuse_tricks(dataset, where):
    """Refuse numbers that lie in another file, or that must be unpacked first."""
    if dataset.shape is None:
        raise WeightsError(f"{where} is empty.")
    if dataset.is_virtual or dataset.external:
        raise WeightsError(f"{where} lies in another file.")
    if dataset.id.get_create_plist().get_nfilters():
        raise WeightsError(f"{where} is packed; Keras writes plain numbers.")


# --- npz ----------------------------------------------------------------------------------------


def _read_npz(path):
    found, budget = {}, _Budget(path.name)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            if name == member.filename or name in found:
                raise WeightsError(f"{path.name}: {member.filename} is no array of its own.")
            if _IGNORED & set(name.split("/")):
                continue
            with archive.open(member) as file:  # the header alone: nothing is unpacked yet
                shape, dtype = _header(file)
            budget.add(name, shape, dtype)
            with archive.open(member) as file:
                found[name] = _plain(np.lib.format.read_array(file, allow_pickle=False))
    return found


def _header(file):
    """Return shape and number type of an array in numpy's format."""
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = read_header(file)
    return shape, dtype


# --- into a network -----------------------------------------------------------------------------


def load_into(model, arrays):
    """Set the weights of a network from the arrays of a file, after comparing all shapes.

    Nothing is set unless everything fits.

    Parameters
    ----------
    model : keras.Model
        Built; layers in a row, none of which holds layers of its own.
    arrays : dict of str to numpy.ndarray
        As :func:`read` returns them, named as Keras 3 names them: ``layers/<name>/vars/<n>``.

    Raises
    ------
    WeightsError
        If an array is missing, of another shape, or one too many. The message names the layer,
        and both shapes.
    """
    left, fitting = dict(arrays), []
    for name, layer in _stored_names(model):
        values = []
        for number, weight in enumerate(layer.weights):
            place, wanted = f"layers/{name}/vars/{number}", tuple(weight.shape)
            if place not in left:
                raise WeightsError(
                    f"layer {layer.name!r}: there is no {place}, expected an array {wanted}. "
                    f"{_what_there_is(arrays)}"
                )
            values.append(left.pop(place))
            if values[-1].shape != wanted:
                raise WeightsError(
                    f"layer {layer.name!r}: an array {values[-1].shape} where the network has "
                    f"{wanted} ({place})."
                )
        fitting.append((layer, values))
    if left:
        name, array = next(iter(left.items()))
        raise WeightsError(
            f"{name}, an array {array.shape}, belongs to no layer of the network "
            f"({len(left)} such array{'s' * (len(left) > 1)})."
        )
    for layer, values in fitting:
        layer.set_weights(values)


def _stored_names(model):
    """Return the layers that have weights, with the names under which Keras stores these.

    Keras names a layer after its class, and numbers the second and later ones of a class.
    """
    seen, named = {}, []
    for layer in model.layers:
        kind = _snake_case(type(layer).__name__)
        number = seen[kind] = seen.get(kind, -1) + 1
        if layer.weights:
            named.append((f"{kind}_{number}" if number else kind, layer))
    return named


def _snake_case(name):
    """Return ``LeakyReLU`` as ``leaky_re_lu``, as Keras does."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _what_there_is(arrays):
    """Name what a file has instead, in a few words."""
    layers = list(dict.fromkeys(name.split("/")[1] for name in arrays if name.count("/") == 3))
    if not layers:
        return "The file has none of the names that Keras 3 gives: layers/<name>/vars/<n>."
    return f"The file has {', '.join(layers[:12])}{', …' * (len(layers) > 12)}."
