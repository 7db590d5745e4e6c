// The scores of all classes, as bars that are also buttons.

import { button, h } from "../parts/dom.js";

/** The scores of all classes; a press on one asks `explain(output)` for the picture's reasons. */
export class Scores {
  constructor(explain) {
    this.explain = explain;
    this.element = h("ul", { class: "scores" });
  }

  open(classes) {
    this.classes = classes;
    this.rows = classes.map((name, output) => {
      const bar = h("span");
      const share = h("span", { class: "share" });
      const press = button("", () => this.explain(output), { "aria-pressed": "false" });
      press.append(h("span", { class: "name" }, name), h("span", { class: "bar" }, bar), share);
      return { item: h("li", {}, press), press, bar, share };
    });
    this.element.replaceChildren(...this.rows.map(({ item }) => item));
  }

  show(scores, output) {
    const best = scores.indexOf(Math.max(...scores));
    this.rows.forEach(({ item, press, bar, share }, k) => {
      item.classList.toggle("best", k === best);
      press.setAttribute("aria-pressed", String(k === output));
      bar.style.width = `${100 * Math.min(Math.max(scores[k], 0), 1)}%`;
      share.textContent = percent(scores[k]);
    });
  }

  /** The first few classes, in words. */
  inWords(scores) {
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, 3);
    return order.map((k) => `${this.classes[k]} ${percent(scores[k])}`).join(", ");
  }
}

/** A share in per cent; what is not quite none or all is not called so. */
export function percent(share) {
  const digits = share < 0.1 || share > 0.99 ? 1 : 0;
  const number = `${(100 * share).toFixed(digits)}\u00a0%`; // no line ends before the sign
  if (share < 0.0005) return "<\u00a00.1\u00a0%";
  return share > 0.9995 ? ">\u00a099.9\u00a0%" : number;
}
