"""The two LIGO detectors: where they stand, how they respond, which of them hears a wave first.

Everything is in the Earth-fixed frame: x towards the equator at longitude 0, z towards the north
pole. The longitude of a source is its right ascension minus the Greenwich sidereal time.

References
----------
W. Althouse et al., "Precision alignment of the LIGO 4 km arms using the dual-frequency
differential global positioning system", Rev. Sci. Instrum. 72, 3086 (2001) (LIGO-T980044 holds the
numbers).
W. Anderson, P. Brady, J. Creighton and É. Flanagan, "Excess power statistic for detection of burst
sources of gravitational radiation", Phys. Rev. D 63, 042003 (2001), arXiv:gr-qc/0008066, appendix
B: the antenna patterns.
"""

from dataclasses import dataclass

import numpy as np

SPEED_OF_LIGHT = 299_792_458.0  # m/s


@dataclass(frozen=True)
class Detector:
    """An interferometer with two arms.

    Attributes
    ----------
    name : str
    vertex : tuple of 3 floats
        Where the arms meet, in metres from the centre of the Earth (WGS-84).
    x_arm, y_arm : tuple of 3 floats
        Unit vectors along the arms.
    """

    name: str
    vertex: tuple
    x_arm: tuple
    y_arm: tuple

    @property
    def tensor(self):
        """The response tensor (x⊗x − y⊗y)/2, shape (3, 3): strain = tensor : h_ij."""
        return (np.outer(self.x_arm, self.x_arm) - np.outer(self.y_arm, self.y_arm)) / 2


DETECTORS = {
    "H1": Detector(
        "H1",
        vertex=(-2.16141492636e6, -3.83469517889e6, 4.60035022664e6),
        x_arm=(-0.22389266154, 0.79983062746, 0.55690487831),
        y_arm=(-0.91397818574, 0.02609403989, -0.40492342125),
    ),
    "L1": Detector(
        "L1",
        vertex=(-7.42760447238e4, -5.49628371971e6, 3.22425701744e6),
        x_arm=(-0.95457412153, -0.14158077340, -0.26218911324),
        y_arm=(0.29774156894, -0.48791033647, -0.82054461286),
    ),
}

# From Livingston to Hanford, in seconds of light travel.
_BASELINE = np.subtract(DETECTORS["H1"].vertex, DETECTORS["L1"].vertex) / SPEED_OF_LIGHT
MAX_DELAY = float(np.linalg.norm(_BASELINE))  # s; no wave takes longer from one to the other


def antenna_pattern(detector, longitude, sin_declination, polarisation):
    """Return how strongly a detector responds to the two polarisations of a wave.

    The measured strain is F₊ h₊ + F× h×.

    Parameters
    ----------
    detector : {"H1", "L1"} or Detector
    longitude : array
        Of the source in the Earth-fixed frame, rad.
    sin_declination : array
        Sine of the declination of the source, −1 … 1.
    polarisation : array
        Angle ψ of the wave's axes, rad. The three arrays are broadcast against each other.

    Returns
    -------
    plus, cross : array
        F₊ and F×, each between −1 and 1, in the broadcast shape.

    Raises
    ------
    ValueError
        If the detector is unknown or a sine lies outside −1 … 1.

    Notes
    -----
    Anderson et al. (2001), appendix B. Signs as in LAL's ``XLALComputeDetAMResponse``.
    """
    tensor = _known(detector).tensor
    longitude, sin_declination, polarisation = np.broadcast_arrays(
        np.asarray(longitude, float), _sine(sin_declination), np.asarray(polarisation, float)
    )
    cos_declination = np.sqrt(1 - sin_declination**2)
    west = np.stack([np.sin(longitude), -np.cos(longitude), np.zeros_like(longitude)], -1)
    north = np.stack(
        [
            -sin_declination * np.cos(longitude),
            -sin_declination * np.sin(longitude),
            cos_declination,
        ],
        -1,
    )
    cos, sin = np.cos(polarisation)[..., None], np.sin(polarisation)[..., None]
    x, y = west * cos + north * sin, north * cos - west * sin  # axes of the wave on the sky
    plus = np.einsum("...i,ij,...j", x, tensor, x) - np.einsum("...i,ij,...j", y, tensor, y)
    cross = 2 * np.einsum("...i,ij,...j", x, tensor, y)
    return plus, cross


def delay(longitude, sin_declination):
    """Return the arrival time at L1 minus that at H1.

    Parameters
    ----------
    longitude : array
        Of the source in the Earth-fixed frame, rad.
    sin_declination : array
        Sine of its declination.

    Returns
    -------
    array
        Seconds, between minus ``MAX_DELAY`` and ``MAX_DELAY``; negative if L1 hears the wave first.

    Raises
    ------
    ValueError
        If a sine lies outside −1 … 1.
    """
    sin_declination = _sine(sin_declination)
    cos_declination = np.sqrt(1 - sin_declination**2)
    x, y, z = _BASELINE
    return cos_declination * (x * np.cos(longitude) + y * np.sin(longitude)) + z * sin_declination


def _known(detector):
    if isinstance(detector, Detector):
        return detector
    try:
        return DETECTORS[detector]
    except (KeyError, TypeError):
        known = " and ".join(DETECTORS)
        raise ValueError(f"Unknown detector {detector!r}: the course knows {known}.") from None


def _sine(sin_declination):
    sin_declination = np.asarray(sin_declination, float)
    if not np.all(np.abs(sin_declination) <= 1):
        raise ValueError(
            "sin_declination must lie between -1 and 1: it is the sine of the declination, "
            "not the angle."
        )
    return sin_declination
