// Two black holes merge: the wave, the noise, a glitch, and the image that a network sees of them.
//
// The same steps as chirps in Python: IMRPhenomD without spin, the antenna patterns of the two
// LIGO detectors, whitening with the design curve, glitches of five families and the constant-Q
// image. All fitted numbers come from there, in the file gw.json, under the names that they have
// there; only the random numbers differ.
// A spectrum is {re, im} on the frequencies of the band, from 20 to 480 Hz in steps of 0.25 Hz.

const TAU = 2 * Math.PI;
const INSPIRAL_SECONDS = 2.8; // how much of a chirp fits before the merger

export class Simulator {
  /** @param constants what `python -m course live` wrote into gw.json */
  constructor(constants) {
    this.constants = constants;
    const { LOWEST, HIGHEST, DURATION } = constants.grid;
    this.firstBin = LOWEST * DURATION;
    this.nBins = HIGHEST * DURATION - this.firstBin + 1;
    this.frequencies = Float64Array.from(
      { length: this.nBins },
      (_, k) => (this.firstBin + k) / DURATION,
    );
    this.asd = Float64Array.from(constants.asd);
    this.rows = constants.image.scales.map((scale, row) => this.#row(row, scale));
  }

  /**
   * Make one second of data.
   *
   * `settings` holds: chirp (or null): {mass1, mass2, distance in Mpc, direction, shift in s};
   * glitch (or null): {family, snr, detector: 0 or 1, seed}; noise (or null): its seed.
   * Returns, for H1 and L1, `spectra` of everything and `signals` of the chirp alone, and `snr`,
   * the optimal signal-to-noise ratio of the chirp in each detector.
   */
  simulate({ chirp, glitch, noise }) {
    const signals = chirp ? this.signals(chirp) : [this.#nothing(), this.#nothing()];
    const spectra = signals.map(({ re, im }) => ({ re: re.slice(), im: im.slice() }));
    if (noise !== null && noise !== undefined) {
      this.noise(noise).forEach((part, d) => add(spectra[d], part));
    }
    if (glitch) add(spectra[glitch.detector], this.glitch(glitch));
    return { spectra, signals, snr: signals.map((signal) => this.norm(signal)) };
  }

  /** Whitened spectra of a chirp in H1 and L1, in the best orientation: seen face-on. */
  signals({
    mass1,
    mass2,
    distance,
    direction,
    shift = 0,
    time = this.constants.merger,
    phase = 0,
  }) {
    const { re, im } = this.wave(mass1, mass2);
    const { delay, responses } = this.constants.directions[direction];
    return responses.map(([real, imaginary], d) => {
      const late = time + (d === 0 ? 0 : delay + shift);
      const out = this.#nothing();
      for (let k = 0; k < this.nBins; k++) {
        const angle = phase - TAU * this.frequencies[k] * late;
        const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
        const [a, b] = [real * cos - imaginary * sin, real * sin + imaginary * cos];
        const scale = 1 / (this.asd[k] * distance);
        out.re[k] = (re[k] * a - im[k] * b) * scale;
        out.im[k] = (re[k] * b + im[k] * a) * scale;
      }
      return out;
    });
  }

  /** The wave 1 Mpc away, faded in where it would begin before the four seconds of data. */
  wave(mass1, mass2) {
    const wave = phenomD(this.frequencies, mass1, mass2, this.constants.waveform);
    const chirpMass =
      ((mass1 * mass2) ** 0.6 / (mass1 + mass2) ** 0.2) * this.constants.waveform.SOLAR_MASS;
    for (let k = 0; k < this.nBins; k++) {
      const before =
        (5 / 256) * chirpMass ** (-5 / 3) * (Math.PI * this.frequencies[k]) ** (-8 / 3);
      const share = Math.min(Math.max((1 - before / INSPIRAL_SECONDS) / 0.4, 0), 1);
      const fade = Math.sin((Math.PI / 2) * share) ** 2;
      wave.re[k] *= fade;
      wave.im[k] *= fade;
    }
    return wave;
  }

  /** Whitened Gaussian noise of both detectors; the same for the same seed. */
  noise(seed) {
    const random = normal(generator(seed, 1));
    const size = Math.sqrt(this.constants.grid.DURATION) / 2;
    return [0, 1].map(() => {
      const out = this.#nothing();
      for (let k = 0; k < this.nBins; k++) {
        out.re[k] = size * random();
        out.im[k] = size * random();
      }
      return out;
    });
  }

  /** The whitened spectrum of a glitch; its shape and place are drawn with the seed. */
  glitch({ family, snr, seed = 0, numbers = null, centre = null }) {
    const { WINDOW_START, WINDOW } = this.constants.grid;
    const random = generator(seed, 2);
    const place = WINDOW_START + WINDOW * (0.1 + 0.8 * random());
    const u = numbers ?? Array.from({ length: 5 }, random);
    const shape = FAMILIES[family](u);
    const out = this.spectrum((time) => shape(time - (centre ?? place)));
    const scale = snr / this.norm(out);
    for (let k = 0; k < this.nBins; k++) {
      out.re[k] *= scale;
      out.im[k] *= scale;
    }
    return out;
  }

  /** The spectrum of a function of time, within the band. */
  spectrum(series) {
    const { SAMPLE_RATE, DURATION } = this.constants.grid;
    const n = SAMPLE_RATE * DURATION;
    const re = Float64Array.from({ length: n }, (_, k) => series(k / SAMPLE_RATE) / SAMPLE_RATE);
    const whole = fourier(re, new Float64Array(n), -1);
    const band = (part) => part.slice(this.firstBin, this.firstBin + this.nBins);
    return { re: band(whole.re), im: band(whole.im) };
  }

  /** The optimal signal-to-noise ratio of a whitened spectrum. */
  norm({ re, im }) {
    let sum = 0;
    for (let k = 0; k < re.length; k++) sum += re[k] ** 2 + im[k] ** 2;
    return Math.sqrt((4 / this.constants.grid.DURATION) * sum);
  }

  /** One second of whitened strain, in standard deviations of white noise. */
  series({ re, im }) {
    const { SAMPLE_RATE, DURATION, WINDOW_START, WINDOW } = this.constants.grid;
    const n = SAMPLE_RATE * DURATION;
    const whole = { re: new Float64Array(n), im: new Float64Array(n) };
    for (let k = 0; k < this.nBins; k++) {
      // The negative frequencies hold the conjugate; the real part is twice that of these.
      whole.re[this.firstBin + k] = 2 * re[k];
      whole.im[this.firstBin + k] = 2 * im[k];
    }
    const scale = Math.sqrt(2 * SAMPLE_RATE) / n;
    const first = WINDOW_START * SAMPLE_RATE;
    return fourier(whole.re, whole.im, 1)
      .re.slice(first, first + WINDOW * SAMPLE_RATE)
      .map((x) => x * scale);
  }

  /** The constant-Q image of both detectors: energies from 0 to 25, rows × columns × 2. */
  image(spectra) {
    const { N_COLUMNS, FULL_SCALE } = this.constants.image;
    const energies = new Float64Array(this.rows.length * N_COLUMNS * spectra.length);
    this.rows.forEach((row, r) => {
      spectra.forEach((spectrum, d) => {
        const energy = this.#energies(row, spectrum);
        for (let c = 0; c < N_COLUMNS; c++)
          energies[(r * N_COLUMNS + c) * spectra.length + d] = energy[c];
      });
    });
    // Kept as 256 grey levels, as in training.
    const levels = 255 / FULL_SCALE;
    return energies.map((energy) => Math.min(Math.round(energy * levels), 255) / levels);
  }

  #nothing() {
    return { re: new Float64Array(this.nBins), im: new Float64Array(this.nBins) };
  }

  /** One filter: its weights around a frequency, and how many samples hold its bandwidth. */
  #row(number, scale) {
    const { DURATION } = this.constants.grid;
    const { ROW_FREQUENCIES, QUALITY } = this.constants.image;
    const centre = ROW_FREQUENCIES[number];
    const halfWidth = ((centre * Math.sqrt(11)) / QUALITY) * DURATION; // in bins
    const middle = roundHalfToEven(centre * DURATION);
    const reach = Math.floor(halfWidth);
    const offsets = [];
    for (let offset = -reach; offset <= reach; offset++) {
      const bin = middle + offset - this.firstBin;
      if (bin >= 0 && bin < this.nBins) offsets.push(offset);
    }
    let weights = offsets.map((offset) => (1 - (offset / halfWidth) ** 2) ** 2);
    const size = Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0));
    weights = weights.map((w) => w / size);
    const inSegment = Math.round(DURATION * 100); // columns of 10 ms
    const perColumn = Math.ceil(offsets.length / inSegment);
    return { middle, offsets, weights, perColumn, points: inSegment * perColumn, scale };
  }

  #energies({ middle, offsets, weights, perColumn, points, scale }, { re, im }) {
    const shifted = { re: new Float64Array(points), im: new Float64Array(points) };
    offsets.forEach((offset, k) => {
      const bin = middle + offset - this.firstBin;
      const place = (offset + points) % points;
      // Samples lie in the middle of what they stand for.
      const angle = (Math.PI * offset) / points;
      const [cos, sin] = [weights[k] * Math.cos(angle), weights[k] * Math.sin(angle)];
      shifted.re[place] = re[bin] * cos - im[bin] * sin;
      shifted.im[place] = re[bin] * sin + im[bin] * cos;
    });
    const samples = fourier(shifted.re, shifted.im, 1);
    const { N_COLUMNS } = this.constants.image;
    const first = Math.round(this.constants.grid.WINDOW_START * 100) * perColumn;
    const energy = new Float64Array(N_COLUMNS);
    for (let k = 0; k < N_COLUMNS * perColumn; k++) {
      const [x, y] = [samples.re[first + k], samples.im[first + k]];
      energy[Math.floor(k / perColumn)] += (x * x + y * y) * (scale / perColumn);
    }
    return energy;
  }
}

