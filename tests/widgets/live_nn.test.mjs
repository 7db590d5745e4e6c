// The networks of the page: what every layer computes, its gradient, and files that make no sense.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  camLayers,
  crc32,
  forward,
  gradCam,
  gradient,
  NetworkError,
  parse,
} from "../../widgets/live/nn.js";
import { file, Numbers } from "./live_files.mjs";

const close = (found, expected, within = 1e-12) => {
  assert.equal(found.length, expected.length);
  found.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) <= within, `${k}: ${value}`));
};

let state = 1;
const random = () => {
  state = (state * 48271) % 2147483647;
  return state / 2147483647 - 0.5;
};
const randoms = (n, scale = 1) => Array.from({ length: n }, () => random() * scale);
const wholes = (n) => randoms(n, 12).map(Math.round);
const relu = { kind: "relu", slope: 0.1 };

/** One layer on an image, then its mean over positions, so that the network ends in classes. */
function single(input, layer, numbers, outShape) {
  const layers = [{ ...layer, shape: outShape }];
  if (outShape.length === 3) layers.push({ op: "global average", shape: [outShape[2]] });
  return parse(file({ input: { shape: input }, layers }, numbers));
}

/** Cross-correlation by the definition, with its own padding. */
function correlated(
  x,
  [rows, columns, channels],
  kernel,
  [filters, down, across],
  strides,
  padding,
) {
  const before = (n, k, s) => {
    const out = Math.ceil(n / s);
    return padding === "valid" ? 0 : Math.floor(Math.max((out - 1) * s + k - n, 0) / 2);
  };
  const many = (n, k, s) => (padding === "valid" ? Math.floor((n - k) / s) + 1 : Math.ceil(n / s));
  const [top, left] = [before(rows, down, strides[0]), before(columns, across, strides[1])];
  const shape = [many(rows, down, strides[0]), many(columns, across, strides[1]), filters];
  const at = (i, j, c) =>
    i < 0 || j < 0 || i >= rows || j >= columns ? 0 : x[(i * columns + j) * channels + c];
  const y = [];
  for (let i = 0; i < shape[0]; i++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let o = 0; o < filters; o++) {
        let sum = 0;
        for (let u = 0; u < down; u++) {
          for (let v = 0; v < across; v++) {
            for (let c = 0; c < channels; c++) {
              const pixel = at(i * strides[0] - top + u, j * strides[1] - left + v, c);
              sum += pixel * kernel[((o * down + u) * across + v) * channels + c];
            }
          }
        }
        y.push(sum);
      }
    }
  }
  return { y, shape };
}

test("a convolution multiplies and adds, whatever its size, stride and padding", () => {
  for (const padding of ["same", "valid"]) {
    for (const [size, strides] of [
      [
        [1, 1],
        [1, 1],
      ],
      [
        [2, 2],
        [1, 1],
      ],
      [
        [3, 3],
        [2, 1],
      ],
      [
        [4, 5],
        [1, 3],
      ],
      [
        [7, 6],
        [2, 2],
      ],
    ]) {
      const input = [7, 6, 2];
      const x = randoms(84);
      const kernel = wholes(5 * size[0] * size[1] * 2);
      const expected = correlated(x, input, kernel, [5, ...size], strides, padding);
      const numbers = new Numbers();
      const layer = {
        op: "convolution",
        size,
        strides,
        padding,
        ...numbers.layer([5, ...size, 2], kernel),
      };
      const network = single(input, layer, numbers, expected.shape);
      close(forward(network, x).values[0], expected.y, 1e-9);
    }
  }
});

test("the patch of a 2 × 2 kernel grows to the right and down, as in Keras", () => {
  const numbers = new Numbers();
  const weights = numbers.layer([1, 2, 2, 1], [1, 2, 3, 4]);
  const layer = { op: "convolution", size: [2, 2], strides: [1, 1], padding: "same", ...weights };
  const network = single([2, 2, 1], layer, numbers, [2, 2, 1]);
  // 1·1 + 2·2 + 3·3 + 4·4, then with zeros to the right, below, and both.
  close(forward(network, [1, 2, 3, 4]).values[0], [30, 2 + 12, 3 + 8, 4]);
});

test("max pooling takes the largest of each window, and of what there is at the border", () => {
  const layer = { op: "max pooling", size: [2, 2], strides: [2, 2] };
  const x = [1, 5, -3, -1, 2, -9, -7, -8, -6];
  const valid = single([3, 3, 1], { ...layer, padding: "valid" }, undefined, [1, 1, 1]);
  close(forward(valid, x).values[0], [5]);
  const same = single([3, 3, 1], { ...layer, padding: "same" }, undefined, [2, 2, 1]);
  close(forward(same, x).values[0], [5, -3, -7, -6]);
});

