// From a photo to the few pixels that a network sees.

import { readPicture } from "../parts/images.js";

const BETWEEN = 512; // a photo is shrunk to this size first, by the browser

/** Turn a file into a picture of a given size: red, green, blue from 0 to 255, row after row. */
export async function picture(file, rows, columns) {
  return fitted(await readPicture(file, BETWEEN), rows, columns);
}

/** Cut the middle out of an image, of the right shape, and average it down. */
export function fitted(image, rows, columns) {
  const scale = Math.min(image.width / columns, image.height / rows);
  const fine = Math.max(1, Math.round(scale)); // a whole number of pixels for each of the network's
  const [across, down] = [columns * fine, rows * fine];
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: across, height: down });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // behind what is transparent
  context.fillRect(0, 0, across, down);
  const [width, height] = [columns * scale, rows * scale];
  const [left, top] = [(image.width - width) / 2, (image.height - height) / 2];
  context.drawImage(image, left, top, width, height, 0, 0, across, down);
  return averaged(context.getImageData(0, 0, across, down).data, down, across, rows, columns);
}

/** Average blocks of pixels; the fourth number of each, its opacity, is left out. */
export function averaged(rgba, down, across, rows, columns) {
  const [high, wide] = [down / rows, across / columns];
  const out = new Uint8ClampedArray(rows * columns * 3);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let a = i * high; a < (i + 1) * high; a++) {
          for (let b = j * wide; b < (j + 1) * wide; b++) sum += rgba[(a * across + b) * 4 + c];
        }
        out[(i * columns + j) * 3 + c] = sum / (high * wide);
      }
    }
  }
  return out;
}

/** Turn a picture into what a network expects: its black and white, one channel or three. */
export function asInput(rgb, { shape, black, white }) {
  const [rows, columns, channels] = shape;
  const input = new Float32Array(rows * columns * channels);
  for (let k = 0; k < input.length; k++) {
    const [r, g, b] = rgb.subarray(3 * k, 3 * k + 3);
    const value = channels === 1 ? 0.299 * r + 0.587 * g + 0.114 * b : rgb[k];
    input[k] = black + ((white - black) * value) / 255;
  }
  return input;
}

/** Add the opacity that canvases want. */
export function rgba(rgb) {
  const out = new Uint8ClampedArray((rgb.length / 3) * 4).fill(255);
  for (let k = 0; k < rgb.length / 3; k++) out.set(rgb.subarray(3 * k, 3 * k + 3), 4 * k);
  return out;
}