function add(to, part) {
  for (let k = 0; k < to.re.length; k++) {
    to.re[k] += part.re[k];
    to.im[k] += part.im[k];
  }
}

function roundHalfToEven(x) {
  const whole = Math.round(x);
  return Math.abs(x % 1) === 0.5 && whole % 2 ? whole - 1 : whole;
}

// --- the wave -------------------------------------------------------------------------------------
// chirps/waveform.py has the same functions under the same names, with the equation numbers of
// Khan et al., Phys. Rev. D 93, 044007 (2016).

/** The Fourier transform of the wave of two black holes without spin, 1 Mpc away, seen face-on. */
function phenomD(frequencies, mass1, mass2, numbers) {
  const mass = (mass1 + mass2) * numbers.SOLAR_MASS;
  const eta = (mass1 * mass2) / (mass1 + mass2) ** 2;
  const fit = { eta, ...numbers };
  for (const [name, [c0, c1, c2]] of Object.entries(numbers.COEFFICIENTS)) {
    fit[name] = c0 + eta * (c1 + eta * c2);
  }
  const spin = eta * polynomial(numbers.FINAL_SPIN, eta);
  const left = 1 - eta * polynomial(numbers.RADIATED_ENERGY, eta);
  fit.ringdown = polynomial(numbers.RINGDOWN, Math.log(1 - spin)) / left;
  fit.damping = polynomial(numbers.DAMPING, Math.log(1 - spin)) / left;
  const root = Math.sqrt(Math.max(1 - fit.gamma2 ** 2, 0));
  fit.peak = Math.abs(fit.ringdown + (fit.damping * fit.gamma3 * (root - 1)) / fit.gamma2);
  fit.quartic = quartic(fit);
  joinPhases(fit);

  const n = frequencies.length;
  const wave = { re: new Float64Array(n), im: new Float64Array(n) };
  const leading =
    (Math.sqrt((5 / 24) * eta) * Math.PI ** (-2 / 3) * mass ** 2) / numbers.MEGAPARSEC;
  for (let k = 0; k < n; k++) {
    const x = mass * frequencies[k];
    if (x <= 0 || x >= numbers.CUTOFF) continue;
    const size = leading * amplitude(x, fit);
    const angle = -phase(x, fit);
    wave.re[k] = size * Math.cos(angle);
    wave.im[k] = size * Math.sin(angle);
  }
  return wave;
}

