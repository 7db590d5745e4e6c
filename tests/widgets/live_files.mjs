// Network files made by hand, for the tests: what widgets/live/network_file.py writes, in JavaScript.

import { crc32 } from "../../widgets/live/nn.js";

/** Collects numbers; each call returns what the description needs to find them. */
export class Numbers {
  constructor() {
    this.parts = [];
    this.length = 0;
  }

  add(array) {
    const padding = (4 - (this.length % 4)) % 4;
    this.parts.push(new Uint8Array(padding), new Uint8Array(array.buffer));
    const at = this.length + padding;
    this.length = at + array.byteLength;
    return at;
  }

  floats(values) {
    return this.add(Float32Array.from(values));
  }

  /** Weights of a layer: whole numbers, times a scale. */
  layer(shape, values, bias = new Array(shape[0]).fill(0), scale = 1) {
    const whole = Int8Array.from(values);
    const scales = new Array(shape[0]).fill(scale);
    const weights = { shape, bits: 8, at: this.add(whole), scales: this.floats(scales) };
    return { weights, bias: this.floats(bias) };
  }
}

/** The bytes of a file, as an ArrayBuffer. */
export function file(header, numbers = new Numbers()) {
  let text = JSON.stringify({ format: 1, name: "by hand", ...header });
  text += " ".repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8);
  const description = new TextEncoder().encode(text);
  const out = new Uint8Array(16 + description.length + numbers.length);
  out.set(new TextEncoder().encode("CNNFILE1"));
  out.set(description, 16);
  let at = 16 + description.length;
  for (const part of numbers.parts) {
    out.set(part, at);
    at += part.length;
  }
  const view = new DataView(out.buffer);
  view.setUint32(8, description.length, true);
  view.setUint32(12, crc32(out.subarray(16)), true);
  return out.buffer;
}
