// Chirps, live: two black holes, noise and glitches from sliders; the image; what a network says.

import { button, dropdown, h, pills, readout, slider, svg, tick } from "../parts/dom.js";
import { loadJson } from "./files.js";
import { Layers } from "./layers.js";
import { Live } from "./live.js";
import { glow, heat, put, reach } from "./maps.js";
import { Scores } from "./scores.js";

const DETECTORS = ["H1", "L1"];
const FAR = [100, 20000]; // Mpc
const STEPS = 200; // of the slider for the distance, which is logarithmic
const OVERHEAD = 20; // of the 41 directions

const STYLE = `
.settings { display: grid; gap: 0.35rem; align-content: start; }
.settings .slide { max-width: none; flex: none; }
.settings fieldset { border: 0; border-top: 1px solid var(--line); margin: 0.5rem 0 0; padding: 0.5rem 0 0; min-width: 0; display: grid; gap: 0.35rem; }
.settings [hidden] { display: none; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.9rem; margin-top: 0.9rem; }
@container (max-width: 34rem) {
  .pair { gap: 0.6rem; }
  .columns > .settings { order: 2; } /* what the sliders change comes first */
}
.pair figure { margin: 0; min-width: 0; }
.pair figcaption { font-size: 0.82rem; color: var(--muted); margin-bottom: 0.25rem; }
.strain { width: 100%; height: 5.5rem; background: var(--faint); }
.strain polyline { fill: none; stroke-width: 1; vector-effect: non-scaling-stroke; stroke: var(--edge); }
.strain .chirp { stroke: var(--reads); stroke-width: 1.5; }
.energy { position: relative; aspect-ratio: 100 / 52; overflow: hidden; border-radius: 4px; }
.energy canvas { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 0; }
.ends { display: flex; justify-content: space-between; font-size: 0.78rem; color: var(--muted); line-height: 1.4; }
`;

// What to begin with. What a line does not say is as in the first.
const QUIET = { chirp: null, glitch: null, noise: 1 };
const BINARY = { mass1: 36, mass2: 29, distance: 1500, direction: OVERHEAD, shift: 0 };
const GLITCH = { family: "blip", snr: 20, detector: 0, seed: 1 };
const SCENES = {
  "a pair like GW150914": { chirp: { ...BINARY, direction: 7, distance: 1700 } },
  "the same pair, far away": { chirp: { ...BINARY, distance: 7000 } },
  "a light pair: a long chirp": { chirp: { ...BINARY, mass1: 10, mass2: 8, distance: 500 } },
  "nothing but noise": {},
  "a blip in one detector": { glitch: GLITCH },
  "scattered light": { glitch: { ...GLITCH, family: "scattered light", snr: 25, detector: 1 } },
  "a glitch over a chirp": {
    chirp: BINARY,
    glitch: { ...GLITCH, family: "koi fish", snr: 30, seed: 4 },
  },
  "two chirps too far apart to be one wave": { chirp: { ...BINARY, shift: 60 } },
};

const ABOUT = {
  title: "A network for chirps",
  group: "chirps",
  inputs: { shape: [39, 100, 2] },
  style: STYLE,
};

export function render({ model, el, site }) {
  const hint = site
    ? "Simulated data of the two LIGO detectors, made on your device."
    : "This widget runs on the site of the course only.";
  const widget = new Chirps(el, site, { ...ABOUT, hint });
  if (site) widget.offer(model.get("network") ?? "gw_small");
  return () => widget.stop();
}

class Chirps extends Live {
  #output = null; // the class that the reader asks about; null: the one with the highest score
  #layer = null; // where its map is taken; null: the last

  // --- the page -----------------------------------------------------------------------------------

