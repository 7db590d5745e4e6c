// The learning curves of every released run, from its run card.

import { card, dropdown, h, pills, readout, store, svg, tick } from "./parts/dom.js";
import { Plot, line, tickText } from "./parts/plot.js";
import { MEASURES, cardsOf, curve, epochAt, nameOf, rangeOf, times } from "./parts/runs.js";

const COLOURS = 8;
const NAMES = { accuracy: "accuracy", loss: "loss", learning_rate: "learning rate", seconds: "seconds" };
const NONE = "";

export function render({ model, el }) {
  const root = card(el, "Learning curves", "Every curve was recorded while a network of this course was trained. Point at the plot, or move with the arrow keys.");
  const runs = model.get("runs") ?? [];
  const names = cardsOf(runs);
  if (names.length === 0) {
    root.append(h("p", {}, "There are no run cards at hand."));
    return;
  }
  const known = (name) => (names.includes(name) ? name : null);
  let first = known(model.get("card")) ?? known("cifar_cnn_steps") ?? names[0];
  let second = known(model.get("beside")) ?? NONE;
  let measure = model.get("measure") in MEASURES ? model.get("measure") : "accuracy";
  let unit = model.get("unit") ?? "epochs";
  let log = model.get("log") ?? false;
  let others = true;
  const off = new Set(); // runs that are not drawn
  let time = null; // of the cursor

  const cards = names.map((name) => [name, name]);
  const change = (set) => (value) => {
    set(value);
    time = null;
    update();
  };
  const firstList = dropdown("Run card", cards, first, change((name) => (first = name)));
  const secondList = dropdown("Beside it", [[NONE, "nothing"], ...cards], second, change((name) => (second = name)));
  const measures = pills("Show", Object.entries({ accuracy: "accuracy", loss: "loss", learning_rate: "rate", seconds: "time" }), measure, (key) => {
    measure = key;
    store(model, "measure", key);
    update();
  });
  const units = pills("Against", [["epochs", "epochs"], ["minutes", "minutes"]], unit, change((key) => (unit = key)));
  const logs = tick("logarithmic", log, (on) => {
    log = on;
    update();
  });
  const validation = tick("on images not trained on (dashed)", others, (on) => {
    others = on;
    update();
  });

  const plot = new Plot({
    label: "Learning curves. Arrow keys move from epoch to epoch; the values are read out below.",
    height: 320,
    draw: drawCurves,
    point: (x) => {
      time = snapped(x);
      tell();
      plot.refresh();
    },
    key: (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
      if (!step) return;
      event.preventDefault();
      const ends = times(longest(), unit);
      const at = time === null ? -1 : epochAt(longest(), time, unit);
      time = ends[Math.min(Math.max(at + step, 0), ends.length - 1)];
      tell();
      plot.refresh();
    },
  });
  const legend = h("div", { class: "legend", role: "group", "aria-label": "Runs" });
  const say = readout();
  const table = h("div", { class: "table", role: "region", tabindex: 0, "aria-label": "The runs in numbers" });

  root.append(
    h("style", {}, STYLE),
    h("div", { class: "row" }, firstList, secondList),
    h("div", { class: "row" }, measures, units, logs, validation),
    legend,
    plot.element,
    say,
    table,
  );

  const chosen = () => runs.filter(({ card }) => card === first || card === second);
  const drawn = () => chosen().filter((run) => !off.has(run));
  const colour = (run) => `var(--series-${(chosen().indexOf(run) % COLOURS) + 1})`;
  const longest = () => drawn().reduce((a, b) => (times(b, unit).at(-1) > times(a, unit).at(-1) ? b : a));

  function snapped(x) {
    if (drawn().length === 0) return null;
    const ends = times(longest(), unit);
    return ends.reduce((a, b) => (Math.abs(b - x) < Math.abs(a - x) ? b : a));
  }

  function update() {
    legend.replaceChildren(...chosen().map((run) => {
      const box = tick(nameOf(run, runs), !off.has(run), (on) => {
        off[on ? "delete" : "add"](run);
        draw();
      });
      box.input.after(svg("svg", { class: "swatch", width: 22, height: 8, "aria-hidden": "true" }, svg("path", { d: "M0 4H22", "stroke-width": 3, style: `stroke: ${colour(run)}` })));
      return box;
    }));
    table.replaceChildren(numbers());
    draw();
  }

  function draw() {
    const { label, own, other } = MEASURES[measure];
    const curves = drawn().flatMap((run) => [curve(run, own, unit), others && other ? curve(run, other, unit) : []]);
    const ends = drawn().map((run) => times(run, unit).at(-1));
    const useLog = log && measure !== "accuracy";
    logs.hidden = measure === "accuracy";
    validation.hidden = !other;
    plot.show({
      x: { range: [unit === "epochs" ? 1 : 0, Math.max(...ends, 2)], label: unit === "epochs" ? "epoch" : "minutes of training" },
      y: { range: rangeOf(curves, { log: useLog, share: measure === "accuracy" }), label, log: useLog },
    });
    tell();
  }

  function drawCurves(frame) {
    const { own, other } = MEASURES[measure];
    const parts = [];
    for (const run of drawn()) {
      const style = `stroke: ${colour(run)}`;
      parts.push(line(curve(run, own, unit), frame, { style }));
      if (others && other) parts.push(line(curve(run, other, unit), frame, { style, "stroke-dasharray": "5 4" }));
    }
    if (time !== null) {
      const at = frame.x(time);
      parts.push(svg("path", { class: "axis", d: `M${at} ${frame.top}V${frame.bottom}`, "stroke-dasharray": "2 3" }));
      for (const run of drawn()) {
        const i = epochAt(run, time, unit);
        const [x, y] = curve(run, own, unit)[i];
        if (x <= time + 1e-9) parts.push(svg("circle", { cx: frame.x(x), cy: frame.y(y), r: 4, style: `fill: ${colour(run)}` }));
      }
    }
    return parts;
  }

  function tell() {
    if (time === null || drawn().length === 0) {
      say.textContent = drawn().length === 0 ? "No run is chosen." : "";
      return;
    }
    const { own, other } = MEASURES[measure];
    const number = (value) => tickText(Number(value.toPrecision(3)));
    const both = others && other;
    const parts = drawn().map((run) => {
      const i = epochAt(run, time, unit);
      const ended = times(run, unit).at(-1) < time - 1e-9 ? " (ended)" : "";
      const beside = both && run.history[other] ? ` / ${number(run.history[other][i])}` : "";
      return `${nameOf(run, runs)} ${number(run.history[own][i])}${beside}${ended}`;
    });
    const when = unit === "epochs" ? `Epoch ${time}` : `After ${number(time)} minutes`;
    say.textContent = `${when}, ${NAMES[measure]}${both ? " on training images / on others" : ""}: ${parts.join("; ")}.`;
  }

  function numbers() {
    const head = ["Run", "Test accuracy", "Minutes", "Epochs", "Parameters"];
    const rows = chosen().map((run) => {
      const { parameters, test_accuracy: accuracy, test_error: error, seconds } = run;
      const breakable = nameOf(run, runs).replaceAll("_", "_\u200b");
      const numbers = [
        accuracy === null ? "—" : `${accuracy.toFixed(3)}${error ? ` ± ${error.toFixed(3)}` : ""}`,
        seconds >= 600 ? (seconds / 60).toFixed(0) : (seconds / 60).toFixed(1),
        String(run.history.loss.length),
        parameters ? parameters.toLocaleString("en-US") : "—",
      ];
      return h("tr", {}, h("td", {}, breakable), numbers.map((text) => h("td", { class: "n" }, text)));
    });
    return h(
      "table",
      {},
      h("thead", {}, h("tr", {}, head.map((text, i) => h("th", { scope: "col", class: i ? "n" : "" }, text)))),
      h("tbody", {}, rows),
    );
  }

  model.on("change:measure", () => {
    measure = model.get("measure");
    measures.set(measure);
    draw();
  });
  update();
}

const STYLE = `
.card { --series-7: #7a5230; --series-8: #5a6472; }
.card[data-scheme="dark"] { --series-7: #d9ad7c; --series-8: #b9c2cf; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.1rem; margin-top: 0.8rem; }
.legend .tick { min-height: 1.9rem; }
.swatch { flex: none; }
.readout { font-size: 0.9rem; }
.plot-place { margin-top: 0.4rem; }
td:first-child { min-width: 7.5rem; }
td.n { white-space: nowrap; }
`;

export default { render };
