// A stack of layers: what each puts out, how much of the image it sees, and what it costs.

import { button, card, dropdown, field, h, readout, store, svg } from "./parts/dom.js";
import { MOST_LAYERS, STACKS, conv, dense, flatten, parseSize, pool, seenBy, sizeText, walk } from "./parts/layers.js";

const KINDS = [
  ["conv", "convolution"],
  ["max", "max pooling"],
  ["average", "mean pooling"],
  ["flatten", "flatten"],
  ["global", "mean of each map"],
  ["dense", "dense"],
];
const FRESH = {
  conv: () => conv(16),
  max: () => pool(2),
  average: () => pool(2, { kind: "average" }),
  flatten,
  global: () => ({ kind: "global" }),
  dense: () => dense(10),
};
const OWN = "own";
const count = (n) => n.toLocaleString("en-US");

export function render({ model, el }) {
  const root = card(el, "What a stack of layers sees and costs", "Change any number. Choose a layer to see which pixels one of its values depends on.");
  let stack = model.get("stack") ?? "first_cnn";
  if (!(stack in STACKS)) stack = "first_cnn";
  let input = [...(model.get("input") ?? STACKS[stack].input)];
  let layers = (model.get("layers") ?? STACKS[stack].layers).map((layer) => ({ ...layer }));
  if (model.get("layers")) stack = OWN;
  let chosen = lastImage();
  let cell = null; // of the chosen layer's output

  const stacks = dropdown("Stack", [...Object.entries(STACKS).map(([key, { title }]) => [key, title]), [OWN, "your own"]], stack, (key) => {
    stack = key;
    if (key in STACKS) {
      input = [...STACKS[key].input];
      layers = STACKS[key].layers.map((layer) => ({ ...layer }));
      chosen = lastImage();
      cell = null;
    }
    build();
  });
  const sizes = ["rows", "columns", "channels"].map((name, axis) =>
    numberField(name, (n) => {
      input[axis] = n;
      edited();
    }, axis === 2 ? 512 : 1024),
  );
  const list = h("ol", { class: "layers" });
  const total = h("p", { class: "total" });
  const [image, output] = [new CellMap(), new CellMap(pick)];
  const drawing = h("div", { class: "maps" }, image.element, output.element);
  const say = readout();
  const add = button("Add a layer", () => {
    layers.push(conv(16));
    chosen = layers.length - 1;
    cell = null;
    stack = OWN;
    build();
    list.lastChild.querySelector("select").focus();
  });

  root.append(
    h("style", {}, STYLE),
    h("div", { class: "row" }, stacks, ...sizes.map(({ element }) => element)),
    drawing,
    say,
    total,
    list,
    h("div", { class: "row" }, add),
  );

  function lastImage() {
    const results = walk(input, layers);
    return Math.max(results.findLastIndex(({ shape }) => shape?.length === 3), 0);
  }

  function edited() {
    stack = OWN;
    stacks.input.value = OWN;
    store(model, "layers", layers.map((layer) => ({ ...layer })));
    model.set("input", [...input]);
    refresh();
  }

  // --- the list of layers; built anew only when layers come or go
  let rows = [];

  function build() {
    stacks.input.value = stack;
    sizes.forEach(({ set }, axis) => set(input[axis]));
    rows = layers.map((layer, number) => layerRow(layer, number));
    list.replaceChildren(...rows.map(({ element }) => element));
    add.disabled = layers.length >= MOST_LAYERS;
    refresh();
  }

  function layerRow(layer, number) {
    const name = `layer ${number + 1}`;
    const set = (key) => (value) => {
      layer[key] = value;
      edited();
    };
    const look = h("input", { type: "radio", name: radioName, "aria-label": `show what ${name} sees`, onchange: () => choose(number) });
    const kind = h("select", {
      class: "kind",
      "aria-label": `kind of ${name}`,
      onchange: () => {
        layers[number] = FRESH[kind.value]();
        stack = OWN;
        build();
        rows[number].kind.focus();
      },
    });
    kind.append(...KINDS.map(([key, text]) => h("option", { value: key }, text)));
    kind.value = layer.kind;
    const parts = [];
    if ("filters" in layer) parts.push(small("filters", name, layer.filters, set("filters"), Number));
    if ("units" in layer) parts.push(small("units", name, layer.units, set("units"), Number));
    if ("size" in layer) parts.push(small("size", name, sizeText(layer.size), set("size"), parseSize));
    if ("stride" in layer) parts.push(small("stride", name, sizeText(layer.stride), set("stride"), parseSize));
    if ("padding" in layer) {
      const border = h("select", { class: "border", "aria-label": `border of ${name}`, onchange: () => set("padding")(border.value) });
      border.append(h("option", {}, "valid"), h("option", {}, "same"));
      border.value = layer.padding;
      parts.push(border);
    }
    const move = (by) => {
      [layers[number], layers[number + by]] = [layers[number + by], layers[number]];
      chosen = number + by;
      stack = OWN;
      build();
      const own = rows[number + by];
      (by < 0 ? own.up : own.down).focus();
    };
    const up = button("↑", () => move(-1), { "aria-label": `move ${name} up`, disabled: number === 0 });
    const down = button("↓", () => move(1), { "aria-label": `move ${name} down`, disabled: number === layers.length - 1 });
    const away = button("×", () => {
      layers.splice(number, 1);
      chosen = Math.min(chosen, layers.length - 1);
      cell = null;
      stack = OWN;
      build();
      (rows[Math.min(number, rows.length - 1)]?.kind ?? add).focus();
    }, { "aria-label": `remove ${name}`, disabled: layers.length === 1 });
    const costs = h("p", { class: "costs" });
    const bars = h("div", { class: "bars", "aria-hidden": "true" }, h("span", { class: "bar" }), h("span", { class: "bar two" }));
    const element = h(
      "li",
      {},
      h("div", { class: "what" }, look, kind, parts, h("span", { class: "tools" }, up, down, away)),
      costs,
      bars,
    );
    return { element, kind, up, down, look, costs, bars };
  }

  const radioName = `see${Math.random().toString(36).slice(2)}`;

  function choose(number) {
    chosen = number;
    cell = null;
    refresh();
  }

  function refresh() {
    const results = walk(input, layers);
    const sum = (key) => results.reduce((all, result) => all + (result[key] ?? 0), 0);
    const [parameters, products] = [sum("parameters"), sum("products")];
    results.forEach((result, number) => {
      const row = rows[number];
      row.look.checked = number === chosen;
      row.element.classList.toggle("chosen", number === chosen);
      row.costs.classList.toggle("wrong", Boolean(result.problem));
      row.costs.replaceChildren(...(result.shape ? costsOf(result) : [result.problem || "—"]));
      const shares = [result.parameters / parameters, result.products / products];
      [...row.bars.children].forEach((bar, i) => {
        bar.style.width = `${100 * (shares[i] || 0)}%`;
      });
      row.bars.hidden = !result.parameters;
    });
    const broken = results.some(({ shape }) => !shape);
    total.replaceChildren(
      h("span", { class: "key one" }, `${count(parameters)} parameters`),
      h("span", { class: "key two" }, `${count(products)} multiply-adds for one image${broken ? ", as far as it goes" : ""}`),
    );
    draw(results);
  }

  function costsOf({ shape, view, parameters, products }) {
    const out = [`${shape.join(" × ")}`];
    out.push(view ? `sees ${view.join(" × ")}` : "sees everything");
    if (parameters) out.push(`${count(parameters)} parameters`, `${count(products)} multiply-adds`);
    return out.map((text) => h("span", {}, text));
  }

  // --- the picture: the image, and the output of the chosen layer
  function draw(results) {
    const shape = results[chosen]?.shape;
    const everything = [[0, input[0] - 1], [0, input[1] - 1]];
    const isMap = shape?.length === 3;
    output.element.hidden = !isMap;
    if (!isMap) {
      image.show("image", input, shape ? { seen: everything } : {});
      say.textContent = shape
        ? `Layer ${chosen + 1}: every value depends on the whole image, ${input[0]} × ${input[1]} pixels.`
        : "";
      return;
    }
    cell = cell && cell[0] < shape[0] && cell[1] < shape[1] ? cell : [shape[0] >> 1, shape[1] >> 1];
    const seen = seenBy(input, layers, chosen, cell) ?? everything;
    image.show("image", input, { seen });
    output.show(`output of layer ${chosen + 1},`, shape, { sees: cell.map((at) => [at, at]) });
    const size = seen.map(([first, last]) => last - first + 1);
    const view = results[chosen].view ?? [input[0], input[1]];
    const cut = size.some((n, axis) => n < view[axis]);
    say.textContent =
      `Layer ${chosen + 1}, cell [${cell.join(", ")}]: depends on ${size.join(" × ")} pixels of ${input[0]} × ${input[1]}` +
      `${cut ? `; the rest of its ${view.join(" × ")} lies outside` : ""}.`;
  }

  function pick([row, column]) {
    const [rows, columns] = walk(input, layers)[chosen].shape;
    cell = [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(column, 0), columns - 1)];
    draw(walk(input, layers));
  }

  build();
}

