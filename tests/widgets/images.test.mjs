import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_MEGAPIXELS, PictureError, imageSize, readPicture } from "../../widgets/parts/images.js";

// Grey pictures of 37 × 21 pixels, written by Pillow.
const FILES = {
  png: "iVBORw0KGgoAAAANSUhEUgAAACUAAAAVCAAAAADkj3hyAAAAF0lEQVR4nGNsYCACMBGjaFTVqKphpgoA0yMAqpZeMm8AAAAASUVORK5CYII=",
  "progressive jpeg":
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wgALCAAVACUBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQAAAAEAAf/EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEAAQUCf//EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEABj8Cf//EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEAAT8hf//aAAgBAQAAABAAAf/EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEAAT8Qf//Z",
  jpeg: "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAAVACUBAREA",
  gif: "R0lGODdhJQAVAIEAAICAgAAAAAAAAAAAACwAAAAAJQAVAEAILwABCBxIsKDBgwgTKlzIsKHDhxAjSpxIsaLFixgzatzIsaPHjyBDihxJsqRJkgEBADs=",
  webp: "UklGRlAAAABXRUJQVlA4IEQAAABwAwCdASolABUAPm02l0ikIyIhJWgAgA2JZwDHXoAALGeNWgAA/vgEP/Qmx7UV//oSf/E2f8TZ8DVdEsk6pSW4AAAAAA==",
  "lossless webp": "UklGRhwAAABXRUJQVlA4TA8AAAAvJAAFAAcQBYz+ByKi/wEA",
  bmp: "Qk1+BwAAAAAAADYEAAAoAAAAJQAAABUAAAABAAgAAAAAAEgDAADEDgAA",
};
const bytesOf = (base64) => new Uint8Array(Buffer.from(base64, "base64"));

for (const [kind, base64] of Object.entries(FILES)) {
  test(`the size of a ${kind} is read from its head`, () => {
    assert.deepEqual(imageSize(bytesOf(base64)), { width: 37, height: 21 });
  });
}

test("what is cut short or no picture has no size, and breaks nothing", () => {
  for (const base64 of Object.values(FILES)) {
    for (let length = 0; length < 24; length++) imageSize(bytesOf(base64).subarray(0, length));
  }
  assert.equal(imageSize(new TextEncoder().encode("Dear reader, this is a letter and no picture.")), null);
  assert.equal(imageSize(new Uint8Array(0)), null);
});

/** A PNG that claims to be large; nothing of it has to be unpacked to refuse it. */
function claims(width, height) {
  const bytes = bytesOf(FILES.png);
  new DataView(bytes.buffer).setUint32(16, width);
  new DataView(bytes.buffer).setUint32(20, height);
  return new File([bytes], "holiday.png", { type: "image/png" });
}

const refuses = (file, message) =>
  assert.rejects(readPicture(file, 320), (problem) => problem instanceof PictureError && message.test(problem.message));

test("a photo of 40 megapixels is refused before it is unpacked", async () => {
  await refuses(claims(8000, 5000), /“holiday.png” has 40 megapixels \(8000 × 5000\); up to 32/);
  assert.ok(MOST_MEGAPIXELS > 24); // what telephones take
});

test("an empty file, a text called png, a giant", async () => {
  globalThis.createImageBitmap ??= async () => {
    throw new DOMException("The source image could not be decoded.", "InvalidStateError");
  };
  await refuses(new File([], "a.png"), /“a.png” is empty/);
  await refuses(new File(["Dear reader"], "letter.png"), /“letter.png” is not a picture that this browser can read/);
  await refuses({ name: "b.tif", size: 1e9 }, /“b.tif” has 1000 MB/);
});
