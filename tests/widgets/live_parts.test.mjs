// The parts of the live widgets that compute something: pixels, colours, words, the queue.

import assert from "node:assert/strict";
import { test } from "node:test";

import { latest } from "../../widgets/live/engine.js";
import { described, evenly } from "../../widgets/live/layers.js";
import { glow, heat, reach, tiles } from "../../widgets/live/maps.js";
import { asInput, averaged, rgba } from "../../widgets/live/pictures.js";
import { percent } from "../../widgets/live/scores.js";
import { Session } from "../../widgets/live/session.js";
import { file, Numbers } from "./live_files.mjs";

test("a picture is averaged in blocks, its opacity left out", () => {
  // Two rows of four pixels become one of two.
  const grey = [10, 20, 50, 60, 30, 40, 70, 80];
  const data = grey.flatMap((v) => [v, 2 * v, 0, 255]);
  assert.deepEqual([...averaged(data, 2, 4, 1, 2)], [25, 50, 0, 65, 130, 0]);
});

test("black and white become what the network expects, colours grey where it has one channel", () => {
  const rgb = Uint8ClampedArray.from([0, 0, 0, 255, 255, 255, 255, 0, 0]);
  const colour = asInput(rgb, { shape: [1, 3, 3], black: -0.5, white: 0.5 });
  assert.deepEqual([...colour], [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5, 0.5, -0.5, -0.5]);
  const grey = asInput(rgb, { shape: [1, 3, 1], black: 0, white: 1 });
  [0, 1, 0.299].forEach((value, k) => assert.ok(Math.abs(grey[k] - value) < 1e-6));
  assert.deepEqual([...rgba(rgb)].slice(0, 8), [0, 0, 0, 255, 255, 255, 255, 255]);
});

test("tiles stand where they belong, with transparent gaps", () => {
  // Three maps of 1 × 2; the numbers of a position stand together.
  const values = [0, 1, 2, 3, 4, 5];
  const options = { order: [0, 1, 2], perRow: 2, gap: 1, most: () => 5 };
  const { data, width, height } = tiles(values, [1, 2, 3], options);
  assert.deepEqual([width, height], [5, 3]);
  const pixel = (row, column) => [
    ...data.slice(4 * (row * width + column), 4 * (row * width + column) + 4),
  ];
  const dark = [0x44, 0x01, 0x54, 255];
  const bright = [0xfd, 0xe7, 0x25, 255];
  assert.deepEqual(pixel(0, 0), dark); // map 0 begins with 0
  assert.deepEqual(pixel(2, 1), bright); // map 2 ends with 5
  assert.deepEqual(pixel(0, 2), [0, 0, 0, 0]);
  assert.deepEqual(pixel(2, 4), [0, 0, 0, 0]);
  const signed = tiles([-1, 0, 1], [1, 3, 1], { most: () => 1, signed: true }).data;
  assert.deepEqual([...signed.slice(0, 3)], [0x05, 0x30, 0x61]);
  assert.ok(Math.min(...signed.slice(4, 7)) > 240);
  assert.deepEqual([...signed.slice(8, 11)], [0x67, 0x00, 0x1f]);
});

test("blank maps are dark, and nothing glows in them", () => {
  assert.equal(reach([0, 0]), 1);
  assert.equal(reach([1, -3]), 3);
  assert.deepEqual([...heat([0], 1, 1).data], [0x44, 0x01, 0x54, 255]);
  assert.deepEqual(
    [...glow([0, 2, 1], 1, 3).data].filter((_, k) => k % 4 === 3),
    [0, 255, 128],
  );
});

test("shares are never called none or all that are not", () => {
  const said = [0, 1, 0.021, 0.5, 0.9931].map((share) => percent(share).replaceAll("\u00a0", " "));
  assert.deepEqual(said, ["< 0.1 %", "> 99.9 %", "2.1 %", "50 %", "99.3 %"]);
});