const SIDE = 240; // of a drawing, in its own units
const EDGE = 2;
const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** A drawing of rows × columns cells with a marked part; with `pick`, a cell can be chosen. */
class CellMap {
  constructor(pick = null) {
    this.pick = pick;
    this.paper = svg("rect", { class: "paper", x: 0, y: 0 });
    this.lines = svg("path", { class: "rule" });
    this.mark = svg("rect");
    this.svg = svg("svg", { class: `map ${pick ? "pick" : ""}`, role: "img", tabindex: pick ? 0 : false }, this.paper, this.lines, this.mark);
    this.caption = h("figcaption");
    this.element = h("figure", {}, this.caption, this.svg);
    if (!pick) return;
    const point = (event) => {
      const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
      pick([Math.floor(at.y / this.unit), Math.floor(at.x / this.unit)]);
    };
    this.svg.addEventListener("pointermove", (event) => event.pointerType === "mouse" && point(event));
    this.svg.addEventListener("click", point);
    this.svg.addEventListener("keydown", (event) => {
      if (!(event.key in MOVES)) return;
      event.preventDefault();
      pick(MOVES[event.key].map((step, axis) => this.at[axis] + step));
    });
  }

  /** Mark what is `seen`, or the cell that `sees`: [[first row, last row], [first column, last]]. */
  show(name, [rows, columns], { seen = null, sees = null }) {
    this.unit = SIDE / Math.max(rows, columns);
    const [width, height] = [columns * this.unit, rows * this.unit];
    set(this.svg, {
      viewBox: `${-EDGE} ${-EDGE} ${width + 2 * EDGE} ${height + 2 * EDGE}`,
      "aria-label": `${name} ${rows} × ${columns}${this.pick ? " cells. Arrow keys choose a cell." : ""}`,
    });
    this.caption.textContent = `${name} ${rows} × ${columns}`;
    set(this.paper, { width, height });
    const inner = (n, draw) => Array.from({ length: n - 1 }, (_, i) => draw((i + 1) * this.unit)).join("");
    const lines = inner(rows, (y) => `M0 ${y}H${width}`) + inner(columns, (x) => `M${x} 0V${height}`);
    set(this.lines, { d: this.unit >= 4 ? lines : "" });
    const part = seen ?? sees;
    this.mark.style.display = part ? "" : "none";
    if (!part) return;
    this.at = part.map(([first]) => first);
    const [y, x] = this.at.map((first) => first * this.unit);
    const [high, wide] = part.map(([first, last]) => (last - first + 1) * this.unit);
    set(this.mark, { class: seen ? "seen" : "sees", x, y, width: wide, height: high });
  }
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

/** A small field with its name before it. */
function small(label, owner, value, set, read) {
  const input = h("input", {
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    "aria-label": `${label} of ${owner}`,
    oninput: () => {
      const number = read(input.value);
      const fine = [number].flat().every((n) => Number.isInteger(n) && n >= 1);
      input.setAttribute("aria-invalid", String(!fine));
      if (fine) set(number);
    },
  });
  input.value = value;
  return h("span", { class: "part" }, h("span", { "aria-hidden": "true" }, label), input);
}

function numberField(label, set, most) {
  const input = h("input", {
    type: "text",
    inputmode: "numeric",
    autocomplete: "off",
    class: "short",
    oninput: () => {
      const n = Number(input.value);
      const fine = Number.isInteger(n) && n >= 1 && n <= most;
      input.setAttribute("aria-invalid", String(!fine));
      if (fine) set(n);
    },
  });
  return { element: field(label, input), set: (n) => (input.value = n) };
}

const STYLE = `
.short { width: 4.2rem; }
.layers { list-style: none; counter-reset: layer; margin: 0.6rem 0 0; padding: 0; border-bottom: 1px solid var(--line); }
.layers li { counter-increment: layer; border-top: 1px solid var(--line); padding: 0.45rem 0.4rem 0.5rem; }
.layers li.chosen { background: var(--faint); box-shadow: inset 3px 0 0 var(--writes); }
.what { display: flex; flex-wrap: wrap; gap: 0.35rem 0.45rem; align-items: center; }
.what::before { content: counter(layer); min-width: 1.1rem; text-align: right; color: var(--muted); font-variant-numeric: tabular-nums; font-size: 0.88rem; }
.what > input[type="radio"] { width: 1.5rem; height: 1.5rem; margin: 0; accent-color: var(--writes); }
.what select, .what input[type="text"], .what button { min-height: 1.9rem; padding: 0.15rem 0.4rem; font-size: 0.88rem; }
.part { display: inline-flex; gap: 0.3rem; align-items: center; font-size: 0.82rem; color: var(--muted); }
.what .part input { width: 2.5rem; }
.what .kind { width: 8.2rem; }
.tools { display: inline-flex; gap: 0.2rem; margin-left: auto; }
.tools button { min-width: 1.75rem; padding: 0; }
input[aria-invalid="true"] { border-color: var(--bad); box-shadow: inset 0 0 0 1px var(--bad); }
.costs { display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin: 0.25rem 0 0 3.1rem; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
.costs span:first-child { font-weight: 600; }
.costs.wrong { color: var(--bad); }
.bars { margin: 0.2rem 0 0 3.1rem; }
.bar { display: block; height: 3px; margin-top: 2px; border-radius: 2px; background: var(--series-1); }
.bar.two { background: var(--series-2); }
.total { margin-top: 0.6rem; display: flex; flex-wrap: wrap; gap: 0.1rem 1.2rem; font-variant-numeric: tabular-nums; font-weight: 600; }
.key::before { content: ""; display: inline-block; width: 1rem; height: 4px; border-radius: 2px; margin-right: 0.4rem; vertical-align: middle; background: var(--series-1); }
.key.two::before { background: var(--series-2); }
.maps { display: flex; flex-wrap: wrap; gap: 0.75rem 1.5rem; margin-top: 1rem; align-items: flex-end; }
.maps figure { margin: 0; flex: 0 1 15rem; min-width: 0; }
.maps figcaption { font-size: 0.82rem; color: var(--muted); margin-bottom: 0.3rem; }
.map { display: block; width: 100%; max-height: 15rem; }
.map.pick { cursor: crosshair; touch-action: manipulation; }
.map .paper { fill: var(--faint); stroke: var(--edge); }
.map .rule { stroke: var(--line); stroke-width: 0.5; fill: none; }
.map .seen { fill: color-mix(in srgb, var(--reads) 25%, transparent); stroke: var(--reads); stroke-width: 2; }
.map .sees { fill: var(--writes); stroke: var(--writes); stroke-width: 2; }
@media (max-width: 600px) {
  .costs, .bars { margin-left: 0.2rem; }
  .tools { order: 1; }
  .what .part { gap: 0.2rem; }
  .what .part input { width: 2.1rem; padding: 0.15rem 0.2rem; text-align: center; }
  .what .part, .what > .border { order: 2; }
  .maps figure { flex-basis: 7.5rem; flex-grow: 1; }
  .maps { gap: 0.75rem; }
}
`;

export default { render };
