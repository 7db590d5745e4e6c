// Strain of a detector: its noise, whitening, and its energy in time and frequency. No DOM here.
//
// Spectra are {re, im} of a stretch of T seconds, at the frequencies 0, 1/T, 2/T …, in the
// convention of chirps/grid.py: in whitened noise ⟨|X|²⟩ = T/2 in every bin.

/** Fourier transform in place; the length is a power of two. sign -1 goes to frequencies, +1 back (without 1/n). */
export function fft(re, im, sign = -1) {
  const n = re.length;
  if (n & (n - 1)) throw new RangeError(`${n} numbers, expected a power of two.`);
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const half = size / 2;
    const [cos, sin] = twiddles(size);
    for (let start = 0; start < n; start += size) {
      for (let k = 0; k < half; k++) {
        const [a, b] = [start + k, start + k + half];
        const [wr, wi] = [cos[k], sign * sin[k]];
        const tr = re[b] * wr - im[b] * wi;
        const ti = re[b] * wi + im[b] * wr;
        re[b] = re[a] - tr;
        im[b] = im[a] - ti;
        re[a] += tr;
        im[a] += ti;
      }
    }
  }
}

const tables = new Map();

function twiddles(size) {
  if (!tables.has(size)) {
    const angles = Array.from({ length: size / 2 }, (_, k) => (2 * Math.PI * k) / size);
    tables.set(size, [Float64Array.from(angles, Math.cos), Float64Array.from(angles, Math.sin)]);
  }
  return tables.get(size);
}

/** The one-sided spectrum of a real series: ∫ x e^(-2πift) dt. */
export function spectrum(values, rate) {
  const n = values.length;
  const [re, im] = [Float64Array.from(values), new Float64Array(n)];
  fft(re, im);
  const half = n / 2 + 1;
  const part = (all) => all.subarray(0, half).map((value) => value / rate);
  return { re: part(re), im: part(im), seconds: n / rate };
}

/** The real series of n values that a one-sided spectrum belongs to. */
export function series({ re, im, seconds }, n) {
  const [a, b] = [new Float64Array(n), new Float64Array(n)];
  for (let k = 0; k < re.length; k++) {
    const scale = k === 0 || 2 * k === n ? 1 : 2;
    a[k] = (scale * re[k]) / seconds;
    b[k] = (scale * im[k]) / seconds;
  }
  fft(a, b, 1);
  return a;
}

/**
 * The amplitude spectral density of the noise, at 0, 1/segment, 2/segment … Hz.
 *
 * The median of periodograms of Hann-windowed segments that overlap by half. Segments that hold the
 * moment `exclude` (seconds from the start) are left out.
 */
export function noiseCurve(values, rate, { segment = 2, exclude = null } = {}) {
  const n = segment * rate;
  const hann = Float64Array.from({ length: n }, (_, i) => Math.sin((Math.PI * i) / n) ** 2);
  const power = hann.reduce((sum, w) => sum + w * w, 0);
  const periodograms = [];
  for (let start = 0; start + n <= values.length; start += n / 2) {
    const at = exclude === null ? -1 : exclude * rate;
    if (at >= start && at < start + n) continue;
    const { re, im } = spectrum(values.slice(start, start + n).map((x, i) => x * hann[i]), rate);
    periodograms.push(re.map((x, k) => (2 * rate * (x * x + im[k] * im[k])) / power));
  }
  if (periodograms.length % 2 === 0) periodograms.pop(); // the law of the median is simple for odd n
  const bias = medianBias(periodograms.length);
  return Float64Array.from({ length: n / 2 + 1 }, (_, k) => Math.sqrt(median(periodograms.map((p) => p[k])) / bias));
}

/** The median of n exponential numbers, n odd, on average, as a part of their mean. */
function medianBias(n) {
  let bias = 0;
  for (let k = 1; k <= n; k++) bias += (k % 2 ? 1 : -1) / k;
  return bias;
}

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Cut `seconds` around the middle of a stretch, divide by the noise curve, keep the band.
 *
 * curve: as noiseCurve returns it, with its segment; null divides by `unit` instead. Both ends are
 * faded in and out over a quarter of a second.
 */
