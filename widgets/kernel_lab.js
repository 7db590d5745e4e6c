// A kernel on a photo: change a weight and see at once what the picture becomes.

import { colourTable, paint } from "./parts/colours.js";
import { button, card, dropdown, h, pills, problemLine, readout, slider, store, tick } from "./parts/dom.js";
import { filter, turnedEdge, usualSize } from "./parts/filter.js";
import { NumberGrid } from "./parts/grid.js";
import { PictureError, greyOf, readPicture } from "./parts/images.js";
import { isMatrix, text } from "./parts/numeric.js";

const SIDE = 320; // pixels
const TURNED = "turned";
const OWN = "own";

// As in chapter 2, and a few more.
const PRESETS = {
  edge: ["edge", [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]],
  blur: ["blur", Array.from({ length: 3 }, () => Array(3).fill(1 / 9))],
  sharpen: ["sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]],
  sobel_x: ["Sobel x", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]],
  sobel_y: ["Sobel y", [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]],
  [TURNED]: ["an edge of any direction", null],
  gauss: [
    "wider, rounder blur",
    [1, 4, 6, 4, 1].map((a) => [1, 4, 6, 4, 1].map((b) => (a * b) / 256)),
  ],
  emboss: ["relief", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]],
  nothing: ["the same picture", [[0, 0, 0], [0, 1, 0], [0, 0, 0]]],
};

