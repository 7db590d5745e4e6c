// Pooling, step by step: walk over the output and see which cells each value comes from.

import { button, card, h, pills, readout, store, tick } from "./parts/dom.js";
import { NumberGrid } from "./parts/grid.js";
import { inside, isMatrix, poolOf, text, windows } from "./parts/numeric.js";
import { walker } from "./parts/walk.js";

const IMAGE = [
  [2, 3, 2, 4, 1, 0],
  [3, 1, 2, 2, 5, 1],
  [4, 1, 0, 1, 2, 2],
  [7, 2, 1, 3, 0, 6],
  [0, 5, 8, 1, 1, 3],
  [1, 2, 2, 0, 4, 9],
];
const LARGEST = 8;

export function render({ model, el }) {
  const image = () => (isMatrix(model.get("image")) && model.get("image").length <= LARGEST ? model.get("image") : IMAGE);
  const option = (name, otherwise) => model.get(name) ?? otherwise;
  const options = () => ({
    size: option("size", 2),
    stride: option("stride", option("size", 2)),
    kind: option("kind", "max"),
    mode: option("mode", "valid"),
  });
  const looked = new Set();
  let at = [0, 0];
  let now = null;

  const root = card(el, "Pooling, step by step", "Point at an output cell, or move with the arrow keys. The numbers of the image can be changed.");
  const change = (name) => (value) => {
    steps.stop();
    looked.clear();
    store(model, name, value);
  };
  const count = (name) => (value) => change(name)(Number(value));
  const kind = pills("Keep the", [["max", "largest value"], ["average", "mean"]], options().kind, change("kind"));
  const size = pills("Window", [[2, "2 × 2"], [3, "3 × 3"], [4, "4 × 4"]], options().size, count("size"));
  const stride = pills("Stride", [[1, "1"], [2, "2"], [3, "3"], [4, "4"]], options().stride, count("stride"));
  const mode = pills("Border", [["valid", "valid"], ["same", "same"]], options().mode, change("mode"));
  const cover = tick("Cover the results, to work them out first", false, () => {
    looked.clear();
    draw();
  });
  const shift = button("Shift the image one cell to the right", () => {
    const shifted = image().map((row) => [row.at(-1), ...row.slice(0, -1)]);
    looked.clear();
    store(model, "image", shifted);
  });

  const input = new NumberGrid({
    name: "image",
    edit: (i, j, value) => {
      const copy = image().map((row) => [...row]);
      const [row, column] = [i - now.zeros.top, j - now.zeros.left];
      if (copy[row]?.[column] === undefined || copy[row][column] === value) return;
      copy[row][column] = value;
      store(model, "image", copy);
    },
  });
  const output = new NumberGrid({ name: "output", pick: (i, j) => go(i, j) });
  const steps = walker({
    size: () => [now.values.length, now.values[0].length],
    at: () => at,
    go: (i, j) => {
      output.select(i, j);
      go(i, j);
    },
  });
  const say = readout();
  const stage = h("div", { class: "grids" }, input.element, output.element);

  function go(i, j) {
    at = [i, j];
    if (cover.input.checked) looked.add(`${i} ${j}`);
    draw();
  }

  function draw() {
    const { size: n, stride: s, kind: what, mode: border } = options();
    const places = windows(image(), n, n, { stride: s, mode: border });
    const values = places.stops.map((line) => line.map(({ cells }) => poolOf(inside(cells), what)));
    now = { ...places, values };
    at = [Math.min(at[0], values.length - 1), Math.min(at[1], values[0].length - 1)];
    kind.set(what);
    size.set(n);
    stride.set(s);
    mode.set(border);
    const stop = now.stops[at[0]][at[1]];
    const isOutside = (i, j) => now.padded[i][j] === null;
    const under = (i, j) => i >= stop.top && i < stop.top + n && j >= stop.left && j < stop.left + n;
    const isCovered = (i, j) => cover.input.checked && !looked.has(`${i} ${j}`);
    stage.style.setProperty("--most", now.padded[0].length + 0.2);
    input.show(now.padded.map((row) => row.map((value) => value ?? "")), {
      caption: `image ${image().length} × ${image()[0].length}`,
      classes: (i, j) => `${isOutside(i, j) ? "outside" : ""} ${under(i, j) && !isOutside(i, j) ? "window" : ""}`,
      locked: isOutside,
      label: (i, j) =>
        isOutside(i, j) ? "outside the image" : `image[${i - now.zeros.top}, ${j - now.zeros.left}]`,
    });
    output.show(values.map((row, i) => row.map((value, j) => (isCovered(i, j) ? "?" : value))), {
      caption: `output ${values.length} × ${values[0].length}`,
      classes: (i, j) => (i === at[0] && j === at[1] ? "now" : ""),
    });
    tell(isCovered(...at));
  }

  function tell(hidden) {
    const [i, j] = at;
    const numbers = inside(now.stops[i][j].cells).map((value) => text(value)).join(", ");
    const name = options().kind === "max" ? "max" : "mean";
    say.textContent = `output[${i}, ${j}] = ${name}(${numbers}) = ${hidden ? "?" : text(now.values[i][j])}`;
  }

  root.append(
    h("div", { class: "row" }, kind, size, stride, mode),
    stage,
    say,
    h("div", { class: "row middle" }, steps.element, shift, cover),
  );
  for (const name of ["image", "size", "stride", "kind", "mode"]) model.on(`change:${name}`, draw);
  draw();
}

export default { render };
