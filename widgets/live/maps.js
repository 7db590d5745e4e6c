// Numbers painted in the two colour maps of the course, alone or as tiles side by side.

import { colourTable } from "../parts/colours.js";

const TABLES = { magnitude: colourTable("magnitude"), signed: colourTable("signed") };

/** The largest size of a number, or 1 if all are zero. */
export function reach(values) {
  let most = 0;
  for (const value of values) most = Math.max(most, Math.abs(value));
  return most || 1;
}

/**
 * Paint maps of one size side by side.
 *
 * `values` has the maps as the last of its three axes, `shape` says how large they are; `order` says
 * which maps, `perRow` how many stand beside each other, with `gap` empty pixels between them.
 * `most(map)` is the number at the end of the colour scale. Returns an image as a canvas takes it.
 */
export function tiles(
  values,
  [rows, columns, n],
  { order = [0], perRow = 1, gap = 0, most, signed = false },
) {
  const down = Math.ceil(order.length / perRow);
  const [width, height] = [perRow * (columns + gap) - gap, down * (rows + gap) - gap];
  const pixels = new Uint32Array(width * height); // transparent
  const table = signed ? TABLES.signed : TABLES.magnitude;
  order.forEach((map, place) => {
    const [top, left] = [
      Math.floor(place / perRow) * (rows + gap),
      (place % perRow) * (columns + gap),
    ];
    const end = most(map);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const share = values[(i * columns + j) * n + map] / end;
        const level = signed ? 127.5 * (share + 1) : 255 * share;
        pixels[(top + i) * width + left + j] = table[Math.round(Math.min(Math.max(level, 0), 255))];
      }
    }
  });
  return { data: new Uint8ClampedArray(pixels.buffer), width, height };
}

/** Where a map of numbers from zero up speaks: pink, the clearer the larger the number. */
export function glow(values, rows, columns) {
  const most = reach(values);
  const data = new Uint8ClampedArray(4 * rows * columns);
  values.forEach((value, k) => data.set([255, 46, 147, (255 * value) / most], 4 * k));
  return { data, width: columns, height: rows };
}

/** Paint one map of numbers from zero up. */
export function heat(values, rows, columns, most = reach(values)) {
  return tiles(values, [rows, columns, 1], { most: () => most });
}

/** Show an image on a canvas of its size. */
export function put(canvas, { data, width, height }) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  canvas.getContext("2d").putImageData(new ImageData(data, width, height), 0, 0);
}
