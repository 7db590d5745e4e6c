// What a stack of layers puts out, sees and costs. No DOM here.
//
// A layer is an object with a `kind`. "conv" has size, stride, padding, filters and dilation; "max"
// and "average" are poolings with size, stride and padding; "flatten" and "global" (the mean of each
// map) take nothing; "dense" has units. Sizes are one number, or a pair: [rows, columns].

import { padding } from "./numeric.js";

export const MOST_LAYERS = 16;

/** The networks of the course, and small stacks to compare. */
export const STACKS = {
  three: {
    title: "three 3 × 3 convolutions",
    input: [32, 32, 3],
    layers: [conv(16), conv(16), conv(16)],
  },
  one: { title: "one 7 × 7 convolution", input: [32, 32, 3], layers: [conv(16, { size: 7 })] },
  first_cnn: {
    title: "the first CNN (chapter 5)",
    input: [32, 32, 3],
    layers: [
      ...[conv(16, { padding: "same" }), conv(32, { padding: "same" }), pool(2)],
      ...[conv(32, { padding: "same" }), conv(64, { padding: "same" }), pool(2)],
      ...[flatten(), dense(256), dense(10)],
    ],
  },
  cifar_cnn: {
    title: "the homework’s CNN (chapter 3)",
    input: [32, 32, 3],
    layers: [
      ...[conv(64, { padding: "same" }), conv(64), pool(2)],
      ...[conv(64, { padding: "same" }), conv(64), pool(2)],
      ...[flatten(), dense(512), dense(10)],
    ],
  },
  gw_small: {
    title: "gw_small (chapter 6)",
    input: [39, 100, 2],
    layers: [
      ...[conv(16, { size: 5, padding: "same" }), pool([3, 2])],
      ...[conv(32, { size: 5 }), pool([3, 2])],
      ...[flatten(), dense(64), dense(1)],
    ],
  },
};

export function conv(filters, { size = 3, stride = 1, padding = "valid", dilation = 1 } = {}) {
  return { kind: "conv", size, stride, padding, filters, dilation };
}

export function pool(size, { kind = "max", stride = size, padding = "valid" } = {}) {
  return { kind, size, stride, padding };
}

export function flatten() {
  return { kind: "flatten" };
}

export function dense(units) {
  return { kind: "dense", units };
}

/**
 * Walk through a stack.
 *
 * Returns one entry for each layer: { shape, view, jump, parameters, products } or { problem }.
 * `view` is how many rows and columns of the input one value depends on, were the input endless;
 * null once a layer looks at all of it. `products` are multiplications with an addition, for one
 * image; products with padded zeros count.
 */
export function walk(input, layers) {
  let shape = input;
  let [view, jump] = [[1, 1], [1, 1]];
  let stuck = false;
  return layers.map((layer) => {
    if (stuck) return { problem: "" };
    try {
      const out = step(layer, shape);
      if (view && out.window) {
        view = view.map((size, axis) => size + (out.window[axis] - 1) * jump[axis]);
        jump = jump.map((size, axis) => size * out.stride[axis]);
      } else if (out.wholeView) {
        view = null;
      }
      shape = out.shape;
      return { shape, view, jump: view && jump, parameters: out.parameters, products: out.products };
    } catch (problem) {
      if (!(problem instanceof RangeError)) throw problem;
      stuck = true;
      return { problem: problem.message };
    }
  });
}

function step(layer, shape) {
  const isImage = shape.length === 3;
  if (layer.kind === "dense") {
    const units = whole(layer.units, "units");
    // On an image, a dense layer of Keras works at every place for itself.
    const places = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const inputs = shape.at(-1);
    const out = { shape: [...shape.slice(0, -1), units], parameters: units * (inputs + 1), products: places * inputs * units };
    return { ...out, wholeView: !isImage };
  }
  if (!isImage) throw new RangeError("Its input is no image any more: move it before the flattening.");
  const [rows, columns, channels] = shape;
  if (layer.kind === "flatten") {
    return { shape: [rows * columns * channels], parameters: 0, products: 0 };
  }
  if (layer.kind === "global") {
    return { shape: [channels], parameters: 0, products: 0, wholeView: true };
  }
  const size = pair(layer.size, "size");
  const stride = pair(layer.stride, "stride");
  const dilation = whole(layer.dilation ?? 1, "dilation");
  const window = size.map((n) => (n - 1) * dilation + 1);
  const places = [rows, columns].map((n, axis) => {
    if (layer.padding !== "same" && window[axis] > n) {
      throw new RangeError(`A window of ${window.join(" × ")} does not fit into ${rows} × ${columns}.`);
    }
    return outputCells(n, window[axis], stride[axis], layer.padding);
  });
  if (layer.kind !== "conv") {
    return { shape: [...places, channels], window, stride, parameters: 0, products: 0 };
  }
  const filters = whole(layer.filters, "filters");
  const weights = size[0] * size[1] * channels;
  return {
    shape: [...places, filters],
    window,
    stride,
    parameters: filters * (weights + 1),
    products: places[0] * places[1] * filters * weights,
  };
}

function outputCells(n, k, stride, mode) {
  return mode === "same" ? Math.ceil(n / stride) : Math.floor((n - k) / stride) + 1;
}

/**
 * Which rows and columns of the input one output cell of layer `number` depends on.
 *
 * Returns [[first row, last row], [first column, last column]], or null if it is all of it.
 */
export function seenBy(input, layers, number, cell) {
  const results = walk(input, layers);
  if (!results[number]?.shape || results[number].view === null || results[number].shape.length < 3) {
    return null;
  }
  let spans = [[cell[0], cell[0]], [cell[1], cell[1]]];
  for (let l = number; l >= 0; l--) {
    const layer = layers[l];
    if (!("size" in layer)) continue;
    const shape = l === 0 ? input : results[l - 1].shape;
    const [size, stride] = [pair(layer.size), pair(layer.stride)];
    spans = spans.map(([first, last], axis) => {
      const window = (size[axis] - 1) * (layer.dilation ?? 1) + 1;
      const before = padding(shape[axis], window, { stride: stride[axis], mode: layer.padding })[0];
      // Zeros around a layer depend on nothing.
      return [
        Math.max(first * stride[axis] - before, 0),
        Math.min(last * stride[axis] - before + window - 1, shape[axis] - 1),
      ];
    });
  }
  return spans;
}

/** "3" → 3, "3×2" → [3, 2]; NaN if it is neither. */
export function parseSize(typed) {
  const match = typed.trim().match(/^(\d{1,3})(?:\s*[×x,*]\s*(\d{1,3}))?$/i);
  if (!match) return NaN;
  return match[2] === undefined || match[1] === match[2] ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}

export function sizeText(size) {
  return Array.isArray(size) ? size.join("×") : String(size);
}

function pair(size, name = "size") {
  return Array.isArray(size) ? size.map((n) => whole(n, name)) : [whole(size, name), whole(size, name)];
}

function whole(n, name) {
  if (!(Number.isInteger(n) && n >= 1 && n <= 100000)) {
    throw new RangeError(`The ${name} must be a whole number from 1.`);
  }
  return n;
}
