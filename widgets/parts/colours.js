// The two colour maps of the course: viridis for magnitudes, RdBu_r for signed values.

// 17 colours of matplotlib's maps, evenly spaced; between them we interpolate.
const ANCHORS = {
  magnitude:
    "44015448186a472d7b4240863b528b33638d2c728e26828e21918c1fa08828ae803fbc735ec96284d44baddc30d8e219fde725",
  signed:
    "0530611752902a71b23f8ec06bacd19bc9e0c2ddece0ecf3f7f6f6fbe5d8fbccb4f5aa89e48066d05548ba2832930e2667001f",
  grey: "000000ffffff",
};

/** 256 colours as numbers that a canvas takes: red in the lowest byte, opaque. */
export function colourTable(name) {
  const anchors = ANCHORS[name].match(/../g).map((byte) => parseInt(byte, 16));
  const last = anchors.length / 3 - 1;
  return Uint32Array.from({ length: 256 }, (_, level) => {
    const place = (level / 255) * last;
    const i = Math.min(Math.floor(place), last - 1);
    const channel = (c) => {
      const [from, to] = [anchors[3 * i + c], anchors[3 * i + 3 + c]];
      return Math.round(from + (place - i) * (to - from));
    };
    return ((255 << 24) | (channel(2) << 16) | (channel(1) << 8) | channel(0)) >>> 0;
  });
}

/** Paint numbers into pixels: `low` gets the first colour of the table, `high` the last. */
export function paint(pixels, values, table, low, high) {
  const scale = 255 / (high - low || 1);
  for (let i = 0; i < values.length; i++) {
    const level = (values[i] - low) * scale + 0.5;
    pixels[i] = table[level < 0 ? 0 : level > 255 ? 255 : level | 0];
  }
}
