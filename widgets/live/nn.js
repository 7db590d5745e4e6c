// A convolutional network in plain JavaScript: what every layer puts out, and gradients.
//
// Numbers of an image lie in one array, row after row, column after column, channel after channel.
// Files are written by widgets/live/network_file.py, which describes them. No DOM here: the same
// module runs in a page, in a worker and in a test.

const MAGIC = "CNNFILE1";
const FORMAT = 1;
const MOST_PRODUCTS = 4e9; // multiplications for one image; some seconds
const MOST_VALUES = 3e7; // numbers that one layer puts out, or weights of one layer

export class NetworkError extends Error {}

// --- reading a file -------------------------------------------------------------------------------

/** Turn the bytes of a file (an ArrayBuffer) into a network; NetworkError says what is wrong. */
export function parse(buffer) {
  const bytes = new Uint8Array(buffer);
  if (bytes.length < 16 || String.fromCharCode(...bytes.subarray(0, 8)) !== MAGIC) {
    throw new NetworkError(
      "This file is no network: it was not written by widgets.save_network of this course.",
    );
  }
  const start = new DataView(buffer);
  const length = start.getUint32(8, true);
  const fits = length % 8 === 0 && 16 + length <= bytes.length;
  if (!fits || crc32(bytes.subarray(16)) !== start.getUint32(12, true)) {
    throw new NetworkError(
      "This network file is damaged or incomplete: its checksum is wrong. Save it again, or " +
        "download it again.",
    );
  }
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + length)));
  } catch {
    throw new NetworkError("This network file is damaged: its description cannot be read.");
  }
  if (header?.format !== FORMAT) {
    throw new NetworkError(
      `This network file has the format ${header?.format}, this page reads ${FORMAT}. ` +
        "Write it with the same version of the course.",
    );
  }
  return build(header, new Numbers(buffer, 16 + length));
}

function build(header, numbers) {
  const input = header.input;
  check(isShape(input?.shape) && input.shape.length === 3, "its input is no image");
  check(Array.isArray(header.layers) && header.layers.length > 0, "it has no layers");
  let shape = input.shape;
  let products = 0;
  const layers = header.layers.map((description, number) => {
    const kind = Object.hasOwn(KINDS, description?.op) ? KINDS[description.op] : null;
    if (!kind) {
      throw new NetworkError(
        `This network has a layer of the kind “${description?.op}”, which this page cannot ` +
          `compute. It can: ${Object.keys(KINDS).join(", ")}.`,
      );
    }
    const name = String(description.name ?? `layer ${number + 1}`);
    const layer = {
      name,
      op: description.op,
      input: shape,
      ...kind.prepare(description, shape, numbers),
    };
    const declared = description.shape;
    check(
      isShape(declared) && declared.join() === layer.shape.join(),
      `layer “${name}” should put out ${declared?.join?.(" × ")}, not ${layer.shape.join(" × ")}`,
    );
    check(size(layer.shape) <= MOST_VALUES, `layer “${name}” is too large for a page`);
    products += layer.products ?? 0;
    shape = layer.shape;
    return layer;
  });
  check(
    products <= MOST_PRODUCTS,
    `${products.toExponential(1)} multiplications are too many for a page`,
  );
  check(shape.length === 1, "it does not end with one number for each class");
  const last = layers.at(-1);
  const names = Array.isArray(header.classes) ? header.classes.map(String) : null;
  check(!names || names.length === shape[0], "it has not one name for each class");
  return {
    name: String(header.name ?? "network"),
    about: String(header.about ?? ""),
    input: { shape: input.shape, black: Number(input.black ?? 0), white: Number(input.white ?? 1) },
    classes: names ?? Array.from({ length: shape[0] }, (_, i) => `class ${i}`),
    layers,
    products,
    squash: last.activation?.kind ?? "linear",
  };
}

function check(good, what) {
  if (!good) throw new NetworkError(`This network file makes no sense: ${what}.`);
}