export async function render({ model, el }) {
  const root = card(el, "Kernel lab", "Choose a kernel, or type weights of your own; fractions such as 1/9 are understood.");
  let preset = model.get("preset") ?? (model.get("kernel") ? OWN : "sobel_x");
  if (preset !== OWN && !(preset in PRESETS)) preset = "sobel_x";
  let angle = 30;
  let picture = null; // { values, width, height, name }
  let answer = null; // the filtered values
  let at = null; // [row, column] of the pixel that is looked at
  const startKernel = isMatrix(model.get("kernel")) ? model.get("kernel") : PRESETS.edge[1];
  if (preset !== OWN || !model.get("kernel")) model.set("kernel", kernelOf(preset, angle) ?? startKernel);

  const kernel = () => model.get("kernel");
  const setKernel = (matrix) => store(model, "kernel", matrix);

  // --- controls
  const list = dropdown(
    "Kernel",
    [...Object.entries(PRESETS).map(([key, [name]]) => [key, name]), [OWN, "your own"]],
    preset,
    (key) => {
      preset = key;
      setKernel(kernelOf(key, angle) ?? kernel());
    },
  );
  const turn = slider("Direction", { min: 0, max: 360, step: 1, value: angle, show: (a) => `${a}°` }, (a) => {
    angle = a;
    setKernel(turnedEdge(a));
  });
  const size = pills("Size", [[3, "3 × 3"], [5, "5 × 5"], [7, "7 × 7"]], kernel().length, (n) => {
    preset = OWN;
    setKernel(recentred(kernel(), Number(n)));
  });
  const grid = new NumberGrid({
    name: "kernel",
    edit: (i, j, value) => {
      if (kernel()[i][j] === value) return;
      preset = OWN;
      setKernel(kernel().map((row, u) => row.map((w, v) => (u === i && v === j ? value : w))));
    },
  });
  const sum = h("p", { class: "note" });
  const border = dropdown(
    "Outside the picture",
    [["zeros", "zeros"], ["nearest", "the edge goes on"], ["mirror", "a mirror"]],
    model.get("border") ?? "zeros",
    (value) => store(model, "border", value),
  );
  const showAs = pills("Show", [["signed", "signed"], ["grey", "as grey"]], model.get("show") ?? "signed", (value) => store(model, "show", value));
  const relu = tick("ReLU: negative values become 0", model.get("relu") ?? false, (value) => store(model, "relu", value));

  // --- pictures
  const before = new Panel("picture", look);
  const after = new Panel("answer", look);
  const scale = h("p", { class: "note" });
  const say = readout();
  const problem = problemLine();
  const credit = h("p", { class: "credit" });
  const chooser = h("input", {
    type: "file",
    accept: "image/*",
    class: "hidden",
    tabindex: -1,
    "aria-hidden": "true",
    onchange: () => {
      if (chooser.files[0]) take(chooser.files[0]);
      chooser.value = "";
    },
  });
  const back = button("Back to the dog", () => showDog(), { hidden: true });

  async function take(file) {
    problem.textContent = "";
    try {
      const canvas = await readPicture(file, SIDE);
      show({ values: greyOf(canvas), width: canvas.width, height: canvas.height, name: "your picture" });
      credit.textContent = "Your picture, in grey. It stays on this device.";
      back.hidden = !model.get("dog");
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      problem.textContent = error.message;
    }
  }

  async function showDog() {
    const dog = model.get("dog");
    if (!dog) return show(drawnPicture());
    const image = new Image();
    image.src = dog.image;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    show({ values: greyOf(canvas), width: canvas.width, height: canvas.height, name: dog.name });
    credit.textContent = dog.credit;
    back.hidden = true;
  }

  function show(next) {
    picture = next;
    at = null;
    before.resize(picture);
    after.resize(picture);
    before.paint(picture.values, "grey", 0, 1);
    draw();
  }

  // --- drawing, at most once for each frame of the screen
  let waiting = false;
  function draw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (picture) drawNow();
    });
  }

  function drawNow() {
    answer = filter(picture.values, picture.width, picture.height, kernel(), border.input.value);
    const rectified = relu.input.checked;
    if (rectified) for (let i = 0; i < answer.length; i++) if (answer[i] < 0) answer[i] = 0;
    const largest = usualSize(answer);
    const as = model.get("show") ?? "signed";
    if (as === "grey") after.paint(answer, "grey", 0, 1);
    else if (rectified) after.paint(answer, "magnitude", 0, largest);
    else after.paint(answer, "signed", -largest, largest);
    scale.textContent =
      as === "grey"
        ? "Black is 0 and less, white is 1 and more."
        : rectified
          ? `Dark is 0, yellow ${text(largest)} and more.`
          : `Blue is −${text(largest)} and less, white 0, red ${text(largest)} and more.`;
    before.caption.textContent = picture.name;
    after.caption.textContent = rectified ? "after the kernel and ReLU" : "after the kernel";
    mark();
  }

  function drawControls() {
    const wide = kernel().length;
    list.input.value = preset;
    turn.hidden = preset !== TURNED;
    size.set(wide);
    stage.style.setProperty("--most", wide + 0.2);
    grid.show(kernel(), { caption: "kernel" });
    const total = kernel().flat().reduce((a, b) => a + b, 0);
    const rounded = text(total);
    const wall = Math.abs(total) < 0.005 ? "a plain wall becomes 0" : `a plain wall becomes ${rounded === "1" ? "itself" : `${rounded} times as light`}`;
    sum.textContent = `Sum of the weights ${rounded}: ${wall}.`;
  }

  /** Look at one pixel: with the pointer, or with the arrow keys. */
  function look(row, column) {
    if (!picture) return;
    at = [clamp(row, picture.height), clamp(column, picture.width)];
    mark();
    say.textContent = `Pixel [${at[0]}, ${at[1]}]: ${text(picture.values[at[0] * picture.width + at[1]])} becomes ${text(answer[at[0] * picture.width + at[1]])}.`;
  }

  function mark() {
    for (const panel of [before, after]) panel.mark(at, kernel().length);
  }

  function update() {
    drawControls();
    draw();
  }

  const stage = h(
    "div",
    { class: "grids lab" },
    grid.element,
    h("div", { class: "side" }, h("div", { class: "row" }, list, size, turn), sum),
  );
  root.append(
    h("style", {}, STYLE),
    stage,
    h("div", { class: "pair" }, before.element, after.element),
    scale,
    say,
    h("div", { class: "row" }, showAs, border, relu),
    h("div", { class: "row middle" }, button("Your own picture …", () => chooser.click()), chooser, back),
    problem,
    credit,
  );
  acceptFiles(root, take);
  model.on("change:kernel", update);
  for (const name of ["border", "show", "relu"]) {
    model.on(`change:${name}`, () => {
      border.input.value = model.get("border") ?? "zeros";
      showAs.set(model.get("show") ?? "signed");
      relu.input.checked = model.get("relu") ?? false;
      draw();
    });
  }
  update();
  await showDog();
}