test("of equal pixels the first passes the gradient on", () => {
  const layer = { op: "max pooling", size: [2, 2], strides: [2, 2], padding: "valid" };
  const network = single([2, 2, 1], layer, undefined, [1, 1, 1]);
  const trace = forward(network, [3, 3, 3, 3]);
  close(gradient(network, trace, 0, -1), [1, 0, 0, 0]);
});

test("a softmax is 1 in all and survives large logits", () => {
  const numbers = new Numbers();
  const layers = [
    { op: "flatten", shape: [3] },
    {
      op: "scaling",
      shape: [3],
      factor: numbers.floats([1000, 1000, 1000]),
      offset: numbers.floats([0, 0, 0]),
    },
    { op: "activation", shape: [3], activation: { kind: "softmax" } },
  ];
  const network = parse(file({ input: { shape: [1, 1, 3] }, layers }, numbers));
  const { logits, scores } = forward(network, [1, 2, 2]);
  close(logits, [1000, 2000, 2000]);
  close(scores, [0, 0.5, 0.5]);
});

/** A network with every kind of layer. */
function everything(end = { kind: "softmax" }) {
  const numbers = new Numbers();
  const same = { strides: [1, 1], padding: "same" };
  const layers = [
    {
      op: "scaling",
      shape: [6, 5, 2],
      factor: numbers.floats([0.5, 2]),
      offset: numbers.floats([0.1, -0.2]),
    },
    {
      op: "convolution",
      name: "first",
      size: [3, 3],
      ...same,
      shape: [6, 5, 4],
      activation: relu,
      ...numbers.layer([4, 3, 3, 2], wholes(72), randoms(4), 0.1),
    },
    {
      op: "max pooling",
      name: "pool",
      size: [2, 2],
      strides: [2, 1],
      padding: "same",
      shape: [3, 5, 4],
    },
    {
      op: "scaling",
      shape: [3, 5, 4],
      factor: numbers.floats([0.2, 0.3, -0.1, 0.2]),
      offset: numbers.floats([0, 0.1, 0, 0]),
    },
    {
      op: "convolution",
      name: "second",
      size: [2, 2],
      strides: [1, 2],
      padding: "valid",
      shape: [2, 2, 3],
      activation: { kind: "tanh" },
      ...numbers.layer([3, 2, 2, 4], wholes(48), randoms(3), 0.1),
    },
    { op: "activation", shape: [2, 2, 3], activation: { kind: "sigmoid" } },
    { op: "flatten", shape: [12] },
    {
      op: "dense",
      shape: [5],
      activation: relu,
      ...numbers.layer([5, 12], wholes(60), randoms(5), 0.1),
    },
    {
      op: "dense",
      shape: [3],
      activation: end,
      ...numbers.layer([3, 5], wholes(15), randoms(3), 0.1),
    },
  ];
  return parse(file({ input: { shape: [6, 5, 2] }, layers }, numbers));
}

test("gradients of the logits are those of finite differences", () => {
  for (const end of [
    { kind: "softmax" },
    { kind: "sigmoid" },
    { kind: "tanh" },
    { kind: "linear" },
  ]) {
    const network = everything(end);
    const image = randoms(60);
    const trace = forward(network, image);
    const found = gradient(network, trace, 1, -1);
    const expected = image.map((_, k) => {
      const [up, down] = [1e-5, -1e-5].map((step) => {
        const moved = image.slice();
        moved[k] += step;
        return forward(network, moved).logits[1];
      });
      return (up - down) / 2e-5;
    });
    assert.ok(Math.max(...expected.map(Math.abs)) > 1e-3);
    close(found, expected, 1e-6 * Math.max(...expected.map(Math.abs)));
  }
});

test("a class activation map worked by hand", () => {
  // Two maps of 1 × 2 pixels, equal to the channels; logit = 2 a + 4 b − 1 c + 3 d.
  const numbers = new Numbers();
  const convolution = {
    size: [1, 1],
    strides: [1, 1],
    padding: "same",
    ...numbers.layer([2, 1, 1, 2], [1, 0, 0, 1]),
  };
  const layers = [
    { op: "convolution", name: "maps", shape: [1, 2, 2], ...convolution },
    { op: "flatten", shape: [4] },
    { op: "dense", shape: [1], ...numbers.layer([1, 4], [2, 4, -1, 3]) },
  ];
  const network = parse(file({ input: { shape: [1, 2, 2] }, layers }, numbers));
  const trace = forward(network, [1, 1, -4, 1]);
  // Map 1 has the weight (2 − 1)/2, map 2 the weight (4 + 3)/2: 0.5 + 3.5 and −2 + 3.5.
  close(gradCam(network, trace, 0), [4, 1.5]);
  close(gradCam(network, forward(network, [1, 1, -8, 1]), 0), [4, 0]);
  assert.deepEqual(camLayers(network), [0]);
});