test("layers are described in words", () => {
  const conv = { op: "convolution", shape: [30, 30, 16], window: [3, 3] };
  const relu = { kind: "relu", slope: 0 };
  assert.equal(
    described({ ...conv, activation: relu }),
    "convolution 3 × 3 and ReLU, 16 maps of 30 × 30",
  );
  assert.equal(
    described({ op: "dense", shape: [1], activation: { kind: "sigmoid" } }),
    "dense and sigmoid, 1 number",
  );
  const leaky = { kind: "relu", slope: 0.1 };
  assert.equal(
    described({ op: "activation", shape: [256], activation: leaky }),
    "leaky ReLU, 256 numbers",
  );
});

test("only the newest of waiting calls is done, and none at the same time", async () => {
  const done = [];
  let atOnce = 0;
  const call = latest(async (number) => {
    assert.equal(++atOnce, 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    atOnce--;
    if (number === 5) throw new Error("five");
    done.push(number);
  });
  await Promise.all([call(1), call(2), call(3)]);
  assert.deepEqual(done, [1, 3]);
  await assert.rejects(call(5), /five/);
  await call(6); // a failure does not block the next
  assert.deepEqual(done, [1, 3, 6]);
});

// --- the session ----------------------------------------------------------------------------------

function network(shape = [2, 2, 1]) {
  const numbers = new Numbers();
  const n = shape[0] * shape[1] * shape[2];
  const relu = { kind: "relu", slope: 0 };
  const layers = [
    {
      op: "scaling",
      name: "scale",
      shape,
      factor: numbers.floats(new Array(shape[2]).fill(2)),
      offset: numbers.floats(new Array(shape[2]).fill(0)),
    },
    { op: "max pooling", name: "pool", shape, size: [1, 1], strides: [1, 1], padding: "valid" },
    { op: "activation", name: "relu", shape, activation: relu },
    { op: "flatten", name: "flat", shape: [n] },
    {
      op: "dense",
      name: "last",
      shape: [2],
      ...numbers.layer(
        [2, n],
        new Array(2 * n).fill(0).map((_, k) => k),
      ),
    },
  ];
  return file({ input: { shape }, layers, classes: ["a", "b"] }, numbers);
}

test("a session answers, and keeps its network when the next one is refused", () => {
  const session = new Session();
  const inputs = { channels: [1, 3], most: 4 };
  const { classes, layers, camLayers } = session.perform({ do: "open", buffer: network(), inputs });
  assert.deepEqual(classes, ["a", "b"]);
  assert.deepEqual(
    layers.map((layer) => layer.signed),
    [true, true, false, false, true],
  );
  assert.deepEqual(camLayers, [1]);
  const ask = () => session.perform({ do: "run", image: [1, 0, 0, 2] });
  const found = ask();
  assert.deepEqual([...found.logits], [12, 36]);
  assert.deepEqual([found.output, found.layer, found.maps.length], [1, 1, 5]);
  for (const [shape, message] of [
    [[2, 2, 2], /three channels, or one/],
    [[5, 2, 1], /Up to 4 pixels a side/],
  ]) {
    assert.throws(() => session.perform({ do: "open", buffer: network(shape), inputs }), message);
  }
  const only = { shape: [39, 100, 2] };
  assert.throws(
    () => session.perform({ do: "open", buffer: network(), inputs: only }),
    /39 × 100 × 2/,
  );
  assert.deepEqual(ask().logits, found.logits);
  assert.throws(() => session.perform({ do: "sing" }), /unknown/);
});

test("rows of maps are equally long where that leaves little empty", () => {
  assert.equal(evenly(16, 9), 8);
  assert.equal(evenly(32, 9), 8);
  assert.equal(evenly(64, 64), 64);
  assert.equal(evenly(13, 9), 9); // a prime
  assert.equal(evenly(4, 9), 4);
  assert.equal(evenly(5, 0), 1); // no room
});