const STYLE = `
.lab .side { flex: 1 1 12rem; min-width: 0; }
.lab .side .row { margin-top: 0; }
.lab .side .note { margin-top: 0.6rem; }
.pair { display: flex; flex-wrap: wrap; gap: 0.75rem 1rem; margin-top: 1rem; }
.pair figcaption { font-size: 0.82rem; color: var(--muted); margin-bottom: 0.3rem; }
.pair + .note { margin-top: 0.4rem; }
.panel { flex: 1 1 14rem; max-width: 320px; margin: 0; }
.panel .frame { position: relative; }
.panel canvas { width: 100%; height: auto; cursor: crosshair; touch-action: pan-y; image-rendering: auto; }
.panel .spot { position: absolute; border: 2px solid #ff9f5c; outline: 1px solid #000; pointer-events: none; min-width: 8px; min-height: 8px; transform: translate(-50%, -50%); }
.dropping { outline: 3px dashed var(--writes); outline-offset: -6px; }
`;

/** A picture of values, on which a pixel can be looked at. */
class Panel {
  constructor(name, look) {
    this.caption = h("figcaption", {}, name);
    this.canvas = h("canvas", { tabindex: 0, role: "img", "aria-label": `The ${name}. Arrow keys move over its pixels.` });
    this.spot = h("div", { class: "spot", hidden: true });
    this.element = h("figure", { class: "panel" }, this.caption, h("div", { class: "frame" }, this.canvas, this.spot));
    this.at = null;
    const point = (event) => {
      const box = this.canvas.getBoundingClientRect();
      look(
        Math.floor(((event.clientY - box.top) / box.height) * this.canvas.height),
        Math.floor(((event.clientX - box.left) / box.width) * this.canvas.width),
      );
    };
    this.canvas.addEventListener("pointermove", point);
    this.canvas.addEventListener("pointerdown", point);
    this.canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const far = event.shiftKey ? 10 : 1;
      const [row, column] = this.at ?? [this.canvas.height >> 1, this.canvas.width >> 1];
      look(row + far * move[0], column + far * move[1]);
    });
  }

  resize({ width, height }) {
    [this.canvas.width, this.canvas.height] = [width, height];
    this.context = this.canvas.getContext("2d");
    this.data = this.context.createImageData(width, height);
    this.pixels = new Uint32Array(this.data.data.buffer);
    this.tables = {};
  }

  paint(values, table, low, high) {
    this.tables[table] ??= colourTable(table);
    paint(this.pixels, values, this.tables[table], low, high);
    this.context.putImageData(this.data, 0, 0);
  }

  /** Frame the window around a pixel. */
  mark(at, size) {
    this.at = at;
    this.spot.hidden = !at;
    if (!at) return;
    const { width, height } = this.canvas;
    Object.assign(this.spot.style, {
      left: `${((at[1] + 0.5) / width) * 100}%`,
      top: `${((at[0] + 0.5) / height) * 100}%`,
      width: `${(size / width) * 100}%`,
      height: `${(size / height) * 100}%`,
    });
  }
}

/** Take a file that is dropped or pasted. */
function acceptFiles(root, take) {
  const files = (event, transfer) => {
    const file = [...(transfer?.files ?? [])][0];
    root.classList.remove("dropping");
    if (!file) return;
    event.preventDefault();
    take(file);
  };
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("dropping");
  });
  root.addEventListener("dragleave", () => root.classList.remove("dropping"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    files(event, event.dataTransfer);
  });
  root.addEventListener("paste", (event) => files(event, event.clipboardData));
}

function kernelOf(preset, angle) {
  return preset === TURNED ? turnedEdge(angle) : PRESETS[preset]?.[1];
}

/** A kernel in a larger or smaller frame, with its middle where it was. */
function recentred(kernel, n) {
  const shift = (kernel.length - n) >> 1;
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => kernel[i + shift]?.[j + shift] ?? 0));
}

/** Where there is no dog: discs and stripes, which have edges of every direction. */
function drawnPicture() {
  const [width, height] = [320, 240];
  const values = Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) - width / 2, Math.floor(i / width) - height / 2];
    const radius = Math.hypot(x, y);
    return radius < 100 ? 0.5 + 0.45 * Math.cos(radius / 6) : 0.3 + 0.2 * Math.sign(Math.sin(x / 10));
  });
  return { values, width, height, name: "rings and stripes" };
}

function clamp(i, n) {
  return Math.min(Math.max(i, 0), n - 1);
}

export default { render };
