import assert from "node:assert/strict";
import { test } from "node:test";
import * as numeric from "../../widgets/parts/numeric.js";
import { convolve, crossCorrelate, pool } from "./sliding.mjs";

// The numbers of the course's first page.
const image = [[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]];
const kernel = [[2, 1], [1, 3]];

test("valid: the numbers of the first page", () => {
  assert.deepEqual(crossCorrelate(image, kernel), [[13, 15, 16], [14, 5, 9], [22, 7, 11]]);
});

test("same: the homework's zeros lie at the top and left, Keras's at the bottom and right", () => {
  const first = (anchor) => crossCorrelate(image, kernel, { mode: "same", anchor });
  assert.deepEqual(first("top-left"), [[6, 11, 9, 14], [11, 13, 15, 16], [15, 14, 5, 9], [25, 22, 7, 11]]);
  assert.deepEqual(first("keras"), [[13, 15, 16, 10], [14, 5, 9, 5], [22, 7, 11, 5], [16, 5, 5, 6]]);
  assert.deepEqual(first("bottom-right"), first("keras"));
});

test("full, and convolution with the flipped kernel", () => {
  const full = crossCorrelate(image, kernel, { mode: "full" });
  assert.equal(full.length, 5);
  assert.deepEqual(full[0], [6, 11, 9, 14, 4]);
  assert.deepEqual(numeric.flip(kernel), [[3, 1], [1, 2]]);
  // 2×3 + 3×1 + 3×1 + 1×2
  assert.equal(convolve(image, kernel)[0][0], 14);
});

test("an odd kernel with a stride: Keras pads less than half of it", () => {
  assert.deepEqual(numeric.padding(4, 3, { mode: "same", stride: 2 }), [0, 1]);
  assert.deepEqual(numeric.padding(5, 3, { mode: "same", stride: 2 }), [1, 1]);
  assert.deepEqual(numeric.padding(4, 3, { mode: "same", stride: 2, anchor: "top-left" }), [1, 1]);
});

test("sizes: (n + zeros - k) // s + 1", () => {
  for (let n = 1; n <= 9; n++) {
    for (let k = 1; k <= 5; k++) {
      for (let stride = 1; stride <= 3; stride++) {
        assert.equal(numeric.outputSize(n, k, { mode: "same", stride }), Math.ceil(n / stride));
        assert.equal(numeric.outputSize(n, k, { mode: "full", stride }), Math.floor((n + k - 2) / stride) + 1);
        if (k <= n) assert.equal(numeric.outputSize(n, k, { stride }), Math.floor((n - k) / stride) + 1);
      }
    }
  }
});

test("pooling: outside cells never win, and do not count in the mean", () => {
  assert.deepEqual(pool(image, 2), [[3, 4], [7, 3]]);
  assert.deepEqual(pool(image, 2, { kind: "average" }), [[2.25, 2.5], [3.5, 1.25]]);
  const negative = [[-1, -2, -3], [-4, -5, -6], [-7, -8, -9]];
  assert.deepEqual(pool(negative, 2, { mode: "same" }), [[-1, -3], [-7, -9]]);
  assert.deepEqual(pool(negative, 2, { mode: "same", kind: "average" }), [[-3, -4.5], [-7.5, -9]]);
});

test("what does not fit says so", () => {
  assert.throws(() => numeric.padding(2, 3), /does not fit/);
  assert.throws(() => numeric.padding(4, 2, { mode: "some" }), /expected one of valid, same, full/);
  assert.throws(() => numeric.padding(4, 2, { stride: 0 }), /expected 1 or more/);
  assert.throws(() => pool(image, 2, { kind: "min" }), /expected one of max, average/);
});

test("numbers as people write them", () => {
  assert.equal(numeric.text(-0.3333), "−0.33");
  assert.equal(numeric.text(-0.001), "0");
  assert.equal(numeric.factor(-2), "(−2)");
  assert.equal(numeric.parse("−0,5"), -0.5);
  assert.equal(numeric.parse(" 1/9 "), 1 / 9);
  assert.equal(numeric.parse(".5"), 0.5);
  for (const nonsense of ["", "-", "a", "1e999", "1/0", "1 2", "--1"]) {
    assert.ok(Number.isNaN(numeric.parse(nonsense)), nonsense);
  }
});

test("a matrix has rows of one length", () => {
  assert.ok(numeric.isMatrix([[1, 2], [3, 4]]));
  for (const other of [null, [], [[]], [[1], [2, 3]], [["1"]], [[NaN]], "ab"]) {
    assert.ok(!numeric.isMatrix(other));
  }
});