const isCount = (n) => Number.isInteger(n) && n > 0 && n <= MOST_VALUES;
const isShape = (shape) => Array.isArray(shape) && shape.length > 0 && shape.every(isCount);
const size = (shape) => shape.reduce((a, b) => a * b, 1);

/** The numbers behind the description; every access is checked. */
class Numbers {
  constructor(buffer, start) {
    this.buffer = buffer;
    this.start = start;
    this.length = buffer.byteLength - start;
  }

  view(Type, at, n) {
    const fits = Number.isInteger(at) && at >= 0 && at % Type.BYTES_PER_ELEMENT === 0;
    check(
      fits && isCount(n) && at + n * Type.BYTES_PER_ELEMENT <= this.length,
      "numbers are missing",
    );
    return new Type(this.buffer, this.start + at, n);
  }

  floats(at, n) {
    return Float64Array.from(this.view(Float32Array, at, n));
  }

  /** Weights in full, one row for each output. */
  weights({ shape, bits, at, scales }) {
    const n = size(shape);
    check(n <= MOST_VALUES, "a layer has too many weights for a page");
    const whole = this.view(bits === 16 ? Int16Array : Int8Array, at, n);
    const scale = this.view(Float32Array, scales, shape[0]);
    const weights = new Float64Array(n);
    const perOutput = n / shape[0];
    for (let o = 0, k = 0; o < shape[0]; o++) {
      for (const end = k + perOutput; k < end; k++) weights[k] = whole[k] * scale[o];
    }
    return weights;
  }
}

