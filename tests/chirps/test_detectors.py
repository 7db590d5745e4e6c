"""Where the detectors stand and how they respond: LAL's numbers, the surveyors', and geometry."""

import numpy as np
import pytest

from chirps.detectors import DETECTORS, MAX_DELAY, SPEED_OF_LIGHT, Detector, antenna_pattern, delay
from tests.support import FIXTURES

REFERENCES = np.load(FIXTURES / "gw_references.npz")
LONGITUDE, DECLINATION, POLARISATION = REFERENCES["directions"]

# LIGO-T980044: latitude and longitude in degrees, minutes, seconds; height in m; azimuth of the
# arms in degrees clockwise from north.
SURVEY = {
    "H1": ((46, 27, 18.528), (-119, 24, 27.5657), 142.554, 324.0006, 234.0006),
    "L1": ((30, 33, 46.4196), (-90, 46, 27.2654), -6.574, 252.2835, 162.2835),
}


def degrees(d, m, s):
    return np.sign(d) * (abs(d) + m / 60 + s / 3600)


def everywhere(n, seed=0):
    """Draw sources uniform on the sky and in polarisation."""
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 2 * np.pi, n), rng.uniform(-1, 1, n), rng.uniform(0, np.pi, n)


@pytest.mark.parametrize("column", [0, 1])
def test_antenna_patterns_are_lals(column):
    name = ("H1", "L1")[column]
    ours = np.stack(antenna_pattern(name, LONGITUDE, np.sin(DECLINATION), POLARISATION), axis=-1)
    # LAL keeps its response tensors in single precision
    np.testing.assert_allclose(ours, REFERENCES["patterns"][:, column], atol=1e-6)


def test_delays_are_lals():
    np.testing.assert_allclose(
        delay(LONGITUDE, np.sin(DECLINATION)), REFERENCES["delays"], atol=1e-9
    )


@pytest.mark.parametrize("name", SURVEY)
def test_detectors_stand_where_the_surveyors_say(name):
    latitude, longitude, height, *azimuths = SURVEY[name]
    phi, lam = np.radians(degrees(*latitude)), np.radians(degrees(*longitude))
    a, f = 6378137.0, 1 / 298.257223563  # WGS-84
    normal = a / np.sqrt(1 - (2 * f - f**2) * np.sin(phi) ** 2)
    vertex = [
        (normal + height) * np.cos(phi) * np.cos(lam),
        (normal + height) * np.cos(phi) * np.sin(lam),
        ((1 - f) ** 2 * normal + height) * np.sin(phi),
    ]
    detector = DETECTORS[name]
    np.testing.assert_allclose(detector.vertex, vertex, atol=0.01)
    east = np.array([-np.sin(lam), np.cos(lam), 0])
    north = np.array([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
    for arm, azimuth in zip((detector.x_arm, detector.y_arm), azimuths, strict=True):
        found = np.degrees(np.arctan2(np.dot(arm, east), np.dot(arm, north))) % 360
        assert found == pytest.approx(azimuth, abs=1e-3)
        assert np.linalg.norm(arm) == pytest.approx(1, abs=1e-9)
    assert np.dot(detector.x_arm, detector.y_arm) == pytest.approx(0, abs=1e-6)


def test_the_detectors_are_ten_milliseconds_apart():
    # "3000 km", "10 ms": B. Abbott et al., Phys. Rev. Lett. 116, 061102 (2016)
    assert pytest.approx(3002e3, abs=1e3) == MAX_DELAY * SPEED_OF_LIGHT
    assert pytest.approx(10.01e-3, abs=1e-5) == MAX_DELAY


def test_the_delay_is_extreme_along_the_baseline_only():
    baseline = np.subtract(DETECTORS["H1"].vertex, DETECTORS["L1"].vertex)
    x, y, z = baseline / np.linalg.norm(baseline)
    # a source beyond Hanford reaches Hanford first
    assert delay(np.arctan2(y, x), z) == pytest.approx(MAX_DELAY, rel=1e-12)
    assert delay(np.arctan2(-y, -x), -z) == pytest.approx(-MAX_DELAY, rel=1e-12)
    longitude, sine, _ = everywhere(20_000)
    delays = delay(longitude, sine)
    assert abs(delays).max() < MAX_DELAY
    # the cosine of the angle to the baseline is uniform for directions that are
    assert delays.std() == pytest.approx(MAX_DELAY / np.sqrt(3), rel=0.02)


def test_overhead_along_the_arms_the_response_is_full():
    detector = Detector("here", (0, 0, 0), (1, 0, 0), (0, 1, 0))
    # seen from above, the axes of a wave with ψ = 0 at longitude 90° point along the arms
    plus, cross = antenna_pattern(detector, np.pi / 2, 1.0, 0.0)
    assert (plus, cross) == (pytest.approx(1), pytest.approx(0))
    plus, cross = antenna_pattern(detector, np.pi / 2, 1.0, np.pi / 4)
    assert (abs(plus), abs(cross)) == (pytest.approx(0), pytest.approx(1))
    # in the plane of the arms, between them, the detector is blind
    np.testing.assert_allclose(antenna_pattern(detector, np.pi / 4, 0.0, 0.3), 0, atol=1e-12)


@pytest.mark.parametrize("name", DETECTORS)
def test_the_mean_over_the_sky_is_two_fifths(name):
    plus, cross = antenna_pattern(name, *everywhere(60_000))
    assert (plus**2 + cross**2).max() <= 1 + 1e-12
    assert (plus**2 + cross**2).mean() == pytest.approx(2 / 5, rel=0.01)


def test_a_wave_turned_by_45_degrees_swaps_its_polarisations():
    longitude, sine, angle = everywhere(50)
    plus, cross = antenna_pattern("L1", longitude, sine, angle)
    turned_plus, turned_cross = antenna_pattern("L1", longitude, sine, angle + np.pi / 4)
    np.testing.assert_allclose(turned_plus, cross, atol=1e-12)
    np.testing.assert_allclose(turned_cross, -plus, atol=1e-12)


def test_shapes_broadcast():
    plus, cross = antenna_pattern("H1", np.zeros((4, 1)), [0.1, 0.2, 0.3], 0.5)
    assert plus.shape == cross.shape == (4, 3)
    assert delay(np.zeros((4, 1)), [0.1, 0.2, 0.3]).shape == (4, 3)


def test_bad_input():
    with pytest.raises(ValueError, match="Unknown detector 'V1': the course knows H1 and L1"):
        antenna_pattern("V1", 0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="it is the sine"):
        antenna_pattern("H1", 0.0, 1.2, 0.0)
    with pytest.raises(ValueError, match="it is the sine"):
        delay(0.0, np.nan)
