// Axes and lines, drawn as SVG at the true width of their place, so that text keeps its size.

import { h, svg } from "./dom.js";

const MARGIN = { left: 56, right: 12, top: 10, bottom: 42 };

/** About `n` round numbers from low to high. */
export function ticks(low, high, n = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * power >= rough * 0.999) * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toFixed(digits)) + 0);
}

/** Round numbers for a logarithmic axis: powers of ten, and between them as space allows. */
export function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const parts = decades > 3 ? [1] : decades > 1.2 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 8];
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const part of parts) {
      const value = Number((part * 10 ** power).toPrecision(6));
      if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
    }
  }
  return found;
}

/** A number on an axis, short. */
export function tickText(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(0).replace("e+", "e") : String(Number(value.toPrecision(6)));
  return text.replaceAll("-", "−");
}

/** Where values lie on an axis: a function from low…high to from…to, and back. */
export function scaled([low, high], [from, to], log = false) {
  const inner = log ? Math.log : (value) => value;
  const span = inner(high) - inner(low) || 1;
  const place = (value) => from + ((inner(value) - inner(low)) / span) * (to - from);
  place.back = (point) => {
    const value = inner(low) + ((point - from) / (to - from)) * span;
    return log ? Math.exp(value) : value;
  };
  return place;
}

/**
 * A plot that fills the width of its place.
 *
 * label: what screen readers call it. height: in pixels. draw(frame): returns what goes inside; it
 * is called again whenever the width changes. point(x, y): the pointer, in units of the axes, or
 * null. key(event): a key while the plot has the focus.
 */
export class Plot {
  constructor({ label, height, draw, point = null, key = null, under = null }) {
    Object.assign(this, { height, draw, under });
    this.width = 0;
    this.svg = svg("svg", { class: "plot", role: "img", "aria-label": label, tabindex: key ? 0 : false, height, width: "100%" });
    this.element = h("div", { class: "plot-place" }, under, this.svg);
    if (key) this.svg.addEventListener("keydown", key);
    if (point) {
      const tell = (event) => {
        const box = this.svg.getBoundingClientRect();
        const [x, y] = [event.clientX - box.left, event.clientY - box.top];
        if (this.frame && x >= this.frame.left - 8 && x <= this.frame.right + 8) point(this.frame.x.back(x), this.frame.y.back(y));
      };
      this.svg.addEventListener("pointermove", tell);
      this.svg.addEventListener("pointerdown", tell);
    }
    new ResizeObserver(() => this.refresh()).observe(this.element);
  }

  /** Draw again with the axes { x: {range, label, log}, y: {…} }. */
  show(axes) {
    this.axes = axes;
    this.refresh();
  }

  refresh() {
    const width = Math.floor(this.element.clientWidth);
    if (!width || !this.axes) return;
    this.width = width;
    const frame = { left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: this.height - MARGIN.bottom };
    frame.x = scaled(this.axes.x.range, [frame.left, frame.right], this.axes.x.log);
    frame.y = scaled(this.axes.y.range, [frame.bottom, frame.top], this.axes.y.log);
    this.frame = frame;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    if (this.under) {
      Object.assign(this.under.style, {
        position: "absolute",
        left: `${frame.left}px`,
        top: `${frame.top}px`,
        width: `${frame.right - frame.left}px`,
        height: `${frame.bottom - frame.top}px`,
      });
    }
    this.svg.replaceChildren(...this.#axes(frame), ...this.draw(frame));
  }

  #axes({ left, right, top, bottom, x, y }) {
    const { x: across, y: up } = this.axes;
    const places = (axis, room) => (axis.log ? logTicks(...axis.range) : ticks(...axis.range, Math.max(3, Math.floor(room))));
    const parts = [];
    let lastEnd = -Infinity;
    for (const value of places(across, (right - left) / 75)) {
      const at = x(value);
      parts.push(svg("path", { class: "axis", d: `M${at} ${bottom}v5` }));
      const text = tickText(value);
      if (at - 4 * text.length < lastEnd) continue; // no room for it
      lastEnd = at + 4 * text.length + 6;
      parts.push(svg("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, text));
    }
    let lastTop = Infinity;
    for (const value of places(up, Math.max((bottom - top) / 40, 4))) {
      const at = y(value);
      parts.push(svg("path", { class: this.under ? "axis" : "rule", d: this.under ? `M${left} ${at}h-5` : `M${left} ${at}H${right}` }));
      if (at > lastTop - 14) continue;
      lastTop = at;
      parts.push(svg("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, tickText(value)));
    }
    parts.push(svg("path", { class: "axis", d: `M${left} ${top}V${bottom}H${right}` }));
    parts.push(svg("text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, across.label));
    const middle = (top + bottom) / 2;
    parts.push(svg("text", { x: 12, y: middle, "text-anchor": "middle", transform: `rotate(-90 12 ${middle})` }, up.label));
    return parts;
  }
}

/** A line through points [x, y]; gaps where y is no number. */
export function line(points, frame, attributes = {}) {
  let pen = "M";
  let d = "";
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    d += `${pen}${frame.x(x).toFixed(1)} ${frame.y(y).toFixed(1)}`;
    pen = "L";
  }
  return svg("path", { d, fill: "none", "stroke-width": 2, "stroke-linejoin": "round", ...attributes });
}
