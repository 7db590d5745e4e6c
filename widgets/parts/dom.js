// What all widgets share: elements, the card they stand in, controls with labels.

import { STYLE } from "./style.js";

/**
 * Make an element: h("p", { class: "note", onclick: f }, "text", another).
 *
 * Names that begin with "on" are listeners; true and false add and leave out an attribute.
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an element of a drawing, as h does. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * Give a widget its card: a shadow root with the house style.
 *
 * Returns the element to put things into. Its data-scheme follows the theme around it.
 */
export function card(el, title, hint = "") {
  const shadow = el.attachShadow({ mode: "open" });
  const heading = h("p", { class: "title" }, title);
  const root = h("div", { class: "card", role: "group", "aria-label": title }, heading);
  if (hint) root.append(h("p", { class: "hint" }, hint));
  // A page may listen for single keys, such as "/" for its search; what is typed here is ours.
  root.addEventListener("keydown", (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.altKey && event.key !== "Escape") event.stopPropagation();
  });
  shadow.append(h("style", {}, STYLE), root);
  if (el.querySelector(":scope > img")) {
    // On paper stands the picture that readers without scripts see.
    root.classList.add("off-paper");
    shadow.append(h("div", { class: "on-paper" }, h("slot")));
  }
  followTheme(el, root);
  return root;
}

/** Whether the text around an element is light, that is: whether the page is dark. */
function onDark(el) {
  const [r, g, b] = getComputedStyle(el).color.match(/[\d.]+/g).map(Number);
  return 0.3 * r + 0.6 * g + 0.1 * b > 128;
}

function followTheme(el, root) {
  const follow = () => {
    const scheme = onDark(el) ? "dark" : "light";
    if (root.dataset.scheme === scheme) return;
    root.dataset.scheme = scheme;
    root.dispatchEvent(new Event("scheme"));
  };
  follow();
  const watch = new MutationObserver(follow);
  for (const element of [document.documentElement, document.body]) {
    watch.observe(element, { attributes: true, attributeFilter: ["data-theme", "class", "data-jp-theme-light"] });
  }
}

let made = 0;
const newId = () => `w${++made}`;

/** A label above a control. */
export function field(label, control) {
  control.id ||= newId();
  return h("div", { class: "field" }, h("label", { for: control.id }, label), control);
}

/** A list to choose from: choices are [value, text] pairs. */
export function dropdown(label, choices, value, choose) {
  const list = h("select", { onchange: () => choose(list.value) });
  list.append(...choices.map(([key, text]) => h("option", { value: key }, text)));
  list.value = value;
  return Object.assign(field(label, list), { input: list });
}

/** A row of buttons of which one is down: a radio group, so arrow keys move in it. */
export function pills(label, choices, value, choose) {
  const name = newId();
  const id = newId();
  const inputs = choices.map(([key, text]) => {
    const input = h("input", { type: "radio", name, value: key, onchange: () => choose(key) });
    input.checked = String(key) === String(value);
    return h("label", {}, input, h("span", {}, text));
  });
  const group = h("div", { class: "pills", role: "radiogroup", "aria-labelledby": id }, inputs);
  const set = (key) => {
    for (const input of group.querySelectorAll("input")) input.checked = input.value === String(key);
  };
  return Object.assign(h("div", { class: "field" }, h("span", { id }, label), group), { set });
}

/** A slider with its value beside the label; show turns the value into text. */
export function slider(label, { min, max, step = 1, value, show = String }, change) {
  const input = h("input", { type: "range", min, max, step });
  input.value = value;
  const text = h("span", { class: "value" });
  const tell = () => {
    text.textContent = show(Number(input.value));
    input.setAttribute("aria-valuetext", text.textContent);
  };
  input.addEventListener("input", () => {
    tell();
    change(Number(input.value));
  });
  tell();
  input.id = newId();
  const set = (number) => {
    input.value = number;
    tell();
  };
  const head = h("span", { class: "head" }, h("label", { for: input.id }, label), text);
  return Object.assign(h("div", { class: "field slide" }, head, input), { input, set });
}

/** A box to tick. */
export function tick(label, value, change) {
  const input = h("input", { type: "checkbox", onchange: () => change(input.checked) });
  input.checked = value;
  return Object.assign(h("label", { class: "tick" }, input, h("span", {}, label)), { input });
}

export function button(text, press, attributes = {}) {
  return h("button", { type: "button", onclick: press, ...attributes }, text);
}

/** A line that screen readers speak when it changes. */
export function readout(attributes = {}) {
  return h("p", { class: "readout", role: "status", "aria-live": "polite", ...attributes });
}

/** A line for problems, empty as long as there are none. */
export function problemLine() {
  return h("p", { class: "problem", role: "alert" });
}

/** Whether the reader asked for less motion. */
export function calm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Put a value into a model, and tell Python where there is one. */
export function store(model, name, value) {
  model.set(name, value);
  model.save_changes();
}
