"""The data sets of the networks: what is split, what stays together, and what comes again."""

import hashlib

import numpy as np
import pytest
from scipy import stats

from chirps import images, sets, simulate

SHARES = np.array([0.64, 0.16, 0.20])
LABELS = np.repeat([1, 0], [98 * 4, 76 * 4])
GROUPS = np.repeat(np.arange(98 + 76), 4)


def counts(parts, label, groups=None):
    """Return how many images, or groups, of a class each part holds."""
    one_class = [part[LABELS[part] == label] for part in parts]
    return [len(part if groups is None else np.unique(groups[part])) for part in one_class]


# --- the split ----------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["by image", "by event"])
def test_every_image_is_in_one_part(groups):
    parts = sets.three_parts(LABELS, groups, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(LABELS)))


@pytest.mark.parametrize("label", [0, 1])
def test_classes_have_their_shares_to_within_one(label):
    by_image = counts(sets.three_parts(LABELS, seed=1), label)
    by_event = counts(sets.three_parts(LABELS, GROUPS, seed=1), label, GROUPS)
    for found in (by_image, by_event):
        assert np.abs(found - SHARES * sum(found)).max() < 1


def test_copies_stay_together_when_they_are_told_to():
    apart = sets.three_parts(LABELS, GROUPS, seed=1)
    in_parts = [set(GROUPS[part]) for part in apart]
    assert not in_parts[0] & in_parts[1] and not in_parts[0] & in_parts[2]
    assert not in_parts[1] & in_parts[2]
    mixed = [set(GROUPS[part]) for part in sets.three_parts(LABELS, seed=1)]
    # A test image's three other copies are all outside training with a chance of .36³ or so.
    assert len(mixed[2] & mixed[0]) > 0.9 * len(mixed[2])


@pytest.mark.parametrize("groups", [None, GROUPS], ids=["by image", "by event"])
def test_a_split_is_random_and_comes_again_with_its_seed(groups):
    one, again, other = (sets.three_parts(LABELS, groups, seed=s) for s in (1, 1, 2))
    for part, same, different in zip(one, again, other, strict=True):
        np.testing.assert_array_equal(part, same)
        assert set(part.tolist()) != set(different.tolist())
        # In no order: neither by class, nor by number.
        assert abs(stats.spearmanr(np.arange(len(part)), part).statistic) < 0.3
        assert stats.ks_2samp(*(np.flatnonzero(LABELS[part] == c) for c in (0, 1))).pvalue > 1e-3


# --- the set like the homework's ----------------------------------------------------------------


@pytest.fixture(scope="module")
def simulated():
    return simulate.homework_like(0)


@pytest.fixture(scope="module", params=sets.SPLITS)
def homework(request, simulated):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulate, "homework_like", lambda seed: simulated)
        return request.param, sets.homework(request.param)


def test_the_homework_is_all_there_with_its_labels(homework):
    _, data = homework
    shares = [len(y) for y in (data.y_train, data.y_validation, data.y_test)]
    assert sum(shares) == 1568 + 1216
    np.testing.assert_allclose(np.array(shares) / sum(shares), SHARES, atol=0.01)
    for x, y in (
        (data.x_train, data.y_train),
        (data.x_validation, data.y_validation),
        (data.x_test, data.y_test),
    ):
        assert x.shape == (len(y), 39, 100, 2) and x.dtype == np.float32
        assert 0 <= x.min() and x.max() == 25
        assert np.mean(y) == pytest.approx(1568 / 2784, abs=0.02)
        # A loud wave saturates pixels; noise hardly ever does.
        loud = (x >= 25).sum((1, 2, 3)) > 2
        assert np.mean(loud == y) > 0.95
    assert data.classes[1] == "gravitational wave" and data.source.items == 2784


def test_copies_of_an_event_leak_by_image_and_not_by_event(homework, simulated):
    split, data = homework

    def digest(image):
        return hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()

    groups = np.concatenate([simulated.gw_groups, 98 + simulated.nd_groups])
    event = dict(zip(map(digest, [*simulated.gw, *simulated.nd]), groups, strict=True))
    assert len(event) == 2784
    train, test = ({event[digest(x)] for x in part} for part in (data.x_train, data.x_test))
    if split == "by event":
        assert not train & test
    else:
        assert len(train & test) > 0.95 * len(test)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="Unknown split 'by day': choose 'by image' or 'by event'"):
        sets.homework("by day")


# --- the modern set -----------------------------------------------------------------------------


def test_a_modern_part_is_half_waves_and_comes_again_with_its_seed():
    settings = {"noises": {"design": 1.0}, "verbose": False}
    part, again = (sets.modern("train", 40, 3, **settings) for _ in range(2))
    assert part.pixels.shape == (40, 39, 100, 2) and part.pixels.dtype == np.uint8
    assert part.labels.sum() == 20
    np.testing.assert_array_equal(part.pixels, again.pixels)
    assert np.any(part.pixels != sets.modern("train", 40, 4, **settings).pixels)
    signals = part.labels == 1
    np.testing.assert_array_equal(part.kinds == "signal", signals)
    assert np.all((part.snr[signals] >= 5) & (part.snr[signals] <= 30))
    assert np.median(images.from_bytes(part.pixels[part.kinds == "noise"])) == pytest.approx(1, 0.1)


def test_parts_and_kinds_of_noise_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="expected a sum of 1"):
        sets.modern("train", 10, 0, noises={"design": 0.5})
    with pytest.raises(ValueError, match="No noise 'pink' of 'train'"):
        sets.noise_of("pink", "train")
    with pytest.raises(ValueError, match="No noise 'real' of 'exam'"):
        sets.noise_of("real", "exam")


def test_no_event_lends_its_noise_to_two_parts():
    assert len(set(sets.REAL_NOISE.values())) == len(sets.REAL_NOISE) == 3
