// Cross-correlation, convolution and pooling of small matrices, as in helpers/convolution.py.
//
// A matrix is an array of rows. No DOM here: the same module runs in a page and in a test.

const MODES = ["valid", "same", "full"];
export const ANCHORS = ["keras", "bottom-right", "top-left"];

/**
 * Zeros before and after an image of n cells along one axis, for a kernel of k cells.
 *
 * In mode "same" the zeros cannot always be shared equally: "keras" gives just enough for the last
 * window, the odd one at the end; the other two anchors do not look at the stride.
 */
export function padding(n, k, { stride = 1, mode = "valid", anchor = "keras" } = {}) {
  oneOf(mode, MODES, "mode");
  oneOf(anchor, ANCHORS, "anchor");
  if (!(Number.isInteger(stride) && stride >= 1)) {
    throw new RangeError(`stride is ${stride}, expected 1 or more.`);
  }
  if (mode === "valid") {
    if (k > n) throw new RangeError(`A kernel of ${k} cells does not fit into an image of ${n}.`);
    return [0, 0];
  }
  if (mode === "full") return [k - 1, k - 1];
  const half = Math.floor(k / 2);
  const other = Math.floor((k - 1) / 2);
  if (anchor === "top-left") return [half, other];
  if (anchor === "bottom-right") return [other, half];
  const stops = Math.ceil(n / stride);
  const zeros = Math.max((stops - 1) * stride + k - n, 0);
  return [Math.floor(zeros / 2), zeros - Math.floor(zeros / 2)];
}

/** How many stops a kernel makes along one axis. */
export function outputSize(n, k, { stride = 1, mode = "valid" } = {}) {
  const [before, after] = padding(n, k, { stride, mode });
  return Math.floor((n + before + after - k) / stride) + 1;
}

/** Turn a kernel by half a turn: upside down and left to right. */
export function flip(kernel) {
  return kernel.map((row) => [...row].reverse()).reverse();
}

/**
 * All stops of a window of `height` × `width` cells on an image.
 *
 * Returns { zeros: {top, bottom, left, right}, padded, stops }. `padded` is the image with its
 * border, whose cells hold null. `stops[i][j]` is {top, left, cells}: where the window stands on
 * the padded image, and the rows under it.
 */
export function windows(image, height, width, options = {}) {
  const [top, bottom] = padding(image.length, height, options);
  const [left, right] = padding(image[0].length, width, options);
  const stride = options.stride ?? 1;
  const columns = left + image[0].length + right;
  const border = () => Array(columns).fill(null);
  const padded = [
    ...Array.from({ length: top }, border),
    ...image.map((row) => [...Array(left).fill(null), ...row, ...Array(right).fill(null)]),
    ...Array.from({ length: bottom }, border),
  ];
  const stops = [];
  for (let i = 0; i + height <= padded.length; i += stride) {
    const line = [];
    for (let j = 0; j + width <= columns; j += stride) {
      const cells = padded.slice(i, i + height).map((row) => row.slice(j, j + width));
      line.push({ top: i, left: j, cells });
    }
    stops.push(line);
  }
  return { zeros: { top, bottom, left, right }, padded, stops };
}

/** The products of a window and a kernel, row by row: [pixel, weight] pairs. */
export function products(cells, kernel) {
  return kernel.flatMap((row, u) => row.map((weight, v) => [cells[u][v] ?? 0, weight]));
}

/** The values of a window that lie inside the image. */
export function inside(cells) {
  return cells.flat().filter((value) => value !== null);
}

/** The largest value, or the mean, of what a window holds. */
export function poolOf(values, kind) {
  oneOf(kind, ["max", "average"], "kind");
  if (kind === "max") return Math.max(...values);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A number as a person would write it: at most `digits` after the point, a real minus sign. */
export function text(number, digits = 2) {
  return String(Number(number.toFixed(digits)) + 0).replace("-", "−");
}

/** A number as a factor: negative ones in brackets. */
export function factor(number, digits = 2) {
  return number < 0 ? `(${text(number, digits)})` : text(number, digits);
}

/** Read a number that a person typed: 0.5, ,5, −1, 1/9. NaN if it is none. */
export function parse(typed) {
  const clean = typed.trim().replaceAll("−", "-").replaceAll(",", ".");
  const part = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)`;
  const match = clean.match(new RegExp(`^(${part})(?:\\s*/\\s*(${part}))?$`));
  if (!match) return NaN;
  const value = match[2] === undefined ? Number(match[1]) : Number(match[1]) / Number(match[2]);
  return Number.isFinite(value) ? value : NaN;
}

/** Whether something is a matrix of finite numbers. */
export function isMatrix(value) {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((row) => Array.isArray(row) && row.length > 0 && row.length === value[0].length) &&
    value.flat().every(Number.isFinite)
  );
}

function oneOf(value, choices, name) {
  if (!choices.includes(value)) {
    throw new RangeError(`${name} is "${value}", expected one of ${choices.join(", ")}.`);
  }
}
