"""The gravitational wave of two black holes that orbit, merge and ring down.

:func:`phenom_d` is IMRPhenomD for black holes without spin. It gives the Fourier transform of the
wave directly: an amplitude and a phase, each made of three pieces that join smoothly.

=========== ================================== ==================================================
piece       amplitude                          phase
=========== ================================== ==================================================
inspiral    below M f = 0.014                  below M f = 0.018: post-Newtonian plus a fit
between     a quartic through the two others   from there to half the ringdown frequency
ringdown    above its maximum: a Lorentzian    above: the phase of a Lorentzian, and corrections
=========== ================================== ==================================================

M is the total mass in seconds (G M☉/c³ ≈ 5 µs per solar mass), so that M f has no unit and every
binary of the same mass ratio has the same shape. Masses are those seen at the detector: the
masses at the source times one plus the redshift. There is no spin: the real black holes of
GW150914 spun little along their orbit, and the bank of templates stays small.

References
----------
.. [K] S. Khan et al., "Frequency-domain gravitational waves from nonprecessing black-hole
   binaries. II. A phenomenological model for the advanced detector era", Phys. Rev. D 93, 044007
   (2016), arXiv:1508.07253. The equation numbers below are its.
.. [H] S. Husa et al., the same title, "I. New numerical waveforms and anatomy of the signal", Phys.
   Rev. D 93, 044006 (2016), arXiv:1508.07250: final spin and radiated energy.
.. [L] E. Leaver, "An analytic representation for the quasi-normal modes of Kerr black holes", Proc.
   R. Soc. Lond. A 402, 285 (1985): ringdown frequencies.
"""

from types import SimpleNamespace

import numpy as np

from chirps.grid import DURATION, N_FREQUENCIES, N_SAMPLES

SOLAR_MASS = 4.925490947641267e-6  # G M☉ / c³, s
MEGAPARSEC = 3.0856775814913673e22 / 299_792_458.0  # s of light travel
MASS_RANGE = (3.0, 200.0)  # solar masses
LARGEST_RATIO = 18.0  # the most unequal binary that the model was fitted to

INSPIRAL_AMPLITUDE_END = 0.014  # M f, section VIII
INSPIRAL_PHASE_END = 0.018  # M f
CUTOFF = 0.2  # M f: nothing is left above

# Table V at zero spin (χ_PN = 0), where each row becomes c₀ + c₁ η + c₂ η².
COEFFICIENTS = {
    "sigma1": (-501.537647647, 6850.29972518, -20543.9812969),
    "sigma2": (7295.53807082, -100594.245951, 271086.338893),
    "sigma3": (-37803.8210327, 441472.140211, -1140067.54427),
    "sigma4": (57980.5849374, -598866.626681, 1544726.95399),
    "beta1": (42.1288003893, 364.42457566, -745.478952689),
    "beta2": (0.592629389047, -13.2883606255, 5.12740661642),
    "beta3": (-5.0755533604e-06, -2.57099592612e-05, 2.91782585223e-05),
    "alpha1": (35.8896772771, 195.491380974, 20.1510830572),
    "alpha2": (-0.00434674548322, -0.18746390674, -0.0235279011737),
    "alpha3": (9.31340057787, -30.9081022813, -256.152468649),
    "alpha4": (0.00397018819455, 0.977725397198, 0.283924211947),
    "alpha5": (1.01857963419, -0.24860746494, 0.587310573126),
    "rho1": (-9880.95932394, 219030.440047, -658309.241158),
    "rho2": (94419.3276408, -2068536.61552, 6139670.63139),
    "rho3": (-241352.857201, 4915288.15939, -14245100.6408),
    "gamma1": (0.00329713717249, 0.0706488737865, -0.0650413983025),
    "gamma2": (0.799426048107, -0.282004494118, 1.96768973278),
    "gamma3": (1.32915910622, 0.0553589801577, -0.338642199923),
    "v2": (0.234348948432, 3.00971193957, -1.77323981754),
}

