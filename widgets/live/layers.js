// What every layer puts out: all maps small, and one of them under a lens.

import { dropdown, h, slider, tick } from "../parts/dom.js";
import { put, reach, tiles } from "./maps.js";

const NARROW = 420; // CSS pixels of the list; below, maps are smaller and fewer are open
const TILE = { wide: 46, narrow: 33 }; // CSS pixels that a square map is wide
const NUMBER = 11; // CSS pixels of a number of a dense layer
const GAP = 1; // pixels of a map between two maps

/** How many of `n` maps stand in a row where `most` fit: rows are equally long, unless much were empty. */
export function evenly(n, most) {
  const fit = Math.min(n, Math.max(1, most));
  for (let k = fit; k >= 0.6 * fit; k--) if (n % k === 0) return k;
  return fit;
}

export class Layers {
  #layers = []; // those that are shown, each with its canvas
  #maps = null;

  constructor() {
    this.number = 0; // of the layer under the lens
    this.map = 0; // under the lens
    this.own = false; // whether each map has a colour scale of its own
    this.large = h("canvas", { class: "exact", role: "img" });
    this.words = h("p", { class: "note" });
    this.controls = h("div", { class: "controls" });
    this.list = h("div");
    const lens = h("div", { class: "lens" }, this.large, this.controls);
    const scale = tick("Each map on its own scale", this.own, (own) => {
      this.own = own;
      this.#drawAll();
      this.#drawLarge();
    });
    this.element = h(
      "div",
      {},
      h("p", { class: "heading" }, "What every layer sees"),
      h(
        "p",
        { class: "note" },
        "Press a map to put it under the lens. Where numbers may be negative, these are blue, zero is ",
        "white and positive ones are red; elsewhere dark is zero and yellow much.",
      ),
      scale,
      h("div", { class: "layers" }, lens, this.list),
    );
    new ResizeObserver(() => this.#drawAll()).observe(this.list);
  }

  /** Prepare for a network, as Session describes it. */
  open(network) {
    this.network = network;
    this.#maps = null;
    // The picture itself, only scaled, or in another order, shows nothing new.
    const worth = ({ op, number }) => op !== "flatten" && !(op === "scaling" && number === 0);
    this.#layers = network.layers.map((layer, number) => ({ ...layer, number })).filter(worth);
    for (const layer of this.#layers) this.#prepare(layer);
    this.list.replaceChildren(...this.#layers.map(({ details }) => details));
    const withMaps = this.#layers.filter(({ shape }) => shape.length === 3);
    this.#choices(withMaps);
    if (withMaps.length) this.choose(withMaps[0].number, 0);
  }

  show(maps) {
    this.#maps = maps;
    this.#drawAll();
    this.#drawLarge();
  }

  /** Put one map under the lens. */
  choose(number, map) {
    const { shape } = this.network.layers[number];
    this.number = number;
    this.map = Math.min(map, shape[2] - 1);
    this.which.input.value = number;
    this.turn.input.max = shape[2];
    this.turn.set(this.map + 1);
    this.#drawLarge();
    this.#drawAll();
  }

  #choices(withMaps) {
    const names = withMaps.map(({ number, name }) => [number, name]);
    const choose = (number) => this.choose(Number(number), this.map);
    this.which = dropdown("Layer", names, this.number, choose);
    const show = (map) => `${map} of ${this.turn?.input.max ?? 1}`;
    this.turn = slider("Map", { min: 1, max: 1, value: 1, show }, (map) =>
      this.choose(this.number, map - 1),
    );
    this.controls.replaceChildren(this.which, this.turn, this.words);
  }

  /** Make the place of a layer: a line that opens and closes, and a canvas. */
  #prepare(layer) {
    const { name, op, shape } = layer;
    const words = described(layer);
    const isMap = shape.length === 3;
    const canvas = h("canvas", {
      class: `exact ${isMap ? "map" : ""}`,
      role: "img",
      "aria-label": `${name}: ${words}`,
    });
    const open = this.list.clientWidth > NARROW || ["convolution", "max pooling"].includes(op);
    const summary = h("summary", {}, h("b", {}, name), ` ${words}`);
    const details = h("details", { open, ontoggle: () => this.#drawAll() }, summary, canvas);
    if (isMap) canvas.addEventListener("click", (event) => this.#pick(layer, event));
    Object.assign(layer, { canvas, details });
  }

  #pick({ number, shape, canvas }, event) {
    const [rows, columns, n] = shape;
    const box = canvas.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * canvas.width;
    const y = ((event.clientY - box.top) / box.height) * canvas.height;
    const perRow = Math.round((canvas.width + GAP) / (columns + GAP));
    const map = Math.floor(y / (rows + GAP)) * perRow + Math.floor(x / (columns + GAP));
    if (map < n) this.choose(number, map);
  }

  /** A function that gives the number at the end of the colour scale, for each map of a layer. */
  #most(number) {
    const { shape } = this.network.layers[number];
    const values = this.#maps[number];
    if (!this.own || shape.length < 3) {
      const all = reach(values);
      return () => all;
    }
    return (map) => reach(values.filter((_, k) => k % shape[2] === map));
  }

  #drawAll() {
    const room = this.list.clientWidth;
    if (!this.#maps || !room) return;
    for (const layer of this.#layers) if (layer.details.open) this.#draw(layer, room);
  }

  #draw({ number, shape, signed, canvas }, room) {
    const isMap = shape.length === 3;
    const [rows, columns, n] = isMap ? shape : [1, 1, shape[0]];
    const gap = isMap ? GAP : 0;
    const tile = room > NARROW ? TILE.wide : TILE.narrow;
    const pixel = isMap ? (tile * Math.sqrt(columns / rows)) / columns : NUMBER;
    const perRow = evenly(n, Math.floor((room + gap * pixel) / ((columns + gap) * pixel)));
    const order = Array.from({ length: n }, (_, map) => map);
    const options = { order, perRow, gap, most: this.#most(number), signed };
    const image = tiles(this.#maps[number], [rows, columns, n], options);
    put(canvas, image);
    canvas.style.width = `${Math.min(image.width * pixel, room)}px`;
    if (number === this.number && isMap) {
      frame(canvas, this.map, perRow, [rows, columns], signed);
    }
  }

  #drawLarge() {
    const { name, shape, signed } = this.network.layers[this.number];
    if (!this.#maps || shape.length < 3) return;
    const values = this.#maps[this.number];
    const most = this.#most(this.number);
    put(this.large, tiles(values, shape, { order: [this.map], most, signed }));
    const own = values.filter((_, k) => k % shape[2] === this.map);
    const range = `From ${short(Math.min(...own))} to ${short(Math.max(...own))}`;
    this.words.textContent = `${range}; its scale ends at ${short(most(this.map))}`;
    this.large.setAttribute("aria-label", `${name}, map ${this.map + 1} of ${shape[2]}`);
  }
}

/** A layer in words: "convolution 3 × 3, 16 maps of 32 × 32". */
export function described({ op, shape, window, activation }) {
  const kind = [op === "activation" ? activationName(activation) : op];
  if (window) kind.push(window.join(" × "));
  if (op !== "activation" && activation && activation.kind !== "linear") {
    kind.push(`and ${activationName(activation)}`);
  }
  const [rows, columns, n] = shape;
  const many = shape.length === 3 ? `${n} maps of ${rows} × ${columns}` : `${rows} numbers`;
  return `${kind.join(" ")}, ${shape.join() === "1" ? "1 number" : many}`;
}

function activationName({ kind, slope }) {
  if (kind !== "relu") return kind;
  return slope ? "leaky ReLU" : "ReLU";
}

/** A number with three digits and a real minus sign. */
function short(number) {
  return String(Number(number.toPrecision(3))).replace("-", "−");
}

/** Draw a frame around the chosen map. */
function frame(canvas, map, perRow, [rows, columns], signed) {
  const context = canvas.getContext("2d");
  context.strokeStyle = signed ? "#000" : "#ff8c1a";
  const [x, y] = [(map % perRow) * (columns + GAP), Math.floor(map / perRow) * (rows + GAP)];
  context.strokeRect(x + 0.5, y + 0.5, columns - 1, rows - 1);
}