test("by default the map is of the last convolution or pooling", () => {
  const network = everything();
  assert.deepEqual(camLayers(network), [1, 2, 4]);
  const trace = forward(network, randoms(60));
  close(gradCam(network, trace, 2), gradCam(network, trace, 2, 4));
});

test("images of another size are refused", () => {
  assert.throws(() => forward(everything(), [1, 2, 3]), /expects 6 × 5 × 2 numbers, not 3/);
});

// --- files ----------------------------------------------------------------------------------------

const tiny = () => {
  const numbers = new Numbers();
  const layers = [
    { op: "flatten", shape: [4] },
    { op: "dense", shape: [2], ...numbers.layer([2, 4], wholes(8)) },
  ];
  return [{ input: { shape: [2, 2, 1] }, layers }, numbers];
};

test("names are numbered where the file has none", () => {
  const network = parse(file(...tiny()));
  assert.deepEqual(network.classes, ["class 0", "class 1"]);
  assert.equal(network.layers[0].name, "layer 1");
});

test("files that are no network, damaged or cut short say so", () => {
  const whole = new Uint8Array(file(...tiny()));
  const text = new TextEncoder().encode("This was a letter and is no picture.").buffer;
  assert.throws(() => parse(text), /no network/);
  assert.throws(() => parse(new ArrayBuffer(0)), /no network/);
  for (let length = 16; length < whole.length; length += 7) {
    assert.throws(() => parse(whole.slice(0, length).buffer), NetworkError);
  }
  for (let at = 8; at < whole.length; at += 5) {
    const damaged = whole.slice();
    damaged[at] ^= 64;
    assert.throws(() => parse(damaged.buffer), /damaged/);
  }
});

test("descriptions that make no sense are refused in words", () => {
  const changed = (change) => () => {
    const [header, numbers] = tiny();
    change(header, header.layers);
    return parse(file(header, numbers));
  };
  const cases = [
    [(h, l) => (l[0].op = "lstm"), /a layer of the kind “lstm”.*It can: convolution, dense/],
    [(h, l) => (l[0].op = "constructor"), /kind “constructor”/],
    [(h, l) => delete l[0].op, /kind “undefined”/],
    [(h, l) => (l[1].activation = { kind: "gelu" }), /activation “gelu”/],
    [(h, l) => (l[1].activation = { kind: "softmax", slope: -1 }), /no sensible slope/],
    [(h) => (h.format = 2), /format 2, this page reads 1/],
    [(h) => delete h.input, /input is no image/],
    [(h) => (h.input.shape = [4]), /input is no image/],
    [(h) => (h.input.shape = [2, -2, 1]), /input is no image/],
    [(h) => (h.input.shape = [2, 3, 1]), /layer “layer 1” should put out/],
    [(h) => (h.layers = []), /no layers/],
    [(h) => (h.layers = "all"), /no layers/],
    [(h, l) => (l[1].shape = [3]), /should put out 3, not 2/],
    [(h, l) => (l[1].weights.shape = [2, 5]), /units do not fit/],
    [(h, l) => delete l[1].weights, /units do not fit/],
    [(h, l) => (l[1].weights.at = 4000), /numbers are missing/],
    [(h, l) => (l[1].weights.at = -8), /numbers are missing/],
    [(h, l) => (l[1].bias = 3), /numbers are missing/],
    [(h, l) => (l[1].bias = "x"), /numbers are missing/],
    [(h) => (h.classes = ["one"]), /one name for each class/],
    [(h, l) => l.pop(), /units do not fit|^$/, true],
    [(h, l) => l.unshift({ op: "convolution", shape: [2, 2, 1] }), /window has no size/],
    [
      (h, l) => l.unshift({ op: "max pooling", size: [3, 3], strides: [1, 1], padding: "valid" }),
      /larger than its image/,
    ],
    [
      (h, l) => l.unshift({ op: "max pooling", size: [2, 2], strides: [1, 0], padding: "valid" }),
      /no strides/,
    ],
    [(h, l) => l.unshift({ op: "dense", shape: [2] }), /before the image is flattened/],
  ];
  for (const [change, message, fine] of cases) {
    if (fine) assert.equal(changed(change)().classes.length, 4);
    else
      assert.throws(
        changed(change),
        (error) => error instanceof NetworkError && message.test(error.message),
      );
  }
});

test("a file that asks for too much is refused before anything is computed", () => {
  const numbers = new Numbers();
  const weights = numbers.layer([1, 1, 1, 1], [1]);
  const layers = [
    {
      op: "convolution",
      size: [1, 1],
      strides: [1, 1],
      padding: "same",
      shape: [9000, 9000, 1],
      ...weights,
    },
  ];
  assert.throws(
    () => parse(file({ input: { shape: [9000, 9000, 1] }, layers }, numbers)),
    /too large/,
  );
});

test("crc32 is that of zip", () => {
  assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
});