  async prepare() {
    this.settings = { ...QUIET };
    this.constants = await loadJson(this.site, "gw.json");
    await this.engine.ask({ do: "constants", constants: this.constants });
    const scenes = Object.keys(SCENES).map((scene) => [scene, scene]);
    this.scene = dropdown("Begin with", scenes, scenes[0][0], (scene) => {
      this.#set(scene);
      this.look();
    });

    this.pictures = DETECTORS.map((name) => this.#detector(name));
    const figures = (part) => this.pictures.map((picture) => picture[part]);
    this.scores = new Scores((output) => this.#ask(output));
    this.verdict = h("p", { class: "note" });
    this.say = readout();
    this.camLayer = dropdown("Grad-CAM at the layer", [], "", (layer) => {
      this.#layer = Number(layer);
      this.look();
    });
    const strength = { min: 0, max: 100, step: 5, value: 0, show: (value) => `${value} %` };
    this.strength = slider("Strength", strength, (value) => this.#heat(value));
    this.layers = new Layers();
    this.note = h("p", { class: "note about" });

    const right = h(
      "div",
      {},
      this.scores.element,
      this.verdict,
      h("div", { class: "pair" }, figures("strain")),
      h("div", { class: "pair" }, figures("image")),
      h("div", { class: "row" }, this.camLayer, this.strength),
    );
    const head = h("div", { class: "row" }, this.scene, this.networkControls());
    const columns = h("div", { class: "columns" }, this.#controls(), right);
    this.root.append(head, this.problem, this.say, columns, this.layers.element, this.note);
    this.takeDrops();
    this.#heat(0);
    this.#set(Object.keys(SCENES)[0]);
  }

  /** The sliders; each changes one number and has the data made anew. */
  #controls() {
    const { directions, glitches } = this.constants;
    const change = (part, name) => (value) => {
      this.settings[part] = { ...this.settings[part], [name]: value };
      this.look();
    };
    const binary = change.bind(null, "chirp");
    const mass = (label, name) => {
      const show = (value) => `${value} M☉`;
      return slider(label, { min: 5, max: 60, value: 5, show }, binary(name));
    };
    const far = { min: 0, max: STEPS, value: 0, show: (step) => `${megaparsecs(step)} Mpc` };
    const way = {
      min: 0,
      max: directions.length - 1,
      value: 0,
      show: (k) => inMilliseconds(directions[k].delay),
    };
    const apart = {
      min: 0,
      max: 300,
      step: 10,
      value: 0,
      show: (ms) => (ms ? `${ms} ms` : "none"),
    };
    this.sliders = {
      mass1: mass("One black hole", "mass1"),
      mass2: mass("The other", "mass2"),
      distance: slider("Distance", far, (step) => binary("distance")(megaparsecs(step))),
      direction: slider("Direction: heard", way, binary("direction")),
      shift: slider("Shift of L1, which no wave has", apart, (ms) => binary("shift")(ms)),
    };
    this.merges = tick("Two black holes merge", true, (on) => {
      this.settings.chirp = on ? { ...BINARY } : null;
      this.#setControls();
      this.look();
    });

    const families = [["", "none"], ...glitches.map((name) => [name, name])];
    this.family = dropdown("Glitch", families, "", (family) => {
      this.settings.glitch = family ? { ...GLITCH, ...this.settings.glitch, family } : null;
      this.#setControls();
      this.look();
    });
    const glitch = change.bind(null, "glitch");
    this.strengthOfGlitch = slider(
      "Its signal-to-noise ratio",
      { min: 6, max: 60, value: 20 },
      glitch("snr"),
    );
    const where = [
      [0, "H1"],
      [1, "L1"],
    ];
    this.where = pills("In the detector", where, 0, glitch("detector"));
    this.another = button("Another of its kind", () =>
      glitch("seed")(this.settings.glitch.seed + 1),
    );
    this.noisy = tick("Noise", true, (on) => {
      this.settings.noise = on ? this.seed : null;
      this.look();
    });
    this.seed = 1;
    const other = button("Another second of noise", () => {
      this.seed += 1;
      this.noisy.input.checked = true;
      this.settings.noise = this.seed;
      this.look();
    });

    this.binaryPart = h("div", { class: "settings" }, Object.values(this.sliders));
    this.glitchPart = h(
      "div",
      { class: "settings" },
      this.strengthOfGlitch,
      this.where,
      this.another,
    );
    const group = (name, ...parts) => h("fieldset", { "aria-label": name }, ...parts);
    return h(
      "div",
      { class: "settings" },
      group("The binary", this.merges, this.binaryPart),
      group("A glitch", this.family, this.glitchPart),
      group("The noise", this.noisy, other),
    );
  }

  /** Move the controls to where the settings are. */
  #setControls() {
    const { chirp, glitch, noise } = this.settings;
    this.merges.input.checked = chirp !== null;
    this.binaryPart.hidden = chirp === null;
    if (chirp) {
      for (const name of ["mass1", "mass2", "direction", "shift"])
        this.sliders[name].set(chirp[name]);
      this.sliders.distance.set(stepOf(chirp.distance));
    }
    this.family.input.value = glitch?.family ?? "";
    this.glitchPart.hidden = glitch === null;
    if (glitch) {
      this.strengthOfGlitch.set(glitch.snr);
      this.where.set(glitch.detector);
    }
    this.noisy.input.checked = noise !== null;
  }

  #set(scene) {
    this.settings = { ...QUIET, ...structuredClone(SCENES[scene]), noise: this.seed };
    this.#output = null;
    this.#setControls();
  }

  /** The strain and the image of a detector. */
  #detector(name) {
    const strain = svg("svg", {
      class: "plot strain",
      viewBox: "0 0 1023 100",
      preserveAspectRatio: "none",
    });
    const noise = svg("polyline");
    const chirp = svg("polyline", { class: "chirp" });
    strain.append(noise, chirp);
    const canvas = h("canvas", { class: "exact", role: "img" });
    const over = h("canvas", { "aria-hidden": "true" });
    strain.setAttribute("role", "img");
    const scale = h("span");
    const caption = h("figcaption", {}, `${name}, strain`, scale);
    const ends = (...texts) =>
      h("div", { class: "ends" }, ...texts.map((text) => h("span", {}, text)));
    return {
      strain: h("figure", {}, caption, strain),
      image: h(
        "figure",
        {},
        h("figcaption", {}, `${name}, 25 to 400 Hz`),
        h("div", { class: "energy" }, canvas, over),
        ends("0 s", "time", "1 s"),
      ),
      lines: { strain, noise, chirp, scale },
      canvas,
      over,
    };
  }

