"""How faint a chirp may be and still be found: thresholds, efficiencies and their errors.

A detector of any kind gives every second a score. Its threshold is set on seconds without a wave,
so that a stated fraction of them passes (the false-alarm probability). The efficiency is then the
fraction of waves above the threshold, as a function of their signal-to-noise ratio.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts take long to load, so they are named only where they are used
from scipy.special import expit, log_expit


def threshold(background, false_alarm_probability):
    """Return the score that a given fraction of the background reaches.

    Parameters
    ----------
    background : array, shape (n,)
        Scores of seconds without a wave.
    false_alarm_probability : float
        Per second, between 0 and 1.

    Returns
    -------
    float
        The k-th largest score, with k = n × probability rounded: k - 1 seconds exceed it.

    Raises
    ------
    ValueError
        If there are too few seconds to say: fewer than one is expected above the threshold.
    """
    background = np.asarray(background, float)
    if not np.isfinite(background).all():
        raise ValueError("Scores of the background must be finite.")
    k = round(len(background) * false_alarm_probability)
    if not 1 <= k <= len(background):
        raise ValueError(
            f"{len(background)} seconds of background cannot set a false-alarm probability of "
            f"{false_alarm_probability:g}: give at least {1 / false_alarm_probability:.0f}."
        )
    return float(np.partition(background, -k)[-k])


@dataclass(frozen=True, eq=False)
class Curve:
    """Efficiency in bins of signal-to-noise ratio.

    Attributes
    ----------
    snr : array, shape (n_bins,)
        Geometric middle of each bin.
    efficiency, low, high : array, shape (n_bins,)
        Fraction found, and its central 68 % interval (Clopper and Pearson).
    """

    snr: np.ndarray
    efficiency: np.ndarray
    low: np.ndarray
    high: np.ndarray


def curve(found, snr, edges):
    """Count what was found in bins of signal-to-noise ratio.

    Parameters
    ----------
    found : bool array, shape (n,)
    snr : array, shape (n,)
    edges : array, shape (n_bins + 1,)

    Returns
    -------
    Curve
        Bins without a signal are NaN.

    Notes
    -----
    The shares are an exercise in *Can a network find black holes?* (notebooks/gw_classifier.md).
    """
    found, snr, edges = np.asarray(found, bool), np.asarray(snr, float), np.asarray(edges, float)
    n, _ = np.histogram(snr, edges)
    k, _ = np.histogram(snr[found], edges)
    with np.errstate(invalid="ignore"):
        fraction = k / np.where(n, n, np.nan)
    low = np.where(k > 0, scipy.stats.beta.ppf(0.16, k, n - k + 1), 0.0)
    high = np.where(k < n, scipy.stats.beta.ppf(0.84, k + 1, n - k), 1.0)
    empty = n == 0
    low[empty] = high[empty] = np.nan
    return Curve(np.sqrt(edges[1:] * edges[:-1]), fraction, low, high)


def half_efficiency(found, snr):
    """Return the signal-to-noise ratio at which half of the signals are found.

    A logistic curve in the logarithm of the ratio is fitted by maximum likelihood to the signals
    one by one, so that nothing depends on bins.

    Parameters
    ----------
    found : bool array, shape (n,)
    snr : array, shape (n,)
        Signals on both sides of the answer; how they are spread does not matter.

    Returns
    -------
    value, error : float
        With its standard error from the curvature of the likelihood. Not a number where fewer than
        5 % or more than 95 % are found: then the answer lies outside.
    """
    found, x = np.asarray(found, float), np.log(np.asarray(snr, float))
    if not 0.05 < found.mean() < 0.95:
        return np.nan, np.nan
    middle = x.mean()

    def loss(p):
        t = p[1] * (x - middle - p[0])
        return -np.sum(found * log_expit(t) + (1 - found) * log_expit(-t))

    options = {"xatol": 1e-6}
    a, b = scipy.optimize.minimize(loss, [0.0, 8.0], method="Nelder-Mead", options=options).x
    # Fisher information of (a, b), for the error of a.
    t = b * (x - middle - a)
    weight = expit(t) * expit(-t)
    gradient = np.stack([np.full_like(x, -b), x - middle - a])
    covariance = np.linalg.inv((weight * gradient) @ gradient.T)
    value = np.exp(middle + a)
    return float(value), float(value * np.sqrt(covariance[0, 0]))