/** CRC-32 as in zip and PNG. */
export function crc32(bytes) {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = CRC_TABLE[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

// --- running a network ----------------------------------------------------------------------------

/**
 * Show an image to a network.
 *
 * Returns `values`, what each layer puts out, `logits`, the scores before a softmax or sigmoid at
 * the end, and `scores`, those behind it.
 */
export function forward(network, image) {
  if (image.length !== size(network.input.shape)) {
    throw new NetworkError(
      `The network expects ${network.input.shape.join(" × ")} numbers, not ${image.length}.`,
    );
  }
  const values = [];
  let x = Float64Array.from(image);
  let logits;
  network.layers.forEach((layer, number) => {
    let y = KINDS[layer.op].forward(layer, x);
    if (number === network.layers.length - 1) logits = y.slice();
    y = activate(y, layer.activation);
    values.push(y);
    x = y;
  });
  if (!SQUASHING.has(network.squash)) logits = x;
  return { image, values, logits, scores: x };
}

/** Return the gradient of a logit with respect to what layer `number` puts out; −1: to the image. */
export function gradient(network, trace, output, number) {
  const { layers } = network;
  let slope = new Float64Array(trace.logits.length);
  slope[output] = 1;
  for (let n = layers.length - 1; n > number; n--) {
    const layer = layers[n];
    const x = n > 0 ? trace.values[n - 1] : trace.image;
    if (n < layers.length - 1 || !SQUASHING.has(network.squash)) {
      slope = throughActivation(slope, trace.values[n], layer.activation);
    }
    slope = KINDS[layer.op].backward(layer, x, slope);
  }
  return slope;
}

/**
 * Weigh the maps of a layer by how much a logit grows with them (Grad-CAM).
 *
 * Returns one number for each position of the maps, zero or more.
 */
export function gradCam(network, trace, output, number = camLayers(network).at(-1)) {
  const [rows, columns, channels] = network.layers[number].shape;
  const maps = trace.values[number];
  const slope = gradient(network, trace, output, number);
  const positions = rows * columns;
  const weights = new Float64Array(channels);
  for (let k = 0; k < slope.length; k++) weights[k % channels] += slope[k] / positions;
  const cam = new Float64Array(positions);
  for (let p = 0; p < positions; p++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += weights[c] * maps[p * channels + c];
    cam[p] = Math.max(0, sum);
  }
  return cam;
}

/** Numbers of the layers that a class activation map may be taken at; by default the last. */
export function camLayers(network) {
  return network.layers
    .map((layer, number) => (["convolution", "max pooling"].includes(layer.op) ? number : -1))
    .filter((number) => number >= 0);
}

// --- activations ----------------------------------------------------------------------------------

const SQUASHING = new Set(["softmax", "sigmoid"]);

function readActivation(activation = { kind: "linear" }) {
  const { kind, slope = 0 } = activation;
  const known = ["linear", "relu", "sigmoid", "tanh", "softmax"];
  if (!known.includes(kind)) {
    throw new NetworkError(
      `This network has the activation “${kind}”, which this page cannot compute. ` +
        `It can: ${known.join(", ")}.`,
    );
  }
  check(slope >= 0 && slope <= 1, "an activation has no sensible slope");
  return { kind, slope };
}

/** Apply a nonlinearity in place. */
function activate(y, activation) {
  if (!activation || activation.kind === "linear") return y;
  const { kind, slope } = activation;
  if (kind === "relu") {
    for (let k = 0; k < y.length; k++) if (y[k] < 0) y[k] *= slope;
  } else if (kind === "tanh") {
    for (let k = 0; k < y.length; k++) y[k] = Math.tanh(y[k]);
  } else if (kind === "sigmoid") {
    for (let k = 0; k < y.length; k++) y[k] = 1 / (1 + Math.exp(-y[k]));
  } else {
    const highest = y.reduce((a, b) => Math.max(a, b), -Infinity);
    let sum = 0;
    for (let k = 0; k < y.length; k++) sum += y[k] = Math.exp(y[k] - highest);
    for (let k = 0; k < y.length; k++) y[k] /= sum;
  }
  return y;
}

/** Return the gradient before a nonlinearity from the one behind it, and what it put out. */
function throughActivation(slope, y, activation) {
  if (!activation || activation.kind === "linear") return slope;
  const { kind, slope: leak } = activation;
  if (kind === "relu") return slope.map((g, k) => (y[k] > 0 ? g : leak * g));
  if (kind === "tanh") return slope.map((g, k) => g * (1 - y[k] * y[k]));
  if (kind === "sigmoid") return slope.map((g, k) => g * y[k] * (1 - y[k]));
  throw new NetworkError("A softmax is known only at the end of a network.");
}

// --- layers ---------------------------------------------------------------------------------------

/** Where the windows of a convolution or a pooling lie: as in Keras, more zeros after than before. */
function windows({ size: window, strides, padding }, [rows, columns]) {
  check(isShape(window) && window.length === 2, "a window has no size");
  check(isShape(strides) && strides.length === 2, "a window has no strides");
  check(padding === "same" || padding === "valid", `a padding is “${padding}”`);
  const along = (n, k, stride) => {
    if (padding === "valid") return { n: Math.floor((n - k) / stride) + 1, before: 0 };
    const out = Math.ceil(n / stride);
    return { n: out, before: Math.floor(Math.max((out - 1) * stride + k - n, 0) / 2) };
  };
  const [down, across] = [
    along(rows, window[0], strides[0]),
    along(columns, window[1], strides[1]),
  ];
  check(down.n > 0 && across.n > 0, "a window is larger than its image");
  return {
    window,
    strides,
    rows: down.n,
    columns: across.n,
    top: down.before,
    left: across.before,
  };
}

/** Multiply rows of weights by one vector: out[at + o] = bias[o] + Σ weights[o, i] vector[i]. */
function multiply(weights, bias, vector, out, at) {
  const n = vector.length;
  const outputs = bias.length;
  let o = 0;
  for (; o + 4 <= outputs; o += 4) {
    // Four rows at once: each number of the vector is fetched once for all four.
    let [k0, s0, s1, s2, s3] = [o * n, bias[o], bias[o + 1], bias[o + 2], bias[o + 3]];
    for (let i = 0; i < n; i++, k0++) {
      const v = vector[i];
      s0 += v * weights[k0];
      s1 += v * weights[k0 + n];
      s2 += v * weights[k0 + 2 * n];
      s3 += v * weights[k0 + 3 * n];
    }
    out[at + o] = s0;
    out[at + o + 1] = s1;
    out[at + o + 2] = s2;
    out[at + o + 3] = s3;
  }
  for (; o < outputs; o++) {
    let sum = bias[o];
    for (let i = 0, k = o * n; i < n; i++, k++) sum += vector[i] * weights[k];
    out[at + o] = sum;
  }
}

/** The reverse: into[i] = Σ slope[at + o] weights[o, i]. */
function multiplyBack(weights, slope, at, outputs, into) {
  const n = into.length;
  into.fill(0);
  for (let o = 0; o < outputs; o++) {
    const g = slope[at + o];
    if (g === 0) continue;
    for (let i = 0, k = o * n; i < n; i++, k++) into[i] += g * weights[k];
  }
}

/** Call visit(place in the patch, place in the image, length) for every row of a window. */
function patchRows(layer, i, j, visit) {
  const [rows, columns, channels] = layer.input;
  const { window, strides, top, left } = layer.grid;
  const first = j * strides[1] - left;
  const from = Math.max(first, 0);
  const until = Math.min(first + window[1], columns);
  if (until <= from) return;
  for (let u = 0; u < window[0]; u++) {
    const row = i * strides[0] - top + u;
    if (row < 0 || row >= rows) continue;
    const inPatch = (u * window[1] + from - first) * channels;
    visit(inPatch, (row * columns + from) * channels, (until - from) * channels);
  }
}

/** A convolution is a dense layer that looks at one patch of the image after another. */
const convolution = {
  prepare(description, shape, numbers) {
    check(shape.length === 3, "a convolution has no image to look at");
    const grid = windows(description, shape);
    const filters = description.weights?.shape?.[0];
    const expected = [filters, ...grid.window, shape[2]];
    check(
      isShape(expected) && description.weights.shape.join() === expected.join(),
      "filters do not fit",
    );
    const products = grid.rows * grid.columns * size(expected);
    return {
      shape: [grid.rows, grid.columns, filters],
      grid,
      products,
      weights: numbers.weights(description.weights),
      bias: numbers.floats(description.bias, filters),
      activation: readActivation(description.activation),
    };
  },
  forward(layer, x) {
    const { grid, weights, bias } = layer;
    const y = new Float64Array(size(layer.shape));
    const patch = new Float64Array(weights.length / bias.length);
    const [rows, columns] = layer.input;
    const inside = (i, j) => {
      const top = i * grid.strides[0] - grid.top;
      const left = j * grid.strides[1] - grid.left;
      return (
        top >= 0 && left >= 0 && top + grid.window[0] <= rows && left + grid.window[1] <= columns
      );
    };
    const copy = (inPatch, inImage, n) => {
      for (let k = 0; k < n; k++) patch[inPatch + k] = x[inImage + k];
    };
    for (let i = 0, at = 0; i < grid.rows; i++) {
      for (let j = 0; j < grid.columns; j++, at += bias.length) {
        if (!inside(i, j)) patch.fill(0);
        patchRows(layer, i, j, copy);
        multiply(weights, bias, patch, y, at);
      }
    }
    return y;
  },
  backward(layer, x, slope) {
    const { grid, weights, bias } = layer;
    const gradient = new Float64Array(x.length);
    const patch = new Float64Array(weights.length / bias.length);
    const add = (inPatch, inImage, n) => {
      for (let k = 0; k < n; k++) gradient[inImage + k] += patch[inPatch + k];
    };
    for (let i = 0, at = 0; i < grid.rows; i++) {
      for (let j = 0; j < grid.columns; j++, at += bias.length) {
        multiplyBack(weights, slope, at, bias.length, patch);
        patchRows(layer, i, j, add);
      }
    }
    return gradient;
  },
};

const dense = {
  prepare(description, shape, numbers) {
    check(shape.length === 1, "a dense layer comes before the image is flattened");
    const units = description.weights?.shape?.[0];
    check(
      isCount(units) && description.weights.shape.join() === [units, shape[0]].join(),
      "units do not fit",
    );
    return {
      shape: [units],
      products: units * shape[0],
      weights: numbers.weights(description.weights),
      bias: numbers.floats(description.bias, units),
      activation: readActivation(description.activation),
    };
  },
  forward(layer, x) {
    const y = new Float64Array(layer.shape[0]);
    multiply(layer.weights, layer.bias, x, y, 0);
    return y;
  },
  backward(layer, x, slope) {
    const gradient = new Float64Array(x.length);
    multiplyBack(layer.weights, slope, 0, slope.length, gradient);
    return gradient;
  },
};

const maxPooling = {
  prepare(description, shape) {
    check(shape.length === 3, "a pooling has no image to look at");
    const grid = windows(description, shape);
    return { shape: [grid.rows, grid.columns, shape[2]], grid };
  },
  /** Call visit(place of the output, place of the largest input) for all; the first wins a tie. */
  winners(layer, x, visit) {
    const [rows, columns, channels] = layer.input;
    const { grid } = layer;
    for (let i = 0, at = 0; i < grid.rows; i++) {
      for (let j = 0; j < grid.columns; j++) {
        const top = i * grid.strides[0] - grid.top;
        const left = j * grid.strides[1] - grid.left;
        for (let c = 0; c < channels; c++, at++) {
          let best = -1;
          for (let a = Math.max(top, 0); a < Math.min(top + grid.window[0], rows); a++) {
            for (let b = Math.max(left, 0); b < Math.min(left + grid.window[1], columns); b++) {
              const here = (a * columns + b) * channels + c;
              if (best < 0 || x[here] > x[best]) best = here;
            }
          }
          visit(at, best);
        }
      }
    }
  },
  forward(layer, x) {
    const y = new Float64Array(size(layer.shape));
    maxPooling.winners(layer, x, (at, best) => (y[at] = x[best]));
    return y;
  },
  backward(layer, x, slope) {
    const gradient = new Float64Array(x.length);
    maxPooling.winners(layer, x, (at, best) => (gradient[best] += slope[at]));
    return gradient;
  },
};

const globalAverage = {
  prepare(description, shape) {
    check(shape.length === 3, "an average has no image to look at");
    return { shape: [shape[2]] };
  },
  forward(layer, x) {
    const [rows, columns, channels] = layer.input;
    const y = new Float64Array(channels);
    for (let k = 0; k < x.length; k++) y[k % channels] += x[k] / (rows * columns);
    return y;
  },
  backward(layer, x, slope) {
    const [rows, columns, channels] = layer.input;
    return new Float64Array(x.length).map((_, k) => slope[k % channels] / (rows * columns));
  },
};

const flatten = {
  prepare: (description, shape) => ({ shape: [size(shape)] }),
  forward: (layer, x) => x.slice(),
  backward: (layer, x, slope) => slope,
};

const scaling = {
  prepare(description, shape, numbers) {
    const channels = shape.at(-1);
    const factor = numbers.floats(description.factor, channels);
    return { shape, factor, offset: numbers.floats(description.offset, channels) };
  },
  forward({ factor, offset }, x) {
    return x.map((value, k) => value * factor[k % factor.length] + offset[k % factor.length]);
  },
  backward({ factor }, x, slope) {
    return slope.map((g, k) => g * factor[k % factor.length]);
  },
};

const activation = {
  prepare: (description, shape) => ({ shape, activation: readActivation(description.activation) }),
  forward: (layer, x) => x.slice(),
  backward: (layer, x, slope) => slope,
};

const KINDS = {
  convolution,
  dense,
  "max pooling": maxPooling,
  "global average": globalAverage,
  flatten,
  scaling,
  activation,
};
