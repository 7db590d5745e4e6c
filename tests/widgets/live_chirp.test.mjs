// The parts of the simulation that need no numbers from Python: transforms and random numbers.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fourier, generator, Simulator } from "../../widgets/live/chirp.js";

test("the Fourier transform is its definition, for lengths of small factors", () => {
  for (const n of [1, 2, 3, 5, 12, 30, 49, 400]) {
    const random = generator(n);
    const [re, im] = [0, 1].map(() => Float64Array.from({ length: n }, () => random() - 0.5));
    for (const sign of [-1, 1]) {
      const found = fourier(re, im, sign);
      for (let f = 0; f < n; f += Math.ceil(n / 7)) {
        let [a, b] = [0, 0];
        for (let t = 0; t < n; t++) {
          const [cos, sin] = [
            Math.cos((2 * Math.PI * f * t) / n),
            sign * Math.sin((2 * Math.PI * f * t) / n),
          ];
          a += re[t] * cos - im[t] * sin;
          b += re[t] * sin + im[t] * cos;
        }
        assert.ok(Math.abs(found.re[f] - a) < 1e-10 && Math.abs(found.im[f] - b) < 1e-10);
      }
    }
  }
});

/** A simulator without the fitted numbers of waves: noise, glitches and images only. */
function simulator() {
  const scales = new Array(39).fill(1);
  const frequencies = scales.map((_, row) => 400 * (25 / 400) ** (row / 38));
  return new Simulator({
    grid: { SAMPLE_RATE: 1024, DURATION: 4, LOWEST: 20, HIGHEST: 480, WINDOW_START: 2.5, WINDOW: 1 },
    asd: new Array(1841).fill(1),
    image: { N_COLUMNS: 100, ROW_FREQUENCIES: frequencies, QUALITY: 12, FULL_SCALE: 25, scales },
  });
}

test("noise is white, Gaussian, independent in the detectors, and the same for the same seed", () => {
  const s = simulator();
  const [h, l] = s.noise(3);
  const all = [...h.re, ...h.im, ...l.re, ...l.im];
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  assert.ok(Math.abs(mean(all)) < 0.05);
  assert.ok(Math.abs(mean(all.map((x) => x * x)) - 1) < 0.05); // ⟨|n|²⟩ = T/2 = 2 in two parts
  assert.ok(Math.abs(mean(all.map((x) => x ** 4)) - 3) < 0.3);
  assert.ok(Math.abs(mean([...h.re].map((x, k) => x * l.re[k]))) < 0.07);
  assert.deepEqual(s.noise(3), [h, l]);
  assert.notDeepEqual(s.noise(4)[0].re, h.re);
  const series = [...s.series(h)];
  assert.ok(Math.abs(mean(series.map((x) => x * x)) - 460 / 512) < 0.12);
});

test("neighbouring seeds and streams have nothing in common", () => {
  const first = (seed, stream) => generator(seed, stream)();
  const numbers = Array.from({ length: 200 }, (_, k) => first(k, 1));
  assert.equal(new Set(numbers).size, 200);
  const mean = numbers.reduce((a, b) => a + b, 0) / 200;
  assert.ok(Math.abs(mean - 0.5) < 0.08);
  assert.notEqual(first(1, 1), first(1, 2));
});

test("nothing in, nothing out; a glitch is as loud as asked, in its detector only", () => {
  const s = simulator();
  const nothing = s.simulate({ chirp: null, glitch: null, noise: null });
  assert.ok(s.image(nothing.spectra).every((energy) => energy === 0));
  for (const family of ["sine-Gaussian", "blip", "scattered light", "whistle", "koi fish"]) {
    const glitch = { family, snr: 17, detector: 1, seed: 5 };
    const { spectra, snr } = s.simulate({ chirp: null, glitch, noise: null });
    assert.ok(Math.abs(s.norm(spectra[1]) - 17) < 1e-9);
    assert.equal(s.norm(spectra[0]), 0);
    assert.deepEqual(snr, [0, 0]);
  }
});

test("images stay within their scale", () => {
  const s = simulator();
  const glitch = { family: "koi fish", snr: 1e4, detector: 0, seed: 1 };
  const image = s.image(s.simulate({ chirp: null, glitch, noise: 1 }).spectra);
  assert.equal(image.length, 39 * 100 * 2);
  assert.equal(Math.max(...image), 25);
  assert.ok(Math.min(...image) >= 0);
});
