"""The template bank: enough waveforms that every binary resembles one of them.

A search knows neither masses nor time. It correlates the data with many templates, and loses the
fraction 1 − match of the signal-to-noise ratio when the true waveform lies between them. The bank
holds so many that the match with the best one is at least ``MIN_MATCH``.

Its masses are a table, ``data/gw/bank.csv``: placing them takes minutes, reading them no time.
The table is written by

    python -m chirps.bank

in two steps: draw many binaries, evenly in coordinates in which the match falls at about the same
pace everywhere; then choose, again and again, the one that represents most of those that nothing
represents yet.

References
----------
.. [O] B. Owen and B. Sathyaprakash, "Matched filtering of gravitational waves from inspiraling
   compact binaries: computational cost and template placement", Phys. Rev. D 60, 022002 (1999),
   arXiv:gr-qc/9808076: the minimal match and the coordinates.
.. [H] I. Harry, B. Allen and B. Sathyaprakash, "Stochastic template placement algorithm for
   gravitational wave data analysis", Phys. Rev. D 80, 104014 (2009), arXiv:0908.2090: choosing
   templates from random draws.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.sparse is loaded only where it is used

from chirps import noise
from chirps.grid import BAND, DURATION, FREQUENCIES, LOWEST, N_FREQUENCIES, norm
from chirps.simulate import segment_waves
from chirps.waveform import SOLAR_MASS, chirp_mass
from helpers import sources

MASS_RANGE = (5.0, 60.0)  # solar masses at the detector, both components
MIN_MATCH = 0.97
PLACED_AT = 0.973  # a little higher: binaries that the placement did not draw must fit too
PROPOSALS = 24_000
SEED = 20150914
TABLE = "gw/bank.csv"
_CHUNK = 128  # waves made at a time


@dataclass(frozen=True, eq=False)
class TemplateBank:
    """The masses of the templates.

    Attributes
    ----------
    mass1, mass2 : array, shape (n,)
        Solar masses at the detector, mass1 ≥ mass2; light binaries first.
    min_match : float
        What it was placed for, over all binaries with both masses within ``mass_range``.
    mass_range : tuple of float
    """

    mass1: np.ndarray
    mass2: np.ndarray
    min_match: float = MIN_MATCH
    mass_range: tuple = MASS_RANGE

    def __len__(self):
        return len(self.mass1)

    def within(self, lightest, heaviest=None):
        """Return the part of the bank for binaries with both masses in a narrower range.

        Parameters
        ----------
        lightest, heaviest : float
            Solar masses. Templates outside represent binaries just inside, equal masses those of
            unequal ones above all: the part reaches further by a factor of 1.4.

        Returns
        -------
        TemplateBank

        Raises
        ------
        ValueError
            If the range leaves the bank's own.
        """
        heaviest = self.mass_range[1] if heaviest is None else heaviest
        if not self.mass_range[0] <= lightest < heaviest <= self.mass_range[1]:
            low, high = self.mass_range
            raise ValueError(
                f"{lightest:g} to {heaviest:g} solar masses is not a range within the bank's, "
                f"{low:g} to {high:g}."
            )
        keep = (self.mass2 >= lightest / 1.4) & (self.mass1 <= heaviest * 1.4)
        return TemplateBank(
            self.mass1[keep], self.mass2[keep], self.min_match, (lightest, heaviest)
        )

    def whitened(self, asd=None, chosen=slice(None)):
        """Return the templates as whitened segments of 4 s see them, each with unit norm.

        Parameters
        ----------
        asd : array, shape (n_freq,) or (2, n_freq), optional
            The noise that the data was whitened with, in 1/√Hz: of both detectors, or of H1 and
            L1. By default the analytic design curve.
        chosen : slice or array of int
            Which templates; all by default.

        Returns
        -------
        complex64 array, shape (n_templates, n_freq) or (2, n_templates, n_freq)
            With the peak of the wave at t = 0; 4/T Σ |h|² = 1; zero outside the band. As the
            signals of :mod:`chirps.simulate`, they begin 2.8 s before the merger at most.
        """
        asd = noise.analytic().asd_on(FREQUENCIES) if asd is None else np.asarray(asd, float)
        if asd.ndim not in (1, 2) or asd.shape[-1] != N_FREQUENCIES:
            raise ValueError(
                f"asd has shape {asd.shape}; expected ({N_FREQUENCIES},) or (2, {N_FREQUENCIES}), "
                "such as NoiseCurve.asd_on gives."
            )
        mass1, mass2 = np.atleast_1d(self.mass1[chosen]), np.atleast_1d(self.mass2[chosen])
        templates = np.empty((*asd.shape[:-1], len(mass1), N_FREQUENCIES), np.complex64)
        for i in range(0, len(mass1), _CHUNK):
            these = slice(i, i + _CHUNK)
            waves = segment_waves(mass1[these], mass2[these]) / asd[..., None, :]
            templates[..., these, :] = waves / norm(waves)[..., None]
        return templates


def template_bank():
    """Return the bank of the course, for both masses from 5 to 60 solar masses.

    Returns
    -------
    TemplateBank

    Raises
    ------
    helpers.sources.DataError
        If the table is missing or damaged.
    """
    path = sources.course_data() / TABLE
    if not path.is_file():
        raise sources.DataError(
            "data/gw/bank.csv is missing. Restore it from the repository, or write it anew with "
            "`python -m chirps.bank`."
        )
    try:
        mass1, mass2 = np.loadtxt(path, delimiter=",", unpack=True)
    except ValueError as problem:
        raise sources.DataError(
            f"{path} is not a table of two masses per line ({problem}). Restore it from the "
            "repository, or write it anew with `python -m chirps.bank`."
        ) from problem
    return TemplateBank(mass1, mass2)


# ------------------------------------------------------------------------------------- placement


def chirp_times(mass1, mass2):
    """Return the coordinates in which templates are evenly spread, as long as they inspiral.

    Parameters
    ----------
    mass1, mass2 : array
        Solar masses.

    Returns
    -------
    tau0, tau3 : array
        Seconds: what the leading and the 1.5 post-Newtonian order contribute to the duration from
        20 Hz on (Owen and Sathyaprakash 1999).
    """
    mass = (mass1 + mass2) * SOLAR_MASS
    eta = mass1 * mass2 / (mass1 + mass2) ** 2
    x = np.pi * mass * LOWEST
    return 5 / (256 * np.pi * LOWEST * eta) * x ** (-5 / 3), x ** (-2 / 3) / (8 * LOWEST * eta)


def masses_of(tau0, tau3):
    """Return the masses of binaries from their chirp times; NaN where there is no such binary."""
    x = 5 / (32 * np.pi) * tau3 / tau0
    mass = x / (np.pi * LOWEST * SOLAR_MASS)
    eta = x ** (-2 / 3) / (8 * LOWEST * tau3)
    with np.errstate(invalid="ignore"):
        difference = mass * np.sqrt(1 - 4 * eta)
    return (mass + difference) / 2, (mass - difference) / 2


def draw_masses(rng, n, mass_range=MASS_RANGE):
    """Draw binaries evenly in the chirp times.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
    mass_range : tuple of float
        Solar masses, for both.

    Returns
    -------
    mass1, mass2 : array, shape (n,)
        mass1 ≥ mass2.
    """
    light, heavy = mass_range
    corners = chirp_times(np.array([light, heavy, heavy]), np.array([light, light, heavy]))
    lowest, highest = np.min(corners, axis=1), np.max(corners, axis=1)
    found = np.empty((2, 0))
    while found.shape[1] < n:
        masses = np.array(masses_of(*rng.uniform(lowest, highest, (8 * n, 2)).T))
        inside = (masses[1] >= light) & (masses[0] <= heavy)  # NaN is not
        found = np.concatenate([found, masses[:, inside]], axis=1)
    return found[:, :n]


def draw_edge_masses(rng, n, mass_range=MASS_RANGE):
    """Draw binaries along the edges of the range: equal masses, lightest, heaviest.

    Parameters
    ----------
    rng : numpy.random.Generator
    n : int
        At least 3: the first three are the corners.
    mass_range : tuple of float

    Returns
    -------
    mass1, mass2 : array, shape (n,)
        mass1 ≥ mass2.
    """
    light, heavy = mass_range
    equal, lightest, heaviest = np.array_split(light * (heavy / light) ** rng.random(n - 3), 3)
    mass1 = [[light, heavy, heavy], equal, lightest, np.full_like(heaviest, heavy)]
    mass2 = [[light, light, heavy], equal, np.full_like(lightest, light), heaviest]
    return np.concatenate(mass1), np.concatenate(mass2)


def neighbours(mass1, mass2, min_match, asd):
    """Find which binaries represent each other.

    Parameters
    ----------
    mass1, mass2 : array, shape (n,)
    min_match : float
    asd : array, shape (n_freq,)

    Returns
    -------
    list of n arrays of int
        For each binary, which others (and itself) match it at least so well.

    Notes
    -----
    The match is maximised over phase and over the times of a grid, with a parabola between. The
    integral over frequency is a sum in steps of 1 Hz; binaries whose chirp masses differ by more
    than 15 % are not compared.
    """
    mass = chirp_mass(mass1, mass2)
    order = np.argsort(mass)
    bank = TemplateBank(mass1[order], mass2[order])
    coarse = np.flatnonzero(BAND)[:: round(DURATION)]
    waves = np.empty((len(bank), len(coarse)), np.complex64)
    for i in range(0, len(bank), _CHUNK):
        waves[i : i + _CHUNK] = bank.whitened(asd, slice(i, i + _CHUNK))[:, coarse]
    waves /= np.linalg.norm(waves, axis=1, keepdims=True)
    times = np.arange(-5, 6) * 1e-3  # s
    shifts = np.exp(2j * np.pi * times[:, None] * FREQUENCIES[coarse]).astype(np.complex64)

    pairs = []
    for start in range(0, len(order), _CHUNK):
        stop = min(start + _CHUNK, len(order))
        end = np.searchsorted(mass[order], 1.15 * mass[order[stop - 1]], side="right")
        others = waves[start:end].conj().T
        overlap = np.array([np.abs((waves[start:stop] * shift) @ others) for shift in shifts])
        rows, columns = np.nonzero(_peak(overlap**2) >= min_match**2)
        pairs.append(order[np.stack([rows, columns]) + start])
    i, j = np.concatenate(pairs, axis=1)
    near = scipy.sparse.csr_array((np.ones(len(i), bool), (i, j)), shape=2 * order.shape)
    near = (near + near.T).tocsr()
    return np.split(near.indices, near.indptr[1:-1])


def _peak(values):
    """Return the height of the parabola through the largest of `values` and its two neighbours."""
    middle = np.clip(values.argmax(0), 1, len(values) - 2)
    left, centre, right = (
        np.take_along_axis(values, (middle + step)[None], 0)[0] for step in (-1, 0, 1)
    )
    bend = np.minimum(left - 2 * centre + right, -1e-12)
    height = centre - (right - left) ** 2 / (8 * bend)
    return np.where((centre >= left) & (centre >= right), height, values.max(0))


def cover(neighbours):
    """Choose binaries until each is chosen or has a chosen neighbour.

    Parameters
    ----------
    neighbours : list of n arrays of int
        Symmetric; each binary is a neighbour of itself.

    Returns
    -------
    array of int
        Those chosen. Each time, it is the one with most neighbours that are not represented yet:
        the greedy answer to the set-cover problem.
    """
    gain = np.array([len(group) for group in neighbours])
    left = np.ones(len(neighbours), bool)
    chosen = []
    while left.any():
        best = int(gain.argmax())
        chosen.append(best)
        for new in neighbours[best][left[neighbours[best]]]:
            left[new] = False
            gain[neighbours[new]] -= 1
    return np.array(chosen)


def place(n=PROPOSALS, seed=SEED, min_match=PLACED_AT, mass_range=MASS_RANGE):
    """Place a template bank for the analytic noise curve.

    Parameters
    ----------
    n : int
        How many binaries to choose from.
    seed : int
    min_match : float
    mass_range : tuple of float
        Solar masses.

    Returns
    -------
    TemplateBank
    """
    rng = np.random.default_rng(seed)
    edges = n // 8
    mass1, mass2 = np.concatenate(
        [draw_masses(rng, n - edges, mass_range), draw_edge_masses(rng, edges, mass_range)], axis=1
    )
    asd = noise.analytic().asd_on(FREQUENCIES)
    chosen = cover(neighbours(mass1, mass2, min_match, asd))
    chosen = chosen[np.argsort(chirp_mass(mass1[chosen], mass2[chosen]))]
    return TemplateBank(
        mass1[chosen].round(4), mass2[chosen].round(4), mass_range=tuple(mass_range)
    )


def main():
    """Place the bank of the course and write its table."""
    bank = place()
    low, high = bank.mass_range
    header = (
        f"Template bank: mass1, mass2 in solar masses at the detector, without spin.\n"
        f"{len(bank)} templates for both masses from {low:g} to {high:g}, minimal match "
        f"{bank.min_match:g}, analytic noise curve, 20 to 480 Hz.\n"
        f"Written by `python -m chirps.bank`."
    )
    with sources.written_whole(sources.course_data() / TABLE) as part:
        table = np.column_stack([bank.mass1, bank.mass2])
        np.savetxt(part, table, fmt="%.4f", delimiter=",", header=header, encoding="utf-8")
    print(f"{len(bank)} templates in data/gw/bank.csv")


if __name__ == "__main__":
    main()
