import assert from "node:assert/strict";
import { test } from "node:test";
import * as signal from "../../widgets/parts/signal.js";

const close = (a, b, tolerance = 1e-9) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b}`);

/** Gaussian numbers, always the same. */
function gaussian(n, seed = 1) {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
  return Float64Array.from({ length: n }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
}

test("the fast transform is the slow one", () => {
  const n = 64;
  const [x, y] = [gaussian(n, 5), gaussian(n, 6)];
  const [re, im] = [x.slice(), y.slice()];
  signal.fft(re, im);
  for (let k = 0; k < n; k++) {
    let [a, b] = [0, 0];
    for (let i = 0; i < n; i++) {
      const [c, s] = [Math.cos((2 * Math.PI * k * i) / n), Math.sin((2 * Math.PI * k * i) / n)];
      a += x[i] * c + y[i] * s;
      b += y[i] * c - x[i] * s;
    }
    close(re[k], a);
    close(im[k], b);
  }
  signal.fft(re, im, 1);
  close(re[7] / n, x[7]);
  assert.throws(() => signal.fft(new Float64Array(12), new Float64Array(12)), /power of two/);
});

test("a series comes back from its spectrum", () => {
  const values = gaussian(256);
  const back = signal.series(signal.spectrum(values, 128), 256);
  values.forEach((value, i) => close(back[i], value));
});

test("white noise has the density that its variance says", () => {
  const rate = 256;
  const curve = signal.noiseCurve(gaussian(64 * rate), rate);
  const middle = curve.slice(20, 230);
  const mean = middle.reduce((sum, a) => sum + a * a, 0) / middle.length;
  close(mean, 2 / rate, 0.03 * (2 / rate)); // variance 1 over 128 Hz
});

test("whitened noise: the median energy is 1, and half of it is above", () => {
  const rate = 1024;
  const noise = gaussian(16 * rate, 3);
  for (let i = 1; i < noise.length; i++) noise[i] += 0.9 * noise[i - 1]; // red
  const curve = signal.noiseCurve(noise, rate);
  const whole = signal.bandSpectrum(noise, rate, { start: 6, seconds: 4, low: 20, high: 480, curve });
  const energies = signal.constantQ(whole, { frequencies: signal.geometric(30, 400, 60), q: 12, from: 0.5, to: 3.5, columns: 300 });
  close(signal.median(energies), 1, 0.1);
  close(energies.filter((e) => e > 3).length / energies.length, 2 ** -3, 0.02);
});

test("a whitened series has the standard deviation of its band", () => {
  const rate = 1024;
  const noise = gaussian(16 * rate, 4).map((x) => 3e-21 * x);
  const curve = signal.noiseCurve(noise, rate);
  const whole = signal.bandSpectrum(noise, rate, { start: 4, seconds: 8, low: 20, high: 480, curve });
  const values = signal.series(whole, 8 * rate).slice(rate, 7 * rate);
  const sigma = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length) / signal.whiteSigma(rate);
  close(sigma, Math.sqrt(460 / 512), 0.03);
});

test("a chirplet is found where it was put", () => {
  const rate = 1024;
  const values = gaussian(16 * rate, 8);
  for (let i = 0; i < values.length; i++) {
    const time = i / rate - 8.1;
    values[i] += 4 * Math.exp(-((time / 0.03) ** 2)) * Math.cos(2 * Math.PI * 150 * time);
  }
  const curve = signal.noiseCurve(values, rate, { exclude: 8.1 });
  const whole = signal.bandSpectrum(values, rate, { start: 6, seconds: 4, low: 20, high: 480, curve });
  const frequencies = signal.geometric(30, 400, 80);
  const energies = signal.constantQ(whole, { frequencies, q: 12, from: 1.5, to: 2.5, columns: 200 });
  const loudest = energies.indexOf(Math.max(...energies));
  close(frequencies[Math.floor(loudest / 200)], 150, 8);
  close(1.5 + ((loudest % 200) + 0.5) / 200, 2.1, 0.01);
  assert.ok(energies[loudest] > 50);
});

test("what lies outside the band is gone", () => {
  const rate = 1024;
  const values = Float64Array.from({ length: 16 * rate }, (_, i) => Math.sin((2 * Math.PI * 60 * i) / rate));
  const whole = signal.bandSpectrum(values, rate, { start: 6, seconds: 4, low: 100, high: 300 });
  assert.ok(Math.max(...signal.series(whole, 4 * rate).map(Math.abs)) < 0.01);
  const silent = signal.constantQ(whole, { frequencies: [60], q: 30, from: 1, to: 2, columns: 10 });
  assert.deepEqual([...silent], Array(10).fill(0));
});

test("as sound the frequencies are raised", () => {
  const rate = 1024;
  const tone = Float64Array.from({ length: 4 * rate }, (_, i) => Math.sin((2 * Math.PI * 100 * i) / rate));
  const sound = signal.asSound(signal.spectrum(tone, rate), 400, 8192);
  const { re, im } = signal.spectrum(sound, 8192);
  const powers = re.map((x, k) => x * x + im[k] * im[k]);
  assert.equal(powers.indexOf(Math.max(...powers)) / 4, 500);
});

test("16-bit numbers are unpacked, the lowest byte first", () => {
  const base64 = Buffer.from(Int16Array.of(1, -2, 32767).buffer).toString("base64");
  assert.deepEqual([...signal.unpack(base64, 0.5)], [0.5, -1, 16383.5]);
});
