// A drawing board: paint with a finger, a mouse or the arrow keys; the network sees few pixels of it.

import { button, h, slider } from "../parts/dom.js";
import { averaged } from "./pictures.js";

const FINE = 4; // painted pixels for each of the network's, along a side
const COLOURS = {
  white: "#f4f4f0",
  black: "#16161a",
  grey: "#8a8f94",
  brown: "#7a5230",
  red: "#c8342b",
  orange: "#e8862e",
  yellow: "#f2cf3b",
  green: "#4f8f3a",
  sky: "#8fbfe8",
  blue: "#2b5fa8",
};
const STEPS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

export class Board {
  /**
   * `canvas` lies over the picture and takes the strokes; `changed(rgb)` is called with the pixels
   * that the network sees; `say(text)` tells what the keys did.
   */
  constructor(canvas, changed, say) {
    Object.assign(this, { canvas, changed, say });
    this.paper = document.createElement("canvas");
    this.ink = COLOURS.white;
    this.width = 5; // of the brush, in the network's pixels
    this.cursor = null; // where the keys are
    this.down = false; // whether they paint
    this.#listen();
    this.controls = h("div", {}, this.#palette(), this.#others());
  }

  /** Begin with an empty board of a size. */
  open(rows, columns) {
    this.size = [rows, columns];
    Object.assign(this.paper, { width: columns * FINE, height: rows * FINE });
    Object.assign(this.canvas, { width: columns * FINE, height: rows * FINE });
    this.fill(COLOURS.sky);
  }

  fill(colour) {
    const context = this.#context();
    context.fillStyle = colour;
    context.fillRect(0, 0, this.paper.width, this.paper.height);
    this.tell();
  }

  /** Hand the pixels on. */
  tell() {
    const [rows, columns] = this.size;
    const { width, height } = this.paper;
    const { data } = this.#context().getImageData(0, 0, width, height);
    this.changed(averaged(data, height, width, rows, columns));
  }

  #context() {
    return this.paper.getContext("2d", { willReadFrequently: true });
  }

  #palette() {
    const choices = Object.entries(COLOURS).map(([name, colour]) => {
      const input = h("input", { type: "radio", name: "ink", "aria-label": name });
      input.addEventListener("change", () => (this.ink = colour));
      input.checked = colour === this.ink;
      const spot = h("span", { class: "colour", title: name });
      spot.style.background = colour;
      return h("label", {}, input, spot);
    });
    return h("div", { class: "chooser", role: "radiogroup", "aria-label": "Colour" }, choices);
  }

  #others() {
    const show = (width) => `${width} pixel${width === 1 ? "" : "s"}`;
    const options = { min: 1, max: 12, value: this.width, show };
    const brush = slider("Brush", options, (width) => (this.width = width));
    const fill = button("Fill with the colour", () => this.fill(this.ink));
    return h("div", { class: "row" }, brush, fill);
  }

  #stroke(from, to) {
    const context = this.#context();
    context.strokeStyle = this.ink;
    context.lineWidth = this.width * FINE;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    this.tell();
  }

  #listen() {
    let last = null;
    const place = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [
        ((event.clientX - box.left) / box.width) * this.paper.width,
        ((event.clientY - box.top) / box.height) * this.paper.height,
      ];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      last = place(event);
      this.#stroke(last, last);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!last) return;
      const here = place(event);
      this.#stroke(last, here);
      last = here;
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, () => (last = null));
    }
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.canvas.addEventListener("focus", () => this.#showCursor());
    this.canvas.addEventListener("blur", () => {
      this.down = false;
      this.#clear();
    });
  }

  #key(event) {
    const [rows, columns] = this.size;
    this.cursor ??= [columns / 2, rows / 2];
    const step = STEPS[event.key];
    if (step) {
      const far = event.shiftKey ? 4 : 1;
      const before = this.cursor;
      this.cursor = [
        Math.min(Math.max(before[0] + far * step[0], 0), columns),
        Math.min(Math.max(before[1] + far * step[1], 0), rows),
      ];
      if (this.down) this.#stroke(...[before, this.cursor].map((at) => at.map((x) => x * FINE)));
    } else if (event.key === " " || event.key === "Enter") {
      this.down = !this.down;
      const at = this.cursor.map((x) => x * FINE);
      if (this.down) this.#stroke(at, at);
      this.say(this.down ? "The brush paints." : "The brush is lifted.");
    } else return;
    event.preventDefault();
    this.#showCursor();
  }

  #clear() {
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** A ring where the keys are: filled while they paint. */
  #showCursor() {
    this.#clear();
    if (!this.canvas.matches(":focus-visible")) return;
    const [rows, columns] = this.size;
    const [x, y] = (this.cursor ?? [columns / 2, rows / 2]).map((at) => at * FINE);
    const context = this.canvas.getContext("2d");
    for (const [colour, width] of [
      ["#fff", 3],
      ["#000", 1],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, Math.max((this.width * FINE) / 2, 3), 0, 2 * Math.PI);
      context.stroke();
    }
  }
}
