// A window slid over a whole image, from the parts with which the steppers do one stop at a time.

import { flip, inside, poolOf, products, windows } from "../../widgets/parts/numeric.js";

/** Slide a kernel over an image; each output cell is the sum of the products under it. */
export function crossCorrelate(image, kernel, options = {}) {
  const { stops } = windows(image, kernel.length, kernel[0].length, options);
  return stops.map((line) =>
    line.map(({ cells }) => products(cells, kernel).reduce((sum, [x, w]) => sum + x * w, 0)),
  );
}

/** Cross-correlate with the flipped kernel: the convolution of mathematics. */
export function convolve(image, kernel, options = {}) {
  return crossCorrelate(image, flip(kernel), options);
}

/** Keep the largest value, or the mean, of each window; cells outside do not count. */
export function pool(image, size = 2, { kind = "max", stride = size, ...options } = {}) {
  const { stops } = windows(image, size, size, { stride, ...options });
  return stops.map((line) => line.map(({ cells }) => poolOf(inside(cells), kind)));
}