# Final spin and radiated energy divided by η: [H]_, eqs. 3.6–3.8; powers of η, the highest first.
FINAL_SPIN = (-13.180949901606242, 9.397292189321194, -4.399247300629289, 12**0.5)
RADIATED_ENERGY = (3.352411249771192, -0.9606726679372312, 0.5809510763115132, 0.055974469826360077)

# M f and M/(2π τ) of the slowest-decaying (2, 2) mode of a Kerr black hole of spin a, in powers of
# log(1 − a), the highest first: our fit for 0 ≤ a ≤ 0.7, within 2·10⁻⁸, to solutions of Leaver's
# equations [L]_; tests/fixtures/make_gw_references.py solves them.
RINGDOWN = (
    4.679264667e-06,
    6.137867989e-06,
    -3.665667323e-05,
    4.415673605e-04,
    1.410192345e-03,
    -2.001627484e-02,
    5.947169597e-02,
)
DAMPING = (
    -3.800635728e-06,
    -3.151302541e-05,
    -6.822750381e-05,
    -7.487767088e-05,
    -6.713964907e-04,
    3.176546968e-04,
    1.415879229e-02,
)


def phenom_d(frequencies, mass1, mass2):
    """Return the Fourier transform of the wave of non-spinning binaries, 1 Mpc away.

    The plus polarisation of a binary seen face-on; its cross polarisation is −i times this. The
    amplitude falls as 1/distance. At t = 0 the frequency arrives at which the ringdown is loudest;
    the strain is largest some 12 M before that, 4 ms for GW150914. The phase of the orbit is
    arbitrary.

    Parameters
    ----------
    frequencies : array, shape (n_freq,)
        Hz, zero or positive. The transform is set to zero at 0 Hz.
    mass1, mass2 : float or array
        Masses at the detector in solar masses, in either order, broadcast against each other.

    Returns
    -------
    complex array, shape (..., n_freq)
        h₊(f) = ∫ h₊(t) exp(−2πi f t) dt in 1/Hz; the leading axes are those of the masses.

    Raises
    ------
    ValueError
        If a frequency is negative or not finite, a mass is outside ``MASS_RANGE`` or the masses
        are more unequal than ``LARGEST_RATIO``.

    Notes
    -----
    [K]_, section VIII puts the pieces together.
    """
    frequencies = _checked_frequencies(frequencies)
    mass1, mass2 = _checked_masses(mass1, mass2)
    mass = (mass1 + mass2) * SOLAR_MASS
    fits = _fits(np.ravel(mass1 * mass2 / (mass1 + mass2) ** 2))
    h = np.zeros((mass.size, *frequencies.shape), complex)
    for row, one_mass in enumerate(mass.flat):
        one = SimpleNamespace(**{name: values[row] for name, values in fits.items()})
        inside = (frequencies > 0) & (frequencies < CUTOFF / one_mass)
        x = one_mass * frequencies[inside]
        # Eq. 17 is the leading amplitude of the (2, 2) mode; face-on it enters h₊ with 2 √(5/64π).
        leading = (5 / 24 * one.eta) ** 0.5 * np.pi ** (-2 / 3) * one_mass**2 / MEGAPARSEC
        h[row, inside] = leading * _amplitude(x, one) * np.exp(-1j * _phase(x, one))
    return h.reshape(mass.shape + frequencies.shape)


def _fits(eta):
    """Return what depends on the mass ratio alone: a list for each quantity, over the binaries."""
    fit = SimpleNamespace(
        eta=eta,
        **{name: c0 + eta * (c1 + eta * c2) for name, (c0, c1, c2) in COEFFICIENTS.items()},
    )
    fit.ringdown, fit.damping = ringdown(eta)
    fit.peak = _peak(fit)
    fit.quartic = _quartic(fit)
    _join_phases(fit)
    return {name: values.tolist() for name, values in vars(fit).items()}


def ringdown(eta):
    """Return how the final black hole rings.

    Parameters
    ----------
    eta : float or array
        Symmetric mass ratio m₁ m₂ / (m₁ + m₂)².

    Returns
    -------
    frequency, damping : float or array
        Of its (2, 2) mode, times the total mass; the wave falls by e in 1 / (2π damping).

    Notes
    -----
    Final spin and radiated energy: [H]_, eqs. 3.6–3.8, without initial spins.
    """
    spin = eta * np.polyval(FINAL_SPIN, eta)
    left = 1 - eta * np.polyval(RADIATED_ENERGY, eta)  # fraction of the mass that is not radiated
    spun_up = np.log(1 - spin)
    return np.polyval(RINGDOWN, spun_up) / left, np.polyval(DAMPING, spun_up) / left


