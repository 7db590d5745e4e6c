"""Glitches: five families of noise transients that come from no star.

Each family is a function of time, as it appears in whitened data, with a shape that LIGO sees
and a name that Gravity Spy gives it (a sine-Gaussian is the usual model of many others).
They are drawn directly in the whitened domain: their shapes are stylised, their strength (the
optimal signal-to-noise ratio a template of that very shape would have) is exact.

References
----------
M. Zevin et al., *Gravity Spy: integrating advanced LIGO detector characterization, machine
learning, and citizen science*, Class. Quantum Grav. 34, 064003 (2017), arXiv:1611.04596: the
families. S. Chatterji, PhD thesis, MIT (2005): sine-Gaussians. T. Accadia et al., *Noise from
scattered light in Virgo's second science run data*, Class. Quantum Grav. 27, 194011 (2010): the
arches of scattered light.
"""

import numpy as np

from chirps.grid import BAND, SAMPLE_RATE, TIMES, WINDOW, WINDOW_START, norm

SNR_RANGE = (6.0, 60.0)  # log-uniform
CENTRES = (0.1, 0.9)  # where in the window a glitch may lie, as a fraction of it

# Each family takes times relative to its centre, shape (n, n_samples), in seconds, and five
# uniform numbers in [0, 1), shape (5, n, 1). Every draw uses five numbers whatever its family,
# so that one glitch never depends on the family of another.


def sine_gaussian(time, u):
    """Return a sine under a Gaussian: 40–400 Hz, Q from 4 to 20."""
    return _gaussian_burst(time, _between(u[0], 40, 400), _between(u[1], 4, 20), u[2])


def blip(time, u):
    """Return a blip: a cycle or two, some ten milliseconds; it resembles a very heavy merger."""
    return _gaussian_burst(time, _between(u[0], 60, 200), _between(u[1], 1, 2.5), 0 * u[2])


def scattered_light(time, u):
    """Return the arches of light that a swinging surface scatters, f(t) = f_max |cos(2πt/P)|.

    The phase of the stray light follows the surface, so its fringe frequency follows the
    surface's speed (Accadia et al. 2010). Arches are P/2 long: 0.15–0.6 s.
    """
    period, highest = _between(u[0], 0.3, 1.2), _between(u[1], 28, 70)
    phase = highest * period * np.sin(2 * np.pi * time / period) + 2 * np.pi * u[2]
    return np.exp(-((time / period) ** 2)) * np.sin(phase)


def whistle(time, u):
    """Return a whistle, V or Λ: the beat of two radio oscillators that drift past each other.

    f(t) = f₀ ± a t², with f₀ from 120 to 250 Hz and a from 800 to 6000 Hz/s².
    """
    middle, curvature = _between(u[0], 120, 250), _between(u[1], 800, 6000)
    curvature = np.where(u[2] < 0.5, curvature, -curvature)
    phase = middle * time + curvature * time**3 / 3 + u[3]
    return np.exp(-((time / 0.12) ** 2)) * np.cos(2 * np.pi * phase)


def koi_fish(time, u):
    """Return a koi fish: a strong low body with a tail that reaches up, three bursts at once."""
    parts = zip((1.0, 0.7, 0.5), (30.0, 90.0, 220.0), u, strict=False)
    return sum(strength * _gaussian_burst(time, f, 2.5, phase) for strength, f, phase in parts)


FAMILIES = {
    "sine-Gaussian": sine_gaussian,
    "blip": blip,
    "scattered light": scattered_light,
    "whistle": whistle,
    "koi fish": koi_fish,
}


def draw_glitches(rng, n, family=None, *, snr=None):
    """Draw glitches in one detector.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        How many.
    family : str, optional
        One of :data:`FAMILIES`; by default each glitch is of any family, with equal chances.
    snr : float or array of shape (n,), optional
        Optimal signal-to-noise ratio; by default log-uniform over :data:`SNR_RANGE`.

    Returns
    -------
    spectra : complex64 array, shape (n, n_freq)
        Whitened spectra. The centre of a glitch lies in the window of the images.
    families : str array, shape (n,)
    snr : float array, shape (n,)

    Raises
    ------
    ValueError
        If the family is unknown.
    """
    if family is not None and family not in FAMILIES:
        raise ValueError(f"family is {family!r}, expected one of {list(FAMILIES)}.")
    u = rng.random((n, 8))  # one row per glitch: the first n never depend on how many follow
    names = np.array(list(FAMILIES))
    families = names[(u[:, 0] * len(names)).astype(int)] if family is None else np.full(n, family)
    if snr is None:
        low, high = SNR_RANGE
        snr = low * (high / low) ** u[:, 1]
    snr = np.broadcast_to(np.asarray(snr, float), (n,)).copy()
    centres = WINDOW_START + WINDOW * _between(u[:, 2], *CENTRES)

    spectra = np.zeros((n, len(BAND)), np.complex64)
    for name, shape in FAMILIES.items():
        chosen = np.flatnonzero(families == name)
        if len(chosen):
            time = TIMES - centres[chosen, None]
            spectra[chosen] = _spectrum(shape(time, u[chosen, 3:].T[..., None]))
    spectra *= (snr / norm(spectra))[:, None].astype(np.float32) if n else 1
    return spectra, families, snr


# --- inside -------------------------------------------------------------------------------------


def _between(u, low, high):
    return low + (high - low) * u


def _gaussian_burst(time, frequency, quality, phase):
    """Return a sine under a Gaussian of about Q/4 visible cycles; `phase` in turns."""
    envelope = np.exp(-((2 * np.pi * frequency * time / quality) ** 2) / 2)
    return envelope * np.cos(2 * np.pi * (frequency * time + phase))


def _spectrum(series):
    return np.fft.rfft(series, axis=-1) / SAMPLE_RATE * BAND
