// What the two live widgets share: starting on a press, networks of the course and of the reader,
// files that are chosen or dropped.

import { button, card, dropdown, h, problemLine } from "../parts/dom.js";
import { Engine, latest } from "./engine.js";
import { load, loadJson } from "./files.js";
import { LIVE_STYLE } from "./style.js";

const LARGEST_FILE = 64e6; // bytes of a network
const OWN = "own"; // in the menu: the network that the reader opened

export class Live {
  #buffers = new Map(); // networks that were loaded, by the names of their files

  /**
   * Subclasses set `group`, the networks of the index that they show, and `inputs`, as Session takes
   * it; `prepare()` builds the page, `show()` shows a network that was just opened, `run()` computes.
   */
  constructor(el, site, { title, hint, style = "", group, inputs }) {
    Object.assign(this, { site, group, inputs });
    this.root = card(el, title, hint);
    this.root.getRootNode().append(h("style", {}, LIVE_STYLE + style));
    this.problem = problemLine();
    this.index = { [group]: {}, samples: {} };
    this.look = latest(() => this.attempt(() => this.run()));
  }

  /** Offer to start; nothing is loaded before. In a notebook there is nothing to load: just start. */
  offer(name) {
    if (!this.site) {
      this.begin(null).catch((error) => this.complain(error));
      return;
    }
    const press = button("Start", async () => {
      press.disabled = true;
      press.textContent = "Loading …";
      this.problem.textContent = "";
      try {
        await this.begin(name);
        for (const part of [place, preview]) part.remove();
      } catch (error) {
        press.disabled = false;
        press.textContent = "Try again";
        this.complain(error);
      }
    });
    const place = h("div", { class: "start" }, press);
    const preview = h("div", { class: "preview" }, h("slot")); // the picture for readers without scripts
    this.root.append(place, this.problem, preview);
  }

  async begin(name) {
    this.engine ??= await Engine.start(this.site);
    if (this.site) {
      this.index = await loadJson(this.site, "index.json");
      await this.open(name);
    }
    await this.prepare();
    if (this.network) await this.show();
  }

  stop() {
    this.engine?.stop();
  }

  complain(error) {
    this.problem.textContent = error.message;
    this.problem.scrollIntoView({ block: "nearest" });
  }

  /** Try something that may fail; say why, and leave everything as it was. */
  async attempt(work) {
    this.problem.textContent = "";
    try {
      await work();
    } catch (error) {
      this.complain(error);
    }
  }

  // --- networks -----------------------------------------------------------------------------------

  /** Open a network of the course, or again the reader's. */
  async open(name) {
    const entry = name === OWN ? null : this.index[this.group][name];
    if (entry === undefined) throw new Error(`There is no network “${name}” on this site.`);
    const file = entry?.file ?? OWN;
    if (!this.#buffers.has(file)) this.#buffers.set(file, await load(this.site, file));
    await this.#parse(this.#buffers.get(file), name, entry);
  }

  /** Open a network from a file of the reader's. */
  async openFile(file) {
    if (file.size > LARGEST_FILE) {
      throw new Error(`${file.name} has ${kilobytes(file.size)}; networks up to 64 MB are read.`);
    }
    const buffer = await file.arrayBuffer();
    await this.#parse(buffer, OWN, null);
    this.#buffers.set(OWN, buffer);
    const list = this.menu.input;
    list.querySelector(`[value="${OWN}"]`)?.remove();
    list.append(h("option", { value: OWN }, `your own: ${file.name}`));
    list.value = OWN;
    await this.show();
  }

  async #parse(buffer, name, entry) {
    const network = await this.engine.ask({ do: "open", buffer, inputs: this.inputs });
    Object.assign(this, { network, name, entry });
  }

  /** Return the controls that choose a network. */
  networkControls() {
    const choices = Object.entries(this.index[this.group]).map(([name, { title, bytes }]) => [
      name,
      `${title}, ${kilobytes(bytes)}`,
    ]);
    this.menu = dropdown("Network", choices, this.name, (name) => this.#choose(name));
    this.menu.hidden = choices.length === 0;
    return [this.menu, fileButton("Open your own network", ".cnn", (file) => this.read(file))];
  }

  #choose(name) {
    return this.attempt(async () => {
      try {
        await this.open(name);
      } finally {
        this.menu.input.value = this.name;
      }
      await this.show();
    });
  }

  /** The line about a network: where it comes from, what its rounding changes. */
  about() {
    const { name, about, products } = this.network;
    const cost = `${(products / 1e6).toFixed(1)} million multiplications for one image`;
    const line = `${name}: ${about ? `${about}; ` : ""}${cost}.`;
    return this.entry ? `${line} ${roundingInWords(this.entry.rounding)}` : line;
  }

  // --- files --------------------------------------------------------------------------------------

  /** Read a file that was chosen or dropped. Subclasses also read other files than networks. */
  read(file) {
    return this.attempt(() => this.openFile(file));
  }

  /** Let files be dropped anywhere on the card. */
  takeDrops() {
    const card = this.root;
    const over = (event) => {
      if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
      event.preventDefault();
      card.classList.add("over");
    };
    card.addEventListener("dragenter", over);
    card.addEventListener("dragover", over);
    card.addEventListener("dragleave", (event) => {
      if (!card.contains(event.relatedTarget)) card.classList.remove("over");
    });
    card.addEventListener("drop", (event) => {
      if (!event.dataTransfer.files.length) return;
      event.preventDefault();
      card.classList.remove("over");
      this.read(event.dataTransfer.files[0]);
    });
  }
}

/** A button that reads a file; the label is what it says. */
export function fileButton(label, accept, read) {
  const input = h("input", { type: "file", accept, "aria-label": label });
  input.addEventListener("change", () => {
    const [file] = input.files;
    if (file) read(file);
    input.value = ""; // so that the same file can be chosen again
  });
  return h("label", { class: "file" }, input, h("span", {}, label));
}

/** Whether a file claims to hold a network rather than a picture. */
export async function isNetworkFile(file) {
  const start = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  return String.fromCharCode(...start) === "CNNFILE1" || /\.cnn$/i.test(file.name);
}

function kilobytes(bytes) {
  return bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e3)} kB`;
}

function roundingInWords({ images, of, largest, spread, changed }) {
  return (
    "Weights are rounded to 8 bits, in small layers to 16: on " +
    `${images.toLocaleString("en")} ${of} that changed ${changed || "none"} of the answers, and no ` +
    `logit by more than ${largest} (logits spread by ${spread}).`
  );
}