# --------------------------------------------------------------------------------- amplitude


def _amplitude(x, fit):
    """Return the amplitude at x = M f from its three pieces; that of eq. 17 is 1 at x = 1."""
    early, late = x < INSPIRAL_AMPLITUDE_END, x >= fit.peak
    between = ~early & ~late
    amplitude = np.empty_like(x)
    amplitude[early] = _inspiral_amplitude(x[early], fit)
    amplitude[between] = _middle_amplitude(x[between], fit)
    amplitude[late] = _ringdown_amplitude(x[late], fit)
    return amplitude * x ** (-7 / 6)


def _inspiral_amplitude(x, fit):
    """Return the post-Newtonian series and its extension: eqs. 29 and 30, appendix B."""
    eta, pi = fit.eta, np.pi
    v = (pi * x) ** (1 / 3)
    second = (-969 + 1804 * eta) / 672
    fourth = (-27312085 - 47401320 * eta + 35371056 * eta**2) / 8128512
    fifth = 42840 * (-1 + 4 * eta) * pi / 32256
    sixth = (
        -336 * 3248849057 * eta**2
        + 324322727232 * eta**3
        - 7 * 177520268561
        - 12 * eta * (-545384828789 + 21384760320 * pi**2)
    ) / 60085960704
    series = 1 + v**2 * (second + v**2 * (fourth + v * (fifth + v * sixth)))
    return series + x**2 * (fit.rho1 * x ** (1 / 3) + fit.rho2 * x ** (2 / 3) + fit.rho3 * x)


def _ringdown_amplitude(x, fit):
    """Return a Lorentzian that falls exponentially: eq. 19."""
    width = fit.gamma3 * fit.damping
    away = x - fit.ringdown
    return fit.gamma1 * width / (away**2 + width**2) * np.exp(-fit.gamma2 * away / width)


def _peak(fit):
    """Return M f where the ringdown amplitude is largest: eq. 20, whose root is 0 for γ₂ > 1."""
    root = np.sqrt(np.maximum(1 - fit.gamma2**2, 0))
    return np.abs(fit.ringdown + fit.damping * fit.gamma3 * (root - 1) / fit.gamma2)


def _middle_amplitude(x, fit):
    """Return a quartic in the distance from its middle: eq. 21."""
    d = x - (INSPIRAL_AMPLITUDE_END + fit.peak) / 2
    c0, c1, c2, c3, c4 = fit.quartic
    return c0 + d * (c1 + d * (c2 + d * (c3 + d * c4)))


def _quartic(fit):
    """Return the weights of the quartic: eqs. 22–26.

    It takes the values and slopes of its neighbours at both ends, and a fitted value in the middle.
    """
    start, end = INSPIRAL_AMPLITUDE_END, fit.peak
    half = ((end - start) / 2)[:, None]
    k = np.arange(5)
    value_here, slope_here = half**k, k * half ** np.maximum(k - 1, 0)
    signs = (-1.0) ** k
    matrix = np.stack(  # a row for each condition
        [signs * value_here, -signs * slope_here, value_here, slope_here, 0.0**k + 0 * half], axis=1
    )
    values = [
        _inspiral_amplitude(start, fit),
        _slope(_inspiral_amplitude, start, fit),
        _ringdown_amplitude(end, fit),
        _slope(_ringdown_amplitude, end, fit),
        fit.v2,
    ]
    return np.linalg.solve(matrix, np.stack(values, axis=1)[..., None])[..., 0]


# ------------------------------------------------------------------------------------- phase


