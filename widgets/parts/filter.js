// A kernel on a photo, fast enough to follow a finger. No DOM here.

/**
 * Cross-correlate a grey picture with a kernel; the result has the size of the picture.
 *
 * values: Float32Array, row after row. kernel: rows of numbers, an odd number of each. border: what
 * stands outside, "zeros", "nearest" (the pixel at the edge) or "mirror" (about the edge pixel).
 */
export function filter(values, width, height, kernel, border = "zeros") {
  const [rows, columns] = [kernel.length, kernel[0].length];
  const [above, left] = [(rows - 1) >> 1, (columns - 1) >> 1];
  const wide = width + columns - 1;
  const padded = pad(values, width, height, above, left, wide, height + rows - 1, border);
  const out = new Float32Array(width * height);
  for (let u = 0; u < rows; u++) {
    for (let v = 0; v < columns; v++) {
      const weight = kernel[u][v];
      if (weight === 0) continue;
      for (let i = 0; i < height; i++) {
        const from = (i + u) * wide + v;
        const to = i * width;
        for (let j = 0; j < width; j++) out[to + j] += weight * padded[from + j];
      }
    }
  }
  return out;
}

function pad(values, width, height, above, left, wide, high, border) {
  const padded = new Float32Array(wide * high);
  for (let i = 0; i < high; i++) {
    const row = place(i - above, height, border);
    if (row < 0) continue;
    padded.set(values.subarray(row * width, (row + 1) * width), i * wide + left);
    for (let j = 0; j < wide; j++) {
      if (j === left) j += width; // what was just copied
      const column = j < wide ? place(j - left, width, border) : -1;
      if (column >= 0) padded[i * wide + j] = values[row * width + column];
    }
  }
  return padded;
}

/** Which cell stands at place i of n, or -1 for a zero. */
function place(i, n, border) {
  if (i >= 0 && i < n) return i;
  if (border === "zeros") return -1;
  if (border === "nearest" || n === 1) return i < 0 ? 0 : n - 1;
  const period = 2 * (n - 1);
  const within = ((i % period) + period) % period;
  return within < n ? within : period - within;
}

/**
 * The size that 99 of 100 values stay below, whatever their sign: a scale that a bright frame or a
 * single speck does not spoil.
 */
export function usualSize(values, share = 0.99) {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0) return 1;
  const bins = new Uint32Array(513);
  for (const value of values) bins[Math.floor((Math.abs(value) / largest) * 512)] += 1;
  let below = 0;
  for (let bin = 0; bin < bins.length; bin++) {
    below += bins[bin];
    if (below >= share * values.length) return Math.min(((bin + 1) / 512) * largest, largest);
  }
  return largest;
}

/** An edge kernel turned to an angle in degrees: 0 asks for changes to the right, 90 upwards. */
export function turnedEdge(angle) {
  const [right, up] = [Math.cos((angle * Math.PI) / 180), Math.sin((angle * Math.PI) / 180)];
  const sobelX = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]];
  const sobelUp = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]];
  return sobelX.map((row, i) =>
    row.map((x, j) => Math.round((right * x + up * sobelUp[i][j]) * 100) / 100),
  );
}
