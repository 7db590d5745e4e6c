// A network for pictures, live: choose a picture, drop a photo or draw; see all that the layers see.

import { dropdown, h, pills, readout, slider } from "../parts/dom.js";
import { Board } from "./draw.js";
import { load } from "./files.js";
import { Layers } from "./layers.js";
import { fileButton, isNetworkFile, Live } from "./live.js";
import { glow, put } from "./maps.js";
import { asInput, fitted, picture, rgba } from "./pictures.js";
import { Scores } from "./scores.js";

const ABOUT = {
  title: "A network for pictures",
  group: "pictures",
  inputs: { channels: [1, 3], most: 128 },
};

export function render({ model, el, site }) {
  const hint = site
    ? "Everything is computed on your device; no picture leaves it."
    : "Open a network that you saved with widgets.save_network, then choose a photo or draw.";
  const widget = new Pictures(el, site, { ...ABOUT, hint });
  widget.offer(model.get("network") ?? "first_cnn");
  return () => widget.stop();
}

class Pictures extends Live {
  #samples = new Map(); // pixels of the test pictures of each kind
  #output = null; // the class that the reader asks about; null: the one with the highest score
  #layer = null; // where its map is taken; null: the last
  #rgb = null; // what the network is looking at
  #truth = null; // what it really shows, where that is known

  /** Also load the test pictures of a network. */
  async open(name) {
    await super.open(name);
    const kind = this.entry?.samples;
    if (!kind || this.#samples.has(kind)) return;
    const bitmap = await createImageBitmap(
      new Blob([await load(this.site, this.index.samples[kind].file)]),
    );
    const size = bitmap.height;
    const n = bitmap.width / size;
    const pixels = fitted(bitmap, size, n * size);
    const pictures = Array.from({ length: n }, (_, k) => {
      const one = new Uint8ClampedArray(size * size * 3);
      for (let i = 0; i < size; i++) {
        const from = (i * n + k) * size * 3;
        one.set(pixels.subarray(from, from + size * 3), i * size * 3);
      }
      return one;
    });
    this.#samples.set(kind, { size, pictures });
  }

  /** A file may also be a photo. */
  read(file) {
    return this.attempt(async () => {
      if (await isNetworkFile(file)) return this.openFile(file);
      if (!this.network) throw new Error("Open a network first.");
      const [rows, columns] = this.network.input.shape;
      const rgb = await picture(file, rows, columns);
      this.#from("photo");
      return this.#see(rgb, null);
    });
  }

  // --- the page -----------------------------------------------------------------------------------

  async prepare() {
    this.canvas = h("canvas", { class: "exact", role: "img" });
    this.heat = h("canvas", { "aria-hidden": "true" });
    this.strokes = h("canvas", { class: "drawing", tabindex: "0", role: "application" });
    this.strokes.setAttribute(
      "aria-label",
      "Drawing board. Arrow keys move the brush, the space bar lowers and lifts it.",
    );
    this.frame = h("div", { class: "frame" }, this.canvas, this.heat, this.strokes);
    this.board = new Board(
      this.strokes,
      (rgb) => this.drawing && this.#see(rgb, null),
      (text) => (this.say.textContent = text),
    );

    const sources = [
      ...(this.site ? [["test", "Test picture"]] : []),
      ["photo", "Photo"],
      ["drawing", "Drawing"],
    ];
    this.source = pills("Look at a", sources, "test", (source) => this.#choseSource(source));
    this.panels = {
      test: h("div"),
      photo: h(
        "div",
        { class: "row" },
        fileButton("Choose a photo", "image/*,.cnn", (file) => this.read(file)),
        h(
          "p",
          { class: "note" },
          "Or drop one anywhere on this card. The middle is cut out and shrunk.",
        ),
      ),
      drawing: this.board.controls,
    };

    this.scores = new Scores((output) => this.#ask(output));
    this.camLayer = dropdown("Grad-CAM at the layer", [], "", (layer) =>
      this.#askAt(Number(layer)),
    );
    const strength = { min: 0, max: 100, step: 5, value: 55, show: (value) => `${value} %` };
    this.strength = slider("Strength", strength, (value) => {
      this.heat.style.opacity = value / 100;
    });
    this.heat.style.opacity = 0.55;
    this.say = readout();
    this.why = h("p", { class: "note why" });
    this.layers = new Layers();
    this.note = h("p", { class: "note about" });
    this.credit = h("p", { class: "credit" });

    const left = h("div", {}, this.frame, Object.values(this.panels), this.credit);
    const right = h(
      "div",
      {},
      h(
        "p",
        { class: "note" },
        "Scores. Press one to ask which parts of the picture speak for it.",
      ),
      this.scores.element,
      h("div", { class: "row" }, this.camLayer, this.strength),
      this.why,
    );
    const head = h("div", { class: "row" }, this.networkControls(), this.source);
    const columns = h("div", { class: "columns" }, left, right);
    this.seen = h("div", { hidden: true }, this.say, columns, this.layers.element, this.note);
    this.root.append(head, this.problem, this.seen);
    this.takeDrops();
  }

  /** Show everything anew, after a network was opened. */
  async show() {
    const { network, entry } = this;
    const [rows, columns] = network.input.shape;
    this.seen.hidden = false;
    this.#output = this.#layer = null;
    this.frame.style.aspectRatio = `${columns} / ${rows}`;
    this.scores.open(network.classes);
    this.layers.open(network);
    const options = network.camLayers.map((k) => h("option", { value: k }, network.layers[k].name));
    this.camLayer.input.replaceChildren(...options);
    this.camLayer.input.value = network.camLayers.at(-1);
    this.camLayer.hidden = this.strength.hidden = options.length === 0;
    this.note.textContent = this.about();
    const samples = entry?.samples ?? [...this.#samples.keys()][0];
    this.#drawChooser(samples);
    this.board.open(rows, columns);
    if (this.drawing) return this.board.tell();
    this.#from(samples ? "test" : "drawing"); // there is always something to look at
    return samples ? this.#seeSample(samples, 0) : this.board.tell();
  }

  #drawChooser(name) {
    this.panels.test.replaceChildren();
    this.credit.textContent = "";
    if (!name) return;
    const { labels, credit, stand_in: standIn } = this.index.samples[name];
    const { size, pictures } = this.#samples.get(name);
    const choices = pictures.map((rgb, k) => {
      const input = h("input", {
        type: "radio",
        name: "sample",
        "aria-label": `${k + 1}, ${labels[k]}`,
      });
      input.checked = k === 0;
      input.addEventListener("change", () => this.#seeSample(name, k));
      const canvas = h("canvas", { class: "exact", "aria-hidden": "true", title: labels[k] });
      put(canvas, { data: rgba(rgb), width: size, height: size });
      return h("label", {}, input, canvas);
    });
    const group = { class: "chooser", role: "radiogroup", "aria-label": "Test picture" };
    this.panels.test.append(h("div", group, choices));
    this.credit.textContent = standIn
      ? `${credit}. CIFAR-10 was out of reach when this site was built; a network that learned from ` +
        "photos has nothing to say about drawings."
      : `Test pictures: ${credit}.`;
  }

  #choseSource(source) {
    this.#from(source);
    if (source === "drawing") this.board.tell();
    if (source === "test")
      this.panels.test.querySelector("input:checked")?.dispatchEvent(new Event("change"));
  }

  #from(source) {
    this.source.set(source);
    this.drawing = source === "drawing";
    this.strokes.hidden = !this.drawing;
    for (const [name, panel] of Object.entries(this.panels)) panel.hidden = name !== source;
    this.credit.hidden = source !== "test";
  }

  // --- looking ------------------------------------------------------------------------------------

  async #seeSample(name, number) {
    const { size, pictures } = this.#samples.get(name);
    const [rows, columns] = this.network.input.shape;
    let rgb = pictures[number];
    if (rows !== size || columns !== size) {
      const bitmap = await createImageBitmap(new ImageData(rgba(rgb), size, size));
      rgb = fitted(bitmap, rows, columns);
    }
    await this.#see(rgb, this.index.samples[name].labels[number]);
  }

  #see(rgb, truth) {
    this.#rgb = rgb;
    this.#truth = truth;
    this.#output = null;
    return this.look();
  }