def _phase(x, fit):
    """Return the phase at x = M f from its three pieces."""
    early, late = x < INSPIRAL_PHASE_END, x >= fit.ringdown / 2
    between = ~early & ~late
    phase = np.empty_like(x)
    phase[early] = _inspiral_phase(x[early], fit)
    phase[between] = _middle_phase(x[between], fit)
    phase[late] = _ringdown_phase(x[late], fit)
    return (phase - fit.delay * x) / fit.eta


def _join_phases(fit):
    """Choose β₀, β₁, α₀, α₁ so that each piece of the phase continues the one before it."""
    fit.alpha0 = fit.beta0 = np.zeros_like(fit.eta)
    x = INSPIRAL_PHASE_END
    fit.beta1 = fit.beta1 + _slope(_inspiral_phase, x, fit) - _slope(_middle_phase, x, fit)
    fit.beta0 = _inspiral_phase(x, fit) - _middle_phase(x, fit)
    x = fit.ringdown / 2
    fit.alpha1 = fit.alpha1 + _slope(_middle_phase, x, fit) - _slope(_ringdown_phase, x, fit)
    fit.alpha0 = _middle_phase(x, fit) - _ringdown_phase(x, fit)
    # A frequency arrives at the time dφ/d(2πf). Where the ringdown is loudest, this is to be zero.
    fit.delay = _slope(_ringdown_phase, fit.peak, fit)


def _inspiral_phase(x, fit):
    """Return η times the TaylorF2 phase (to 3.5PN) and four fitted terms: eqs. 27 and 28."""
    eta, pi = fit.eta, np.pi
    v = (pi * x) ** (1 / 3)
    log_v = np.log(v)
    second = 3715 / 756 + 55 / 9 * eta
    third = -16 * pi
    fourth = 15293365 / 508032 + 27145 / 504 * eta + 3085 / 72 * eta**2
    fifth = pi * (38645 / 756 - 65 / 9 * eta) * (1 + 3 * log_v)
    sixth = (
        11583231236531 / 4694215680
        - 640 / 3 * pi**2
        - 6848 / 21 * (np.euler_gamma + np.log(4) + log_v)
        + (-15737765635 / 3048192 + 2255 / 12 * pi**2) * eta
        + 76055 / 1728 * eta**2
        - 127825 / 1296 * eta**3
    )
    seventh = pi * (77096675 / 254016 + 378515 / 1512 * eta - 74045 / 756 * eta**2)
    higher = fourth + v * (fifth + v * (sixth + v * seventh))
    series = 3 / 128 * (1 + v**2 * (second + v * (third + v * higher))) / v**5
    root = v / pi ** (1 / 3)  # x^(1/3)
    fitted = 3 / 4 * fit.sigma2 + root * (3 / 5 * fit.sigma3 + root * fit.sigma4 / 2)
    return series + x * (fit.sigma1 + root * fitted)


def _middle_phase(x, fit):
    """Return η times the intermediate phase: eq. 16."""
    return fit.beta0 + fit.beta1 * x + fit.beta2 * np.log(x) - fit.beta3 / (3 * x**3)


def _ringdown_phase(x, fit):
    """Return η times the merger–ringdown phase: eq. 14."""
    resonance = np.arctan((x - fit.alpha5 * fit.ringdown) / fit.damping)
    power = 4 / 3 * fit.alpha3 * x**0.75
    return fit.alpha0 + fit.alpha1 * x - fit.alpha2 / x + power + fit.alpha4 * resonance


def _slope(piece, x, fit):
    """Return the derivative of a piece at x, exact to rounding: an infinitesimal imaginary step."""
    step = 1e-30
    return piece(x + 1j * step, fit).imag / step


# ------------------------------------------------------------------------------ about binaries


def chirp_mass(mass1, mass2):
    """Return (m₁ m₂)^(3/5) / (m₁ + m₂)^(1/5), in the unit of the masses."""
    mass1, mass2 = np.asarray(mass1, float), np.asarray(mass2, float)
    return (mass1 * mass2) ** 0.6 / (mass1 + mass2) ** 0.2


