// A grid of numbers, to look at, to walk over or to edit. One tab stop; arrow keys move inside it.

import { h } from "./dom.js";
import { parse, text } from "./numeric.js";

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export class NumberGrid {
  /**
   * name: what the grid is called for screen readers, such as "kernel".
   * pick(row, column): called when a cell is pointed at or walked to; makes the cells focusable.
   * edit(row, column, value): called when a number was typed; makes the cells editable.
   */
  constructor({ name, pick = null, edit = null }) {
    this.name = name;
    this.pick = pick;
    this.edit = edit;
    this.at = [0, 0]; // the tab stop
    this.cells = [];
    this.caption = h("figcaption");
    this.body = h("div", { class: "grid", role: pick || edit ? "grid" : "table", "aria-label": name });
    this.element = h("figure", {}, this.caption, this.body);
    if (pick || edit) this.body.addEventListener("keydown", (event) => this.#key(event));
    if (pick) this.#followPointer();
  }

  /**
   * Show values. For a cell, `classes` names how it looks, `label` what it is called, and `locked`
   * says whether it keeps its number although the grid can be edited.
   */
  show(values, { caption = this.name, classes = () => "", label = null, locked = () => false } = {}) {
    if (values.length !== this.cells.length || values[0].length !== this.cells[0].length) {
      this.#build(values.length, values[0].length);
    }
    this.caption.textContent = caption;
    values.forEach((row, i) => row.forEach((value, j) => {
      const cell = this.cells[i][j];
      const words = typeof value === "number" ? text(value) : (value ?? "");
      cell.className = `cell ${this.pick ? "pick" : ""} ${words.length > 4 ? "long" : ""} ${classes(i, j)}`;
      if (this.edit) this.#fillInput(cell.firstChild, words, locked(i, j));
      else if (cell.textContent !== words) cell.textContent = words;
      if (label) (this.edit ? cell.firstChild : cell).setAttribute("aria-label", label(i, j));
    }));
    this.#rove();
  }

  #fillInput(input, words, locked) {
    const typing = input.getRootNode().activeElement === input && text(parse(input.value)) === words;
    if (!typing) input.value = words; // 1/9 stays as it was typed
    input.readOnly = locked;
    input.setAttribute("aria-invalid", "false");
  }

  /** Make a cell the tab stop, without a call of pick. */
  select(row, column) {
    this.at = [row, column];
    this.#rove();
  }

  #build(rows, columns) {
    this.body.style.setProperty("--columns", columns);
    this.at = [Math.min(this.at[0], rows - 1), Math.min(this.at[1], columns - 1)];
    this.cells = Array.from({ length: rows }, (_, i) =>
      Array.from({ length: columns }, (_, j) => this.#cell(i, j)),
    );
    this.body.replaceChildren(...this.cells.map((line) => h("div", { role: "row" }, line)));
  }

  #cell(i, j) {
    const cell = h("div", { class: "cell", role: this.pick || this.edit ? "gridcell" : "cell" });
    cell.dataset.place = `${i} ${j}`;
    if (this.edit) {
      const input = h("input", {
        type: "text",
        inputmode: "text",
        autocomplete: "off",
        "aria-label": `${this.name}[${i}, ${j}]`,
        onfocus: () => {
          this.select(i, j);
          input.select();
        },
        oninput: () => {
          const value = parse(input.value);
          const known = Number.isFinite(value);
          input.setAttribute("aria-invalid", String(!known && input.value.trim() !== ""));
          if (known) this.edit(i, j, value);
        },
        onblur: () => {
          if (!Number.isFinite(parse(input.value))) this.edit(i, j, 0);
        },
      });
      cell.append(input);
    }
    if (this.pick) cell.addEventListener("focus", () => this.#choose(i, j));
    return cell;
  }

  #choose(row, column) {
    this.select(row, column);
    this.pick(row, column);
  }

  /** Pointing is enough with a mouse; a finger may tap or slide. */
  #followPointer() {
    const follow = (event) => {
      const under = this.body.getRootNode().elementFromPoint(event.clientX, event.clientY);
      const place = under?.closest?.(".cell")?.dataset.place;
      if (!place || !this.body.contains(under)) return;
      const [row, column] = place.split(" ").map(Number);
      if (place !== this.at.join(" ") || event.type === "click") this.#choose(row, column);
    };
    this.body.addEventListener("pointermove", follow);
    this.body.addEventListener("click", follow);
  }

  #key(event) {
    const [row, column] = this.at;
    let target = null;
    if (event.key in MOVES) target = [row + MOVES[event.key][0], column + MOVES[event.key][1]];
    if (!this.edit && event.key === "Home") target = [event.ctrlKey ? 0 : row, 0];
    if (!this.edit && event.key === "End") {
      target = [event.ctrlKey ? this.cells.length - 1 : row, this.cells[0].length - 1];
    }
    if (!target || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = this.cells[target[0]]?.[target[1]];
    if (!next) return;
    this.select(...target);
    (this.edit ? next.firstChild : next).focus({ preventScroll: false });
  }

  #rove() {
    if (!this.pick && !this.edit) return;
    this.cells.forEach((line, i) => line.forEach((cell, j) => {
      const stop = i === this.at[0] && j === this.at[1] ? 0 : -1;
      (this.edit ? cell.firstChild : cell).tabIndex = stop;
      if (this.pick) cell.setAttribute("aria-selected", String(stop === 0));
    }));
  }
}