export function bandSpectrum(values, rate, { start, seconds, low, high, curve = null, segment = 2, unit = 1 }) {
  const first = Math.round(start * rate);
  const n = seconds * rate;
  const fade = rate / 4;
  const cut = Float64Array.from({ length: n }, (_, i) => {
    const edge = Math.min(i, n - 1 - i);
    const taper = edge < fade ? Math.sin((Math.PI * (edge + 0.5)) / (2 * fade)) ** 2 : 1;
    return values[first + i] * taper;
  });
  const whole = spectrum(cut, rate);
  for (let k = 0; k < whole.re.length; k++) {
    const frequency = k / seconds;
    const scale = frequency < low || frequency > high ? 0 : 1 / (curve ? at(curve, frequency * segment) : unit);
    whole.re[k] *= scale;
    whole.im[k] *= scale;
  }
  return whole;
}

/** The standard deviation of whitened noise, were no band cut out of it. */
export function whiteSigma(rate) {
  return Math.sqrt(rate / 2);
}

/** A table between its entries. */
function at(table, place) {
  const i = Math.min(Math.floor(place), table.length - 2);
  return table[i] + (place - i) * (table[i + 1] - table[i]);
}

/**
 * Energy in time and frequency: the constant-Q transform with a bisquare window.
 *
 * frequencies: of the rows, Hz. from, to, columns: the times, seconds from the start of the
 * spectrum; every column stands for its middle. In whitened Gaussian noise the median energy is 1.
 * Returns a Float32Array, row after row.
 */
export function constantQ(spectrum, { frequencies, q, from, to, columns }) {
  const { re, im, seconds } = spectrum;
  const out = new Float32Array(frequencies.length * columns);
  const unit = 2 / seconds / Math.LN2; // half of all exponential numbers exceed ln 2 of their mean
  frequencies.forEach((frequency, row) => {
    const middle = Math.round(frequency * seconds);
    const halfWidth = (frequency * Math.sqrt(11) * seconds) / q;
    const reach = Math.floor(halfWidth);
    const first = Math.max(middle - reach, 1);
    const last = Math.min(middle + reach, re.length - 1);
    let n = 1024;
    while (n < 2 * (last - first + 1)) n *= 2; // twice as many as needed, to go straight between them
    const [a, b] = [new Float64Array(n), new Float64Array(n)];
    let energy = 0;
    for (let k = first; k <= last; k++) {
      const weight = (1 - ((k - middle) / halfWidth) ** 2) ** 2;
      // Only bins that hold something count, so that a band does not dim its edges.
      if (re[k] !== 0 || im[k] !== 0) energy += weight * weight;
      a[(k - middle + n) % n] = re[k] * weight;
      b[(k - middle + n) % n] = im[k] * weight;
    }
    if (energy === 0) return;
    fft(a, b, 1);
    const scale = unit / energy;
    for (let column = 0; column < columns; column++) {
      const time = from + ((column + 0.5) / columns) * (to - from);
      const place = (time / seconds) * n;
      const i = Math.floor(place);
      const [here, next] = [i, (i + 1) % n].map((j) => a[j] * a[j] + b[j] * b[j]);
      out[row * columns + column] = scale * (here + (place - i) * (next - here));
    }
  });
  return out;
}

/** Frequencies that grow by equal factors. */
export function geometric(low, high, n) {
  return Array.from({ length: n }, (_, i) => low * (high / low) ** (i / (n - 1)));
}

/** A spectrum as sound: its frequencies raised by `shift` Hz, at `rate` samples a second. */
export function asSound({ re, im, seconds }, shift, rate) {
  const n = 2 ** Math.ceil(Math.log2(seconds * rate));
  const by = Math.round(shift * seconds);
  const raised = { re: new Float64Array(n / 2 + 1), im: new Float64Array(n / 2 + 1), seconds };
  raised.re.set(re, by);
  raised.im.set(im, by);
  return series(raised, n);
}

/** Numbers of 16 bits in base64, times a scale. */
export function unpack(base64, scale) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true) * scale);
}
