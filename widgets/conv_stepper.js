// Convolution, step by step: walk over the output and see the sum behind every cell.

import { card, dropdown, h, pills, readout, store, tick } from "./parts/dom.js";
import { NumberGrid } from "./parts/grid.js";
import { ANCHORS, factor, flip, isMatrix, outputSize, padding, products, text, windows } from "./parts/numeric.js";
import { walker } from "./parts/walk.js";

// The numbers of the course's first page.
const IMAGE = [[2, 3, 2, 4], [3, 1, 2, 2], [4, 1, 0, 1], [7, 2, 1, 3]];
const KERNEL = [[2, 1], [1, 3]];
const LARGEST_KERNEL = 5;
const LARGEST_IMAGE = 8;

export function render({ model, el }) {
  const image = () => matrixOr(model.get("image"), IMAGE);
  const kernel = () => matrixOr(model.get("kernel"), KERNEL);
  const option = (name, otherwise) => model.get(name) ?? otherwise;
  const covered = new Set(); // "row column" of the cells that were looked at while covered
  let at = [0, 0];

  const root = card(el, "Convolution, step by step", "Point at an output cell, or move with the arrow keys. Every number in a field can be changed.");

  const change = (name) => (value) => {
    steps.stop();
    covered.clear();
    store(model, name, value);
  };
  const mode = pills("Border", [["valid", "valid"], ["same", "same"], ["full", "full"]], option("mode", "valid"), change("mode"));
  const stride = pills("Stride", [[1, "1"], [2, "2"], [3, "3"]], option("stride", 1), (value) => change("stride")(Number(value)));
  const kind = pills(
    "Operation",
    [["as it is", "cross-correlation"], ["flipped", "convolution"]],
    option("flip", false) ? "flipped" : "as it is",
    (value) => change("flip")(value === "flipped"),
  );
  const anchor = dropdown(
    "Zeros that cannot be shared equally go",
    [["keras", "as in Keras"], ["bottom-right", "to the bottom and right"], ["top-left", "to the top and left"]],
    option("anchor", "keras"),
    change("anchor"),
  );
  const sizes = Array.from({ length: LARGEST_KERNEL }, (_, i) => [i + 1, `${i + 1} × ${i + 1}`]);
  const size = dropdown("Kernel size", sizes, kernel().length, (n) => change("kernel")(resized(kernel(), Number(n))));
  const cover = tick("Cover the results, to work them out first", false, () => {
    covered.clear();
    draw();
  });

  const grids = {
    image: new NumberGrid({ name: "image", edit: (i, j, value) => edit("image", image(), i, j, value) }),
    kernel: new NumberGrid({ name: "kernel", edit: (i, j, value) => edit("kernel", kernel(), i, j, value) }),
    output: new NumberGrid({ name: "output", pick: (i, j) => go(i, j) }),
  };
  const steps = walker({ size: () => sizeNow(), at: () => at, go: (i, j) => { grids.output.select(i, j); go(i, j); } });
  const say = readout();
  const stage = h("div", { class: "grids" }, Object.values(grids).map((grid) => grid.element));

  function options() {
    return { mode: option("mode", "valid"), stride: option("stride", 1), anchor: option("anchor", "keras") };
  }

  /** Change one number; the image stands inside its border of zeros, the kernel may be flipped. */
  function edit(name, matrix, i, j, value) {
    const copy = matrix.map((row) => [...row]);
    if (name === "image") {
      const { top, left } = now.zeros;
      [i, j] = [i - top, j - left];
    } else if (option("flip", false)) {
      [i, j] = [copy.length - 1 - i, copy[0].length - 1 - j];
    }
    if (copy[i]?.[j] === undefined || copy[i][j] === value) return;
    copy[i][j] = value;
    covered.clear();
    store(model, name, copy);
  }

  let now = null; // what is shown

  function sizeNow() {
    return [now.sums.length, now.sums[0].length];
  }

  function compute() {
    const laid = option("flip", false) ? flip(kernel()) : kernel();
    const places = windows(image(), laid.length, laid[0].length, options());
    const sums = places.stops.map((line) =>
      line.map(({ cells }) => products(cells, laid).reduce((sum, [x, w]) => sum + x * w, 0)),
    );
    return { ...places, laid, sums };
  }

  /** Whether the zeros of mode same would lie elsewhere with another choice. */
  function anchorMatters() {
    if (options().mode !== "same") return false;
    const places = ANCHORS.map((choice) =>
      [image(), image()[0]].map((side, axis) =>
        padding(side.length, [kernel(), kernel()[0]][axis].length, { ...options(), anchor: choice }),
      ),
    );
    return new Set(places.map(String)).size > 1;
  }

  function go(i, j) {
    at = [i, j];
    if (cover.input.checked) covered.add(`${i} ${j}`);
    draw();
  }

  function draw() {
    const k = kernel();
    const tooLarge = options().mode === "valid" && (k.length > image().length || k[0].length > image()[0].length);
    if (tooLarge) {
      stage.hidden = true;
      say.textContent = "The kernel is larger than the image: in mode valid there is no place for it. Choose a smaller kernel, or mode same or full.";
      return;
    }
    stage.hidden = false;
    now = compute();
    at = [Math.min(at[0], now.sums.length - 1), Math.min(at[1], now.sums[0].length - 1)];
    mode.set(options().mode);
    stride.set(options().stride);
    kind.set(option("flip", false) ? "flipped" : "as it is");
    anchor.input.value = options().anchor;
    anchor.hidden = !anchorMatters();
    size.input.value = k.length;
    drawGrids();
    tell();
  }

  function drawGrids() {
    const { zeros, padded, laid, sums, stops } = now;
    const stop = stops[at[0]][at[1]];
    const [rows, columns] = [image().length, image()[0].length];
    const isOutside = (i, j) => padded[i][j] === null;
    const under = (i, j) =>
      i >= stop.top && i < stop.top + laid.length && j >= stop.left && j < stop.left + laid[0].length;
    const border = zeros.top + zeros.bottom + zeros.left + zeros.right > 0;
    const most = Math.max(padded[0].length, sums[0].length);
    stage.style.setProperty("--most", most + 0.2);
    grids.image.show(padded.map((row) => row.map((value) => value ?? 0)), {
      caption: `image ${rows} × ${columns}${border ? `, with zeros ${padded.length} × ${padded[0].length}` : ""}`,
      classes: (i, j) => `${isOutside(i, j) ? "outside" : ""} ${under(i, j) ? "window" : ""}`,
      locked: isOutside,
      label: (i, j) =>
        isOutside(i, j) ? "zero outside the image" : `image[${i - zeros.top}, ${j - zeros.left}]`,
    });
    grids.kernel.show(laid, {
      caption: `kernel ${laid.length} × ${laid[0].length}${option("flip", false) ? ", flipped" : ""}`,
    });
    const isCovered = (i, j) => cover.input.checked && !covered.has(`${i} ${j}`);
    grids.output.show(sums.map((row, i) => row.map((sum, j) => (isCovered(i, j) ? "?" : sum))), {
      caption: `output ${sums.length} × ${sums[0].length}`,
      classes: (i, j) => (i === at[0] && j === at[1] ? "now" : ""),
    });
  }

  function tell() {
    const [i, j] = at;
    const sum = products(now.stops[i][j].cells, now.laid)
      .map(([x, w]) => `${factor(x)} × ${factor(w)}`.replaceAll(" ", "\u00a0"))
      .join(" + ");
    const hidden = cover.input.checked && !covered.has(`${i} ${j}`);
    say.textContent = `output[${i}, ${j}] = ${sum} = ${hidden ? "?" : text(now.sums[i][j])}`;
  }

  root.append(
    h("div", { class: "row" }, kind, mode, stride, size, anchor),
    stage,
    say,
    h("div", { class: "row middle" }, steps.element, cover),
  );
  for (const name of ["image", "kernel", "mode", "stride", "anchor", "flip"]) model.on(`change:${name}`, draw);
  outputSize(image().length, kernel().length, { ...options(), mode: "full" }); // complains about bad options
  draw();
}

function matrixOr(value, otherwise) {
  const small = isMatrix(value) && value.length <= LARGEST_IMAGE && value[0].length <= LARGEST_IMAGE;
  return small ? value : otherwise;
}

function resized(kernel, n) {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => kernel[i]?.[j] ?? 0));
}

export default { render };
