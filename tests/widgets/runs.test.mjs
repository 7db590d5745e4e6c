import assert from "node:assert/strict";
import { test } from "node:test";
import { logTicks, scaled, tickText, ticks } from "../../widgets/parts/plot.js";
import * as runs from "../../widgets/parts/runs.js";

const run = (network, seed, seconds, note) => ({
  card: "study",
  network,
  seed,
  note,
  history: { loss: seconds.map((_, i) => 2 / (i + 1)), seconds, val_accuracy: seconds.map((_, i) => 0.5 + 0.1 * i) },
});
const [a, b, c] = [run("net", 0, [60, 60, 60]), run("net", 1, [30, 90]), run("wide", 0, [120])];

test("runs of one network are told apart by their seed", () => {
  const all = [a, b, c, run("net", 100, [1], "chose the epochs")];
  assert.deepEqual(all.map((r) => runs.nameOf(r, all)), ["net, seed 0", "net, seed 1", "wide", "net, chose the epochs"]);
  assert.deepEqual(runs.cardsOf(all), ["study"]);
});

test("time is counted in epochs, or in minutes since the start", () => {
  assert.deepEqual(runs.times(a, "epochs"), [1, 2, 3]);
  assert.deepEqual(runs.times(b, "minutes"), [0.5, 2]);
  assert.deepEqual(runs.curve(b, "loss", "minutes"), [[0.5, 2], [2, 1]]);
  assert.deepEqual(runs.curve(b, "val_loss", "minutes"), []);
});

test("the epoch at a time is the last that had ended", () => {
  assert.equal(runs.epochAt(b, 1.9, "minutes"), 0);
  assert.equal(runs.epochAt(b, 2, "minutes"), 1);
  assert.equal(runs.epochAt(b, 99, "minutes"), 1);
  assert.equal(runs.epochAt(b, 0, "minutes"), 0);
  assert.equal(runs.epochAt(a, 99, "epochs"), 2);
});

test("ranges leave air, and an accuracy stays between 0 and 1", () => {
  assert.deepEqual(runs.rangeOf([[[1, 0.5], [2, 1]]], { share: true }), [0.475, 1]);
  assert.deepEqual(runs.rangeOf([]), [0, 1]);
  const [low, high] = runs.rangeOf([[[1, 0], [2, 0.1], [3, NaN]]], { log: true });
  assert.ok(low > 0 && high > low);
});

test("ticks are round and inside", () => {
  assert.deepEqual(ticks(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticks(0.43, 0.81, 4), [0.5, 0.6, 0.7, 0.8]);
  assert.deepEqual(ticks(-0.1, 0.1, 2), [-0.1, 0, 0.1]);
  assert.deepEqual(ticks(3, 3), [3]);
  assert.deepEqual(logTicks(20, 480), [20, 50, 100, 200]);
  assert.deepEqual(logTicks(0.001, 10), [0.001, 0.01, 0.1, 1, 10]);
  assert.equal(tickText(-0.5), "−0.5");
  assert.equal(tickText(0.00002), "2e−5");
});

test("scales lead there and back", () => {
  const log = scaled([20, 500], [300, 0], true);
  assert.ok(Math.abs(log(100) - 150) < 1);
  assert.ok(Math.abs(log.back(log(77)) - 77) < 1e-9);
});