  #ask(output) {
    this.#output = output;
    return this.look();
  }

  #askAt(layer) {
    this.#layer = layer;
    return this.look();
  }

  async run() {
    if (!this.#rgb) return;
    const [rgb, truth, network] = [this.#rgb, this.#truth, this.network];
    const image = asInput(rgb, network.input);
    const request = { do: "run", image, output: this.#output, layer: this.#layer };
    const found = await this.engine.ask(request);
    if (network !== this.network) return; // another one was opened in the meantime
    const [rows, columns] = network.input.shape;
    put(this.canvas, { data: rgba(rgb), width: columns, height: rows });
    this.#drawCam(found);
    this.scores.show(found.scores, found.output);
    this.layers.show(found.maps);
    this.#tell(found, truth);
  }

  #drawCam({ cam, layer }) {
    this.heat.hidden = cam === null;
    if (cam === null) return;
    const [rows, columns] = this.network.layers[layer].shape;
    put(this.heat, glow(cam, rows, columns));
  }

  #tell({ scores, output, cam, layer, milliseconds }, truth) {
    const { classes, layers } = this.network;
    const label = truth ? ` The picture shows: ${truth}.` : "";
    const words = this.scores.inWords(scores);
    this.say.textContent = `${words}.${label} Computed in ${Math.max(1, Math.round(milliseconds))}\u00a0ms.`;
    this.canvas.setAttribute("aria-label", `What the network sees${truth ? `: ${truth}` : ""}`);
    if (cam === null) {
      this.why.textContent = "This network has no maps to take a class activation map of.";
      return;
    }
    const blank = cam.every((value) => value === 0);
    this.why.textContent = blank
      ? `Nothing at ${layers[layer].name} speaks for ${classes[output]}: its map is zero everywhere.`
      : `Pink: what speaks for ${classes[output]} at ${layers[layer].name} (Grad-CAM).`;
  }
}

export default { render };
