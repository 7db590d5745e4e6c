import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { STACKS, conv, dense, flatten, parseSize, pool, seenBy, sizeText, walk } from "../../widgets/parts/layers.js";
import { crossCorrelate } from "./sliding.mjs";

const total = (stack, key) => walk(stack.input, stack.layers).reduce((sum, result) => sum + result[key], 0);

for (const name of ["first_cnn", "cifar_cnn", "gw_small"]) {
  test(`${name} has the parameters of its run card`, () => {
    const card = JSON.parse(readFileSync(new URL(`../../data/models/${name}/run.json`, import.meta.url)));
    assert.equal(total(STACKS[name], "parameters"), card.parameters);
  });
}

test("multiply-adds are those of helpers.models.layer_costs", () => {
  assert.equal(total(STACKS.first_cnn, "products"), 13289984);
  assert.equal(total(STACKS.cifar_cnn, "products"), 50656256);
  assert.equal(total(STACKS.gw_small, "products"), 8560576);
});

test("three 3 × 3 convolutions see as much as one of 7 × 7", () => {
  assert.deepEqual(walk([32, 32, 3], STACKS.three.layers).map(({ view }) => view[0]), [3, 5, 7]);
  assert.deepEqual(walk([32, 32, 3], STACKS.one.layers)[0].view, [7, 7]);
});

test("shapes, pair by pair", () => {
  const shapes = walk([39, 100, 2], STACKS.gw_small.layers).map(({ shape }) => shape.join("×"));
  assert.deepEqual(shapes, ["39×100×16", "13×50×16", "9×46×32", "3×23×32", "2208", "64", "1"]);
});

/** Which pixels change a cell, found by trying them all on layers whose weights are all 1. */
function tried(size, layers, cell) {
  const seen = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      let image = Array.from({ length: size }, (_, a) => Array.from({ length: size }, (_, b) => Number(a === i && b === j)));
      for (const layer of layers) {
        const k = layer.size;
        const ones = Array.from({ length: k }, () => Array(k).fill(1));
        image = crossCorrelate(image, ones, { mode: layer.padding, stride: layer.stride });
      }
      if (image[cell[0]][cell[1]] !== 0) seen.push([i, j]);
    }
  }
  const axis = (a) => [Math.min(...seen.map((p) => p[a])), Math.max(...seen.map((p) => p[a]))];
  return [axis(0), axis(1)];
}

test("what a cell sees: as if every pixel were tried", () => {
  const stacks = [
    [conv(1), conv(1, { padding: "same" }), pool(2)],
    [conv(1, { size: 2, padding: "same" }), conv(1, { size: 4, stride: 2, padding: "same" })],
    [pool(3, { stride: 2, padding: "same" }), conv(1, { size: 2 })],
    [conv(1, { size: 5, stride: 3 }), conv(1, { size: 2, padding: "same" })],
  ];
  for (const layers of stacks) {
    const shape = walk([13, 13, 1], layers).at(-1).shape;
    for (const cell of [[0, 0], [shape[0] - 1, shape[1] - 1], [1, 0]]) {
      const spans = seenBy([13, 13, 1], layers, layers.length - 1, cell);
      assert.deepEqual(spans, tried(13, layers, cell));
    }
  }
});

test("dilation spreads the window and costs nothing", () => {
  const [result] = walk([32, 32, 3], [conv(8, { dilation: 2 })]);
  assert.deepEqual([result.view, result.shape, result.parameters], [[5, 5], [28, 28, 8], 224]);
});

test("what does not fit is said once, at the layer where it happens", () => {
  const results = walk([4, 4, 1], [conv(2), conv(2, { size: 3 }), dense(1)]);
  assert.match(results[1].problem, /A window of 3 × 3 does not fit into 2 × 2/);
  assert.equal(results[2].problem, "");
  assert.match(walk([4, 4, 1], [flatten(), conv(2)])[1].problem, /no image any more/);
  assert.match(walk([4, 4, 1], [conv(0)])[0].problem, /whole number from 1/);
});

test("after flattening, everything is seen", () => {
  const results = walk([8, 8, 1], [conv(2), flatten(), dense(3)]);
  assert.equal(results[2].view, null);
  assert.equal(seenBy([8, 8, 1], [conv(2), flatten(), dense(3)], 2, [0, 0]), null);
  assert.equal(walk([8, 8, 3], [{ kind: "global" }])[0].view, null);
});

test("sizes as people type them", () => {
  assert.equal(parseSize("3"), 3);
  assert.deepEqual(parseSize("3×2"), [3, 2]);
  assert.deepEqual(parseSize(" 3 x 2 "), [3, 2]);
  assert.equal(parseSize("2x2"), 2);
  for (const nonsense of ["", "a", "3x", "-1", "1.5"]) assert.ok(Number.isNaN(parseSize(nonsense)));
  assert.equal(sizeText([3, 2]), "3×2");
});