/** Evaluate a polynomial; the coefficient of the highest power comes first. */
function polynomial(coefficients, x) {
  return coefficients.reduce((sum, c) => sum * x + c, 0);
}

/** The derivative of a piece at x, from four neighbours. */
function slope(piece, x, fit) {
  const h = 2e-4 * x;
  const across = (step) => piece(x + step, fit) - piece(x - step, fit);
  return (8 * across(h) - across(2 * h)) / (12 * h);
}

function amplitude(x, fit) {
  let piece = middleAmplitude;
  if (x < fit.INSPIRAL_AMPLITUDE_END) piece = inspiralAmplitude;
  else if (x >= fit.peak) piece = ringdownAmplitude;
  return piece(x, fit) * x ** (-7 / 6);
}

function inspiralAmplitude(x, { eta, rho1, rho2, rho3 }) {
  const pi = Math.PI;
  const v = Math.cbrt(pi * x);
  const second = (-969 + 1804 * eta) / 672;
  const fourth = (-27312085 - 47401320 * eta + 35371056 * eta ** 2) / 8128512;
  const fifth = (42840 * (-1 + 4 * eta) * pi) / 32256;
  const sixth =
    (-336 * 3248849057 * eta ** 2 +
      324322727232 * eta ** 3 -
      7 * 177520268561 -
      12 * eta * (-545384828789 + 21384760320 * pi ** 2)) /
    60085960704;
  const series = 1 + v ** 2 * (second + v ** 2 * (fourth + v * (fifth + v * sixth)));
  return series + x ** 2 * (rho1 * Math.cbrt(x) + rho2 * Math.cbrt(x) ** 2 + rho3 * x);
}

