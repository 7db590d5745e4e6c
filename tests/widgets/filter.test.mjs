import assert from "node:assert/strict";
import { test } from "node:test";
import { colourTable, paint } from "../../widgets/parts/colours.js";
import { filter, turnedEdge, usualSize } from "../../widgets/parts/filter.js";
import { crossCorrelate } from "./sliding.mjs";

const rows = (values, width) =>
  Array.from({ length: values.length / width }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
const noise = (n) => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 101) / 8);

test("zeros: the same as the stepper's arithmetic", () => {
  const values = noise(7 * 5);
  for (const kernel of [[[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1]], [[0, 1, 0, 2, 0]], [[1], [-2], [1]]]) {
    const wanted = crossCorrelate(rows(values, 7), kernel, { mode: "same" });
    assert.deepEqual(rows(filter(values, 7, 5, kernel), 7), wanted);
  }
});

test("borders: a plain wall has edges only where zeros are put around it", () => {
  const wall = new Float32Array(6 * 4).fill(0.5);
  const edge = [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]];
  const nothing = new Float32Array(6 * 4);
  assert.deepEqual(filter(wall, 6, 4, edge, "nearest"), nothing);
  assert.deepEqual(filter(wall, 6, 4, edge, "mirror"), nothing);
  assert.equal(filter(wall, 6, 4, edge, "zeros")[0], 2.5);
});

test("borders: which pixel stands outside", () => {
  const line = Float32Array.of(1, 2, 3, 4);
  const twoBefore = [[1, 0, 0, 0, 0]];
  assert.deepEqual([...filter(line, 4, 1, twoBefore, "zeros")], [0, 0, 1, 2]);
  assert.deepEqual([...filter(line, 4, 1, twoBefore, "nearest")], [1, 1, 1, 2]);
  assert.deepEqual([...filter(line, 4, 1, twoBefore, "mirror")], [3, 2, 1, 2]);
  assert.deepEqual([...filter(Float32Array.of(5), 1, 1, twoBefore, "mirror")], [5]);
});

test("the turned edge is Sobel x, and Sobel y with its sign turned", () => {
  assert.deepEqual(turnedEdge(0), [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]);
  assert.deepEqual(turnedEdge(90).map((row) => row.map((w) => w + 0)), [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]);
});

test("30 frames a second would leave 33 ms; a 7 × 7 kernel on 320 × 240 pixels takes less", () => {
  const values = noise(320 * 240);
  const kernel = Array.from({ length: 7 }, () => Array(7).fill(0.1));
  filter(values, 320, 240, kernel);
  const start = performance.now();
  for (let i = 0; i < 10; i++) filter(values, 320, 240, kernel);
  assert.ok((performance.now() - start) / 10 < 33);
});

test("the scale leaves out the loudest hundredth, and knows silence", () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => (i < 5 ? -100 : (i % 11) - 5));
  assert.ok(usualSize(values) > 4.9 && usualSize(values) < 5.3);
  assert.equal(usualSize(new Float32Array(9)), 1);
  assert.equal(usualSize(Float32Array.of(-3)), 3);
});

const css = (colour) => `rgb(${colour & 255}, ${(colour >> 8) & 255}, ${(colour >> 16) & 255})`;

test("colours are matplotlib's", () => {
  assert.equal(css(colourTable("magnitude")[0]), "rgb(68, 1, 84)");
  assert.equal(css(colourTable("magnitude")[255]), "rgb(253, 231, 37)");
  assert.equal(css(colourTable("signed")[0]), "rgb(5, 48, 97)");
  const pixels = new Uint32Array(3);
  paint(pixels, [-9, 0.5, 9], colourTable("grey"), 0, 1);
  assert.deepEqual([...pixels].map(css), ["rgb(0, 0, 0)", "rgb(128, 128, 128)", "rgb(255, 255, 255)"]);
});