  #heat(value) {
    for (const { over } of this.pictures) over.style.opacity = value / 100;
  }

  async show() {
    const { network } = this;
    this.#output = this.#layer = null;
    this.scores.open(network.classes);
    this.layers.open(network);
    const options = network.camLayers.map((k) => h("option", { value: k }, network.layers[k].name));
    this.camLayer.input.replaceChildren(...options);
    this.camLayer.input.value = network.camLayers.at(-1);
    this.camLayer.hidden = this.strength.hidden = options.length === 0;
    this.note.textContent =
      `${this.about()} The wave is IMRPhenomD without spin, seen face-on, in Gaussian noise of the ` +
      "design curve. Yellow pixels hold 25 times the median energy of noise, or more.";
    await this.look();
  }

  // --- looking ------------------------------------------------------------------------------------

  #ask(output) {
    this.#output = output;
    return this.look();
  }

  async run() {
    const network = this.network;
    const { chirp, glitch, noise } = this.settings;
    const settings = { chirp: chirp && { ...chirp, shift: chirp.shift / 1000 }, glitch, noise };
    const request = { do: "simulate", settings, output: this.#output, layer: this.#layer };
    const found = await this.engine.ask(request);
    if (network !== this.network) return; // another one was opened in the meantime
    this.pictures.forEach((picture, d) => this.#draw(picture, d, found));
    this.scores.show(found.scores, found.output);
    this.layers.show(found.maps);
    this.#tell(found, chirp, glitch);
  }

  #draw({ lines, canvas, over }, d, { series, signals, image, cam, layer }) {
    const most = Math.max(6, reach(series[d]), signals ? reach(signals[d]) : 0);
    const points = (values) =>
      Array.from(values, (value, k) => `${k},${(50 - (48 * value) / most).toFixed(1)}`).join(" ");
    lines.noise.setAttribute("points", points(series[d]));
    lines.chirp.setAttribute("points", signals ? points(signals[d]) : "");
    lines.scale.textContent = ` up to ±${most.toFixed(0)} σ`;
    const has = signals ? "a chirp in" : "no chirp in";
    lines.strain.setAttribute("aria-label", `${DETECTORS[d]}: strain with ${has} it`);
    const energies = image.filter((_, k) => k % 2 === d);
    put(canvas, heat(energies, 39, 100, this.constants.image.FULL_SCALE));
    canvas.setAttribute("aria-label", `${DETECTORS[d]}: energy over time and frequency`);
    if (cam === null) return;
    const [rows, columns] = this.network.layers[layer].shape;
    put(over, glow(cam, rows, columns));
  }

  #tell({ scores, logits, snr, milliseconds }, chirp, glitch) {
    const parts = [this.scores.inWords(scores)];
    if (chirp) {
      const network = Math.hypot(...snr);
      parts.push(
        `Signal-to-noise ratio of the chirp ${network.toFixed(1)} ` +
          `(H1 ${snr[0].toFixed(1)}, L1 ${snr[1].toFixed(1)})`,
      );
    }
    if (glitch) parts.push(`A glitch in ${DETECTORS[glitch.detector]}: ${glitch.family}`);
    parts.push(`Computed in ${Math.max(1, Math.round(milliseconds))}\u00a0ms`);
    this.say.textContent = `${parts.join(". ")}.`;
    const claims = this.entry?.claims;
    this.verdict.textContent = "";
    if (!claims) return;
    const logit = logits[0];
    const claimed = logit > claims.logit;
    this.verdict.textContent =
      `Logit ${logit.toFixed(1).replace("-", "−")}: ${claimed ? "claimed" : "not claimed"}. In ` +
      `chapter 7 this network claims a wave above ${claims.logit.toFixed(1)}, as it does for one in ` +
      `${Math.round(1 / claims.false_alarms)} backgrounds of noise, glitches and shifted chirps.`;
  }
}

/** The distance at a step of its slider, with two digits. */
function megaparsecs(step) {
  return Number((FAR[0] * (FAR[1] / FAR[0]) ** (step / STEPS)).toPrecision(2));
}

function stepOf(distance) {
  return Math.round((STEPS * Math.log(distance / FAR[0])) / Math.log(FAR[1] / FAR[0]));
}

/** Who hears a wave first. */
function inMilliseconds(delay) {
  const ms = 1000 * delay;
  if (Math.abs(ms) < 0.05) return "by both at once";
  return `${Math.abs(ms).toFixed(1)} ms earlier by ${ms > 0 ? "H1" : "L1"}`;
}

export default { render };
