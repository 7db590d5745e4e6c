// What the page computes, against what Python wrote into the folder $LIVE_DATA (tests/test_live.py).
// Leaves report.json there: the largest differences.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { Simulator } from "../../widgets/live/chirp.js";
import { forward, gradCam, parse } from "../../widgets/live/nn.js";

const folder = process.env.LIVE_DATA;
const skip = folder ? false : "run by tests/test_live.py, which writes the numbers to agree with";

const bytes = (name) => {
  const file = fs.readFileSync(path.join(folder, name));
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
};
const floats = (name) => new Float32Array(bytes(name));
const json = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));

const report = {};

function largest(found, expected) {
  assert.equal(found.length, expected.length);
  let worst = 0;
  for (let k = 0; k < found.length; k++) {
    const difference = Math.abs(found[k] - expected[k]);
    assert.ok(Number.isFinite(difference));
    worst = Math.max(worst, difference);
  }
  return worst;
}

const highest = (values) => values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
const winner = (logits) =>
  logits.length === 1 ? logits[0] > 0 : logits.indexOf(Math.max(...logits));

test("agreement with Python", { skip }, async (t) => {
  const cases = json("cases.json");
  for (const example of cases.networks) await t.test(example.file, () => compareNetwork(example));
  if (cases.chirps.length) {
    const simulator = new Simulator(json("gw.json"));
    await t.test("chirps", () => compareChirps(simulator, cases.chirps));
    await t.test("glitches", () => compareGlitches(simulator, cases.glitches));
    await t.test("images", () => compareImages(simulator, cases.images));
  }
  fs.writeFileSync(path.join(folder, "report.json"), JSON.stringify(report));
});

function compareNetwork(example) {
  const network = parse(bytes(example.file));
  const [images, exact, rounded, scores] = ["images", "exact", "rounded", "scores"].map((name) =>
    floats(example[name]),
  );
  const found = { exact: 0, rounded: 0, scores: 0, maps: 0, cams: 0, changed: 0, spread: 0 };
  found.count = example.count;
  report[network.name] = found;
  const part = (values, i) =>
    values.slice((i * values.length) / example.count, ((i + 1) * values.length) / example.count);
  const index = (name) => network.layers.findIndex((layer) => layer.name === name);
  const expected = [...example.maps, ...example.cams].map(({ values }) => floats(values));
  for (let i = 0; i < example.count; i++) {
    const trace = forward(network, part(images, i));
    found.exact = Math.max(found.exact, largest(trace.logits, part(exact, i)));
    found.rounded = Math.max(found.rounded, largest(trace.logits, part(rounded, i)));
    found.scores = Math.max(found.scores, largest(trace.scores, part(scores, i)));
    if (winner([...trace.logits]) !== winner([...part(exact, i)])) found.changed++;
    example.maps.forEach(({ layer }, m) => {
      const wanted = part(expected[m], i);
      found.maps = Math.max(
        found.maps,
        largest(trace.values[index(layer)], wanted) / (highest(wanted) || 1),
      );
    });
    example.cams.forEach(({ layer, output }, c) => {
      const wanted = part(expected[example.maps.length + c], i);
      const cam = gradCam(network, trace, output, index(layer));
      found.cams = Math.max(found.cams, largest(cam, wanted) / (highest(wanted) || 1));
    });
  }
  const mean = exact.reduce((a, b) => a + b, 0) / exact.length;
  found.spread = Math.sqrt(exact.reduce((a, b) => a + (b - mean) ** 2, 0) / exact.length);
}

/** Compare spectra of several detectors, relative to their largest value. */
function spectraDiffer(found, [re, im]) {
  const [wantedRe, wantedIm] = [floats(re), floats(im)];
  const n = found[0].re.length;
  return Math.max(
    ...found.map((spectrum, d) => {
      const parts = [wantedRe, wantedIm].map((values) => values.slice(d * n, (d + 1) * n));
      const scale = highest(parts[0]);
      return Math.max(largest(spectrum.re, parts[0]), largest(spectrum.im, parts[1])) / scale;
    }),
  );
}

function compareChirps(simulator, chirps) {
  report.chirps = report.snr = 0;
  for (const { settings, spectra, snr } of chirps) {
    const found = simulator.simulate({ chirp: settings, glitch: null, noise: null });
    report.chirps = Math.max(report.chirps, spectraDiffer(found.spectra, spectra));
    report.snr = Math.max(report.snr, ...snr.map((value, d) => Math.abs(found.snr[d] / value - 1)));
  }
}

function compareGlitches(simulator, glitches) {
  report.glitches = 0;
  for (const { settings, spectrum } of glitches) {
    const found = simulator.glitch(settings);
    report.glitches = Math.max(report.glitches, spectraDiffer([found], spectrum));
  }
}

function compareImages(simulator, images) {
  Object.assign(report, { image: 0, series: 0, pixels_that_differ: 0 });
  let differ = 0;
  let pixels = 0;
  for (const { spectra, image, series } of images) {
    const [re, im] = spectra.map(floats);
    const n = re.length / 2;
    const both = [0, 1].map((d) => ({
      re: re.slice(d * n, (d + 1) * n),
      im: im.slice(d * n, (d + 1) * n),
    }));
    const found = simulator.image(both);
    const wanted = floats(image);
    report.image = Math.max(report.image, largest(found, wanted));
    found.forEach((value, k) => (differ += Math.abs(value - wanted[k]) > 1e-3));
    pixels += found.length;
    const strain = both.flatMap((spectrum) => [...simulator.series(spectrum)]);
    report.series = Math.max(report.series, largest(strain, floats(series)));
  }
  report.pixels_that_differ = differ / pixels;
}