function ringdownAmplitude(x, { ringdown, damping, gamma1, gamma2, gamma3 }) {
  const width = gamma3 * damping;
  const away = x - ringdown;
  return ((gamma1 * width) / (away ** 2 + width ** 2)) * Math.exp((-gamma2 * away) / width);
}

function middleAmplitude(x, fit) {
  const d = x - (fit.INSPIRAL_AMPLITUDE_END + fit.peak) / 2;
  return polynomial(fit.quartic, d);
}

/** The quartic in the distance from the middle that continues its neighbours at both ends. */
function quartic(fit) {
  const [start, end] = [fit.INSPIRAL_AMPLITUDE_END, fit.peak];
  const h = (end - start) / 2;
  // In u = d / h from −1 to 1: values and slopes at both ends, and v2 in the middle.
  const [low, high] = [inspiralAmplitude(start, fit), ringdownAmplitude(end, fit)];
  const lowSlope = h * slope(inspiralAmplitude, start, fit);
  const highSlope = h * slope(ringdownAmplitude, end, fit);
  const even = (low + high) / 2 - fit.v2; // c2 + c4
  const evenSlope = (highSlope - lowSlope) / 2; // 2 c2 + 4 c4
  const odd = (high - low) / 2; // c1 + c3
  const oddSlope = (highSlope + lowSlope) / 2; // c1 + 3 c3
  const c4 = evenSlope / 2 - even;
  const c3 = (oddSlope - odd) / 2;
  return [c4 / h ** 4, c3 / h ** 3, (even - c4) / h ** 2, (odd - c3) / h, fit.v2];
}

function phase(x, fit) {
  let piece = middlePhase;
  if (x < fit.INSPIRAL_PHASE_END) piece = inspiralPhase;
  else if (x >= fit.ringdown / 2) piece = ringdownPhase;
  return (piece(x, fit) - fit.delay * x) / fit.eta;
}

function joinPhases(fit) {
  fit.alpha0 = fit.beta0 = 0;
  let x = fit.INSPIRAL_PHASE_END;
  fit.beta1 += slope(inspiralPhase, x, fit) - slope(middlePhase, x, fit);
  fit.beta0 = inspiralPhase(x, fit) - middlePhase(x, fit);
  x = fit.ringdown / 2;
  fit.alpha1 += slope(middlePhase, x, fit) - slope(ringdownPhase, x, fit);
  fit.alpha0 = middlePhase(x, fit) - ringdownPhase(x, fit);
  fit.delay = slope(ringdownPhase, fit.peak, fit); // the ringdown is loudest at time zero
}

function inspiralPhase(x, { eta, sigma1, sigma2, sigma3, sigma4 }) {
  const pi = Math.PI;
  const eulerGamma = 0.5772156649015329;
  const v = Math.cbrt(pi * x);
  const third = -16 * pi;
  const second = 3715 / 756 + (55 / 9) * eta;
  const fourth = 15293365 / 508032 + (27145 / 504) * eta + (3085 / 72) * eta ** 2;
  const fifth = pi * (38645 / 756 - (65 / 9) * eta) * (1 + 3 * Math.log(v));
  const sixth =
    11583231236531 / 4694215680 -
    (640 / 3) * pi ** 2 -
    (6848 / 21) * (eulerGamma + Math.log(4) + Math.log(v)) +
    (-15737765635 / 3048192 + (2255 / 12) * pi ** 2) * eta +
    (76055 / 1728) * eta ** 2 -
    (127825 / 1296) * eta ** 3;
  const seventh = pi * (77096675 / 254016 + (378515 / 1512) * eta - (74045 / 756) * eta ** 2);
  const higher = fourth + v * (fifth + v * (sixth + v * seventh));
  const series = ((3 / 128) * (1 + v ** 2 * (second + v * (third + v * higher)))) / v ** 5;
  const root = Math.cbrt(x);
  const fitted = (3 / 4) * sigma2 + root * ((3 / 5) * sigma3 + (root * sigma4) / 2);
  return series + x * (sigma1 + root * fitted);
}

