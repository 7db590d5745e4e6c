"""Strain files are read, or refused with a reason."""

import h5py
import numpy as np
import pytest

from chirps import gwosc, strain
from helpers.sources import DataError

RATE = 4096
BITS = ("DATA", "CBC_CAT1", "CBC_CAT2")


@pytest.fixture(scope="module")
def pair():
    return strain.simulated_pair()


def write(path, one, *, rate=None, detector=None, mask=None, spoil=None):
    """Write strain in the layout of GWOSC."""
    seconds = round(one.duration)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("strain/Strain", data=one.values)
        data.attrs["Xspacing"] = 1 / (rate or one.sample_rate)
        file["meta/GPSstart"] = int(one.gps_start)
        file["meta/Duration"] = seconds
        file["meta/Detector"] = detector or one.detector
        good = np.full(seconds, 2 ** len(BITS) - 1, np.uint32) if mask is None else mask
        file["quality/simple/DQmask"] = good
        file["quality/simple/DQShortnames"] = np.array(BITS, "S")
        if spoil:
            spoil(file)
    return path


def test_a_file_is_read_as_it_was_written(pair, tmp_path):
    one = pair.strains["L1"]
    read = gwosc.read_hdf5(write(tmp_path / "l1.hdf5", one), "L1")
    np.testing.assert_array_equal(read.values, one.values)
    assert (read.detector, read.sample_rate, read.duration) == ("L1", RATE, 32)
    assert (read.gps_start, read.gps_end) == (one.gps_start, one.gps_start + 32)
    assert read.quality_bits == BITS
    assert read.usable.all()
    assert read.gaps() == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_refused(pair, tmp_path, share):
    path = write(tmp_path / "h1.hdf5", pair.strains["H1"])
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"truncated or not a strain file .* Download it again"):
        gwosc.read_hdf5(path)


def test_a_page_instead_of_a_file_is_refused(tmp_path):
    (tmp_path / "h1.hdf5").write_text("<html>not found</html>")
    with pytest.raises(DataError, match="truncated or not a strain file"):
        gwosc.read_hdf5(tmp_path / "h1.hdf5")


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"There is no file .*absent\.hdf5"):
        gwosc.read_hdf5(tmp_path / "absent.hdf5")


def remove(name):
    def spoil(file):
        del file[name]

    return spoil


@pytest.mark.parametrize("name", ["strain/Strain", "meta/GPSstart", "meta"])
def test_hdf5_of_another_layout_is_refused(pair, tmp_path, name):
    path = write(tmp_path / "h1.hdf5", pair.strains["H1"], spoil=remove(name))
    with pytest.raises(DataError, match="truncated or not a strain file"):
        gwosc.read_hdf5(path)


def test_a_file_without_quality_is_taken_as_good(pair, tmp_path):
    path = write(tmp_path / "h1.hdf5", pair.strains["H1"], spoil=remove("quality"))
    assert gwosc.read_hdf5(path).usable.all()


def test_a_missing_detector_is_said(pair, tmp_path):
    one = pair.strains["H1"]
    path = write(tmp_path / "h1.hdf5", one)
    with pytest.raises(DataError, match="is of H1, expected L1"):
        gwosc.read_hdf5(path, "L1")
    with pytest.raises(DataError, match="Both files are of H1: L1 is missing"):
        gwosc.read_pair(path, path)
    with pytest.raises(DataError, match="is of V1; expected H1 or L1"):
        gwosc.read_hdf5(write(tmp_path / "v1.hdf5", one, detector="V1"))
    with pytest.raises(DataError, match="names no detector"):
        gwosc.read_hdf5(write(tmp_path / "none.hdf5", one, spoil=remove("meta/Detector")))


def test_a_pair_may_come_in_either_order(pair, tmp_path):
    paths = [write(tmp_path / f"{d}.hdf5", one) for d, one in pair.strains.items()]
    for order in (paths, paths[::-1]):
        read = gwosc.read_pair(*order)
        assert list(read) == ["H1", "L1"]
        np.testing.assert_array_equal(read["L1"].values, pair.strains["L1"].values)


def test_files_of_different_times_are_refused(pair, tmp_path):
    h1, l1 = pair.strains["H1"], pair.strains["L1"]
    later = gwosc.Strain("L1", l1.gps_start + 100, RATE, l1.values)
    paths = write(tmp_path / "h1.hdf5", h1), write(tmp_path / "l1.hdf5", later)
    with pytest.raises(DataError, match="do not overlap"):
        gwosc.read_pair(*paths)


@pytest.mark.parametrize("rate", [512, 1000, 4000])
def test_a_wrong_sampling_rate_is_refused(pair, tmp_path, rate):
    path = write(tmp_path / "h1.hdf5", pair.strains["H1"], rate=rate)
    with pytest.raises(DataError, match=f"sampled at {rate} Hz; expected a multiple of 1024 Hz"):
        gwosc.read_hdf5(path)


def test_a_rate_that_does_not_fit_the_length_is_refused(pair, tmp_path):
    path = write(tmp_path / "h1.hdf5", pair.strains["H1"], rate=2048)
    with pytest.raises(DataError, match="holds 131,072 samples, expected 65,536"):
        gwosc.read_hdf5(path)


def test_a_quality_mask_is_a_gap_too(pair, tmp_path):
    mask = np.full(32, 7, np.uint32)
    mask[3] = 6  # no DATA
    mask[9] = 5  # a fault of category 1
    mask[20] = 3  # category 2 may be looked at
    read = gwosc.read_hdf5(write(tmp_path / "h1.hdf5", pair.strains["H1"], mask=mask))
    start = read.gps_start
    assert read.gaps() == [(start + 3, start + 4), (start + 9, start + 10)]
