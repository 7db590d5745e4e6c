// Read a picture that a person chose, and say in plain words why it cannot be read.

export const MOST_MEGAPIXELS = 32;
const MOST_BYTES = 60e6;
const HEAD = 512 * 1024; // enough for the header of a JPEG with its preview

export class PictureError extends Error {}

/**
 * Read a file as a canvas whose longer side is at most `side` pixels.
 *
 * The size is looked up in the file's head first: a picture too large for a phone's memory is
 * refused before it is unpacked.
 */
export async function readPicture(file, side) {
  const name = `“${file.name || "The picture"}”`;
  if (file.size === 0) throw new PictureError(`${name} is empty.`);
  if (file.size > MOST_BYTES) {
    throw new PictureError(
      `${name} has ${Math.round(file.size / 1e6)} MB; up to ${MOST_BYTES / 1e6} MB can be read here. Save it smaller first.`,
    );
  }
  const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  refuseLarge(name, imageSize(head));
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new PictureError(
      `${name} is not a picture that this browser can read. Choose a JPEG, PNG or WebP file.`,
    );
  }
  try {
    refuseLarge(name, bitmap);
    return shrunk(bitmap, side);
  } finally {
    bitmap.close();
  }
}

function refuseLarge(name, size) {
  if (!size) return;
  const megapixels = (size.width * size.height) / 1e6;
  if (megapixels > MOST_MEGAPIXELS) {
    throw new PictureError(
      `${name} has ${Math.round(megapixels)} megapixels (${size.width} × ${size.height}); up to ${MOST_MEGAPIXELS} can be read here. Save it smaller first.`,
    );
  }
}

/** Draw a picture smaller: by halves first, so that no detail turns into specks. */
function shrunk(bitmap, side) {
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.max(1, Math.round(n * scale)));
  let [source, w, h] = [bitmap, bitmap.width, bitmap.height];
  for (;;) {
    const last = w <= 2 * width && h <= 2 * height;
    [w, h] = last ? [width, height] : [Math.ceil(w / 2), Math.ceil(h / 2)];
    const canvas = document.createElement("canvas");
    canvas.width = w;
    canvas.height = h;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.drawImage(source, 0, 0, w, h);
    if (last) return canvas;
    source = canvas;
  }
}

/** Grey values from 0 to 1 of a canvas; what is transparent counts as white. */
export function greyOf(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Float32Array.from({ length: canvas.width * canvas.height }, (_, i) => {
    const [r, g, b, a] = data.subarray(4 * i, 4 * i + 4);
    return (0.299 * r + 0.587 * g + 0.114 * b) / 255 * (a / 255) + (1 - a / 255);
  });
}

/** Width and height written in the head of a PNG, JPEG, GIF, WebP or BMP file; null if unknown. */
export function imageSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = (text, at = 0) => [...text].every((c, i) => bytes[at + i] === c.charCodeAt(0));
  try {
    if (starts("\x89PNG\r\n\x1a\n")) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (starts("\xff\xd8")) return jpegSize(view);
    if (starts("GIF8")) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (starts("RIFF") && starts("WEBP", 8)) return webpSize(view, starts);
    if (starts("BM")) return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
  } catch (problem) {
    if (!(problem instanceof RangeError)) throw problem; // the file is shorter than its head
  }
  return null;
}

function jpegSize(view) {
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1; // filling
      continue;
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    const hasLength = !(marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8));
    at += 2 + (hasLength ? view.getUint16(at + 2) : 0);
  }
}

function webpSize(view, starts) {
  const uint24 = (at) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  if (starts("VP8X", 12)) return { width: uint24(24) + 1, height: uint24(27) + 1 };
  if (starts("VP8 ", 12)) {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (starts("VP8L", 12)) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return null;
}