function middlePhase(x, { beta0, beta1, beta2, beta3 }) {
  return beta0 + beta1 * x + beta2 * Math.log(x) - beta3 / (3 * x ** 3);
}

function ringdownPhase(x, { alpha0, alpha1, alpha2, alpha3, alpha4, alpha5, ringdown, damping }) {
  const resonance = Math.atan((x - alpha5 * ringdown) / damping);
  return alpha0 + alpha1 * x - alpha2 / x + (4 / 3) * alpha3 * x ** 0.75 + alpha4 * resonance;
}

// --- glitches -------------------------------------------------------------------------------------
// chirps/glitches.py: functions of the time since their centre, from five random numbers.

const between = (u, low, high) => low + (high - low) * u;

function burst(frequency, quality, turns) {
  return (time) =>
    Math.exp(-(((TAU * frequency * time) / quality) ** 2) / 2) *
    Math.cos(TAU * (frequency * time + turns));
}

const FAMILIES = {
  "sine-Gaussian": (u) => burst(between(u[0], 40, 400), between(u[1], 4, 20), u[2]),
  blip: (u) => burst(between(u[0], 60, 200), between(u[1], 1, 2.5), 0),
  "scattered light": (u) => {
    const [period, highest] = [between(u[0], 0.3, 1.2), between(u[1], 28, 70)];
    return (time) => {
      const angle = highest * period * Math.sin((TAU * time) / period) + TAU * u[2];
      return Math.exp(-((time / period) ** 2)) * Math.sin(angle);
    };
  },
  whistle: (u) => {
    const middle = between(u[0], 120, 250);
    const curvature = between(u[1], 800, 6000) * (u[2] < 0.5 ? 1 : -1);
    return (time) =>
      Math.exp(-((time / 0.12) ** 2)) *
      Math.cos(TAU * (middle * time + (curvature * time ** 3) / 3 + u[3]));
  },
  "koi fish": (u) => {
    const parts = [
      [1, burst(30, 2.5, u[0])],
      [0.7, burst(90, 2.5, u[1])],
      [0.5, burst(220, 2.5, u[2])],
    ];
    return (time) => parts.reduce((sum, [strength, part]) => sum + strength * part(time), 0);
  },
};

// --- random numbers and Fourier transforms --------------------------------------------------------

/** Uniform random numbers from a seed (mulberry32); `stream` keeps what is drawn apart. */
export function generator(seed, stream = 0) {
  let state = (Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(stream + 1, 0x85ebca6b)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normal random numbers from uniform ones (Box and Muller). */
function normal(random) {
  let kept = null;
  return () => {
    if (kept !== null) {
      const number = kept;
      kept = null;
      return number;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = TAU * random();
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** Discrete Fourier transform of any length of small factors; sign −1 forward, 1 back, unscaled. */
export function fourier(re, im, sign) {
  const total = re.length;
  const { cos, sin } = turns(total);
  function transform(offset, stride, n) {
    const out = { re: new Float64Array(n), im: new Float64Array(n) };
    if (n === 1) {
      out.re[0] = re[offset];
      out.im[0] = im[offset];
      return out;
    }
    const p = [2, 3, 5].find((factor) => n % factor === 0) ?? n;
    const m = n / p;
    for (let r = 0; r < p; r++) {
      // Every p-th number, transformed; then turned by its place.
      const part = transform(offset + r * stride, stride * p, m);
      for (let k = 0; k < n; k++) {
        const turn = (r * k * stride) % total;
        const [a, b] = [part.re[k % m], part.im[k % m]];
        out.re[k] += a * cos[turn] - sign * b * sin[turn];
        out.im[k] += sign * a * sin[turn] + b * cos[turn];
      }
    }
    return out;
  }
  return transform(0, 1, total);
}

const TURNS = new Map();

/** Cosine and sine of all parts of a turn, kept for the next transform of this length. */
function turns(n) {
  if (!TURNS.has(n)) {
    const angles = Array.from({ length: n }, (_, k) => (TAU * k) / n);
    TURNS.set(n, {
      cos: Float64Array.from(angles, Math.cos),
      sin: Float64Array.from(angles, Math.sin),
    });
  }
  return TURNS.get(n);
}