def chirp_time(frequency, mass1, mass2):
    """Return how long before the merger the wave has a frequency, to leading order.

    Parameters
    ----------
    frequency : float or array
        Hz, positive.
    mass1, mass2 : float or array
        Solar masses at the detector.

    Returns
    -------
    float or array
        Seconds: 5/256 (G Mc/c³)^(−5/3) (π f)^(−8/3).

    Raises
    ------
    ValueError
        As :func:`phenom_d`, and for a frequency of zero.

    Notes
    -----
    The quadrupole formula: C. Cutler and É. Flanagan, Phys. Rev. D 49, 2658 (1994),
    arXiv:gr-qc/9402014. In four seconds of strain, a light binary is cut: two black
    holes of 5 solar masses pass 20 Hz 19 s before they merge.
    """
    frequency = _checked_frequencies(frequency)
    if np.any(frequency == 0):
        raise ValueError("A binary never has the frequency 0 Hz: give a positive one.")
    mass = chirp_mass(*_checked_masses(mass1, mass2)) * SOLAR_MASS
    return 5 / 256 * mass ** (-5 / 3) * (np.pi * frequency) ** (-8 / 3)


def match(first, second, asd):
    """Return how alike two waves look to a detector: 1 if one is a shifted, scaled other.

    Parameters
    ----------
    first, second : complex array, shape (..., N_FREQUENCIES)
        Fourier transforms on ``grid.FREQUENCIES``, broadcast against each other.
    asd : array, shape (N_FREQUENCIES,)
        Amplitude spectral density of the noise in 1/√Hz; infinite where nothing is measured.

    Returns
    -------
    array, shape (...)
        The normalised inner product, maximised over time and phase: 0 … 1.

    Raises
    ------
    ValueError
        If a transform is not on the grid.

    Notes
    -----
    B. Owen, Phys. Rev. D 53, 6749 (1996), arXiv:gr-qc/9511032. The best time is first looked for
    on a grid, then between its points by Newton's method.
    """
    for h in (first, second):
        if np.shape(h)[-1:] != (N_FREQUENCIES,):
            raise ValueError(
                f"Give Fourier transforms on grid.FREQUENCIES, {N_FREQUENCIES} values; "
                f"got shape {np.shape(h)}."
            )
    first, second = np.asarray(first) / asd, np.asarray(second) / asd
    product = first * second.conj()
    scale = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    overlap = np.abs(np.fft.ifft(product, 2 * N_SAMPLES, axis=-1))
    time = overlap.argmax(-1) * DURATION / (2 * N_SAMPLES)
    turns = 2j * np.pi * np.arange(product.shape[-1]) / DURATION
    for _ in range(4):
        z = product * np.exp(turns * time[..., None])
        z0, z1, z2 = z.sum(-1), (z * turns).sum(-1), (z * turns**2).sum(-1)
        slope = 2 * (z1 * z0.conj()).real
        curvature = 2 * (np.abs(z1) ** 2 + (z2 * z0.conj()).real)
        time = time - slope / curvature
    return np.abs((product * np.exp(turns * time[..., None])).sum(-1)) / scale


# ------------------------------------------------------------------------------------- checks


def _checked_frequencies(frequencies):
    frequencies = np.asarray(frequencies, float)
    if not np.all(np.isfinite(frequencies) & (frequencies >= 0)):
        raise ValueError(
            "Frequencies must be finite and not negative, in Hz: give the one-sided grid, "
            "such as grid.FREQUENCIES."
        )
    return frequencies


def _checked_masses(mass1, mass2):
    mass1, mass2 = np.broadcast_arrays(np.asarray(mass1, float), np.asarray(mass2, float))
    low, high = MASS_RANGE
    for masses in (mass1, mass2):
        wrong = ~((masses >= low) & (masses <= high))
        if np.any(wrong):
            raise ValueError(
                f"A mass of {masses[wrong].flat[0]:g} solar masses is out of range: "
                f"this waveform is for {low:g} to {high:g}, seen at the detector."
            )
    ratio = np.maximum(mass1 / mass2, mass2 / mass1)
    if np.any(ratio > LARGEST_RATIO * (1 + 1e-12)):
        raise ValueError(
            f"A mass ratio of {ratio.max():.1f} is out of range: IMRPhenomD was fitted to binaries "
            f"up to {LARGEST_RATIO:g}:1."
        )
    return mass1, mass2
