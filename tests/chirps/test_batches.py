"""Batches of gravitational-wave images: what is changed from epoch to epoch, and what never is."""

import numpy as np
import pytest

from chirps import images
from chirps.batches import RECOMBINED, Batches

N = 240
KINDS = np.array(["signal", "noise", "glitch", "two glitches", "slide", "signal"] * (N // 6))
LABELS = (KINDS == "signal").astype(int)
SNR = np.where(LABELS == 1, 5 + 20 * np.arange(N) / N, np.nan)


def marked():
    """Images that say who they are: pixel (0, 0) holds the number, one more in L1 than in H1."""
    pixels = np.zeros((N, 39, 100, 2), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(N)
    pixels[:, 0, 0, 1] = np.arange(N)
    pixels[:, 1, 0] = 1, 2  # which detector
    return pixels


def batches(**options):
    settings = {"batch_size": 24, "epochs": 10, "seed": 3} | options
    return Batches(marked(), LABELS, KINDS, SNR, **settings)


def seen(data):
    """Numbers of the H1 and L1 images, detectors, labels and energies of one epoch."""
    x, y = map(np.concatenate, zip(*(data[k] for k in range(len(data))), strict=True))
    levels = np.rint(x[:, :2, 0] * 255 / images.FULL_SCALE).astype(int)
    return levels[:, 0], levels[:, 1], y[:, 0], x


def test_energies_and_labels_go_to_the_network():
    x, y = batches()[0]
    assert x.shape == (24, 39, 100, 2) and x.dtype == np.float32
    assert y.shape == (24, 1) and y.dtype == np.float32
    assert x.max() <= images.FULL_SCALE


def test_an_epoch_shows_every_image_once_with_its_label():
    numbers, detector, y, _ = seen(batches(swap=False, slide=False))
    assert (np.sort(numbers[:, 0]) == np.arange(N)).all()
    assert (numbers[:, 0] == numbers[:, 1]).all()
    assert (detector == (1, 2)).all()
    assert (y == LABELS[numbers[:, 0]]).all()


def test_a_last_short_batch_is_left_out():
    data = batches(batch_size=50)
    assert len(data) == 4
    assert len(seen(data)[0]) == 200


def test_swap_exchanges_whole_detectors_of_half_of_the_images():
    numbers, detector, _, _ = seen(batches(slide=False))
    assert (numbers[:, 0] == numbers[:, 1]).all()
    swapped = (detector == (2, 1)).all(axis=1)
    assert (swapped | (detector == (1, 2)).all(axis=1)).all()
    assert 0.3 < swapped.mean() < 0.7  # six standard errors around one half


def test_only_backgrounds_without_a_common_cause_are_recombined():
    numbers, detector, y, _ = seen(batches(swap=False))
    parted = numbers[:, 0] != numbers[:, 1]
    kinds = KINDS[numbers]  # of what H1 and of what L1 shows
    assert np.isin(kinds[parted], RECOMBINED).all()
    assert parted[np.isin(kinds[:, 0], RECOMBINED)].mean() > 0.8
    assert not parted[np.isin(kinds[:, 0], ("signal", "slide"))].any()
    assert (detector == (1, 2)).all()  # H1 stays H1
    assert (y == (kinds[:, 0] == "signal")).all()
    # Each half is used as often as before.
    assert (np.sort(numbers[:, 1]) == np.arange(N)).all()


def test_signals_and_slides_keep_their_delay():
    """Nothing may move one detector in time against the other: then a wave would be none."""
    pixels = np.zeros((N, 39, 100, 2), np.uint8)
    pixels[:, 5, 40, 0] = pixels[:, 5, 41, 1] = 255
    data = Batches(pixels, LABELS, KINDS, SNR, batch_size=24, epochs=10, seed=0)
    x = np.concatenate([data[k][0] for k in range(len(data))])
    columns = x[:, 5].argmax(axis=1)
    assert (np.abs(columns[:, 0] - columns[:, 1]) == 1).all()


def test_the_curriculum_goes_down_to_the_last_signal_by_half_time():
    data = batches(curriculum=(15.0, 5.0), epochs=10)
    assert [data.lowest_snr(e) for e in (0, 1, 5, 9)] == pytest.approx([15, 13, 5, 5])
    for epoch in (0, 3, 5):
        data.start(epoch)
        numbers, _, y, _ = seen(data)
        signals = numbers[y == 1, 0]
        assert SNR[signals].min() >= data.lowest_snr(epoch)
        assert y.sum() == LABELS.sum()  # never fewer: loud ones come more than once
        times = np.bincount(signals)[np.unique(signals)]
        assert np.ptp(times) <= 1
    assert (np.sort(signals) == np.flatnonzero(LABELS)).all()


def test_the_same_seed_and_epoch_give_the_same_batches_and_no_others_do():
    one, other, stranger = batches(), batches(), batches(seed=4)
    for data in (one, other, stranger):
        data.start(2)
    np.testing.assert_array_equal(seen(one)[3], seen(other)[3])
    # As a resumed training does: out of order, after another epoch.
    other.start(1)
    assert (seen(one)[0] != seen(other)[0]).any()
    other.start(2)
    np.testing.assert_array_equal(one[3][0], other[3][0])
    assert (seen(one)[0] != seen(stranger)[0]).any()


def test_the_images_themselves_are_never_changed():
    pixels = marked()
    before = pixels.copy()
    pixels.flags.writeable = False  # as a memory-mapped file is
    data = Batches(pixels, LABELS, KINDS, SNR, batch_size=24, epochs=10, seed=3)
    seen(data)
    np.testing.assert_array_equal(pixels, before)
