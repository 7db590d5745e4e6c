// A question with feedback on every answer.
//
// In the site its texts are children of the element, with a slot each, so that they may hold
// formulas and links; in a notebook they are options.

import { button, card, h, store } from "./parts/dom.js";

export function render({ model, el }) {
  const answers = model.get("answers") ?? [];
  const several = answers.filter(({ correct }) => correct).length > 1;
  unfold(el);
  const place = (name, text) =>
    el.querySelector(`:scope > [slot="${name}"]`) ? h("slot", { name }) : h("span", {}, formatted(text ?? ""));

  const root = card(el, "Question");
  const group = `q${Math.random().toString(36).slice(2)}`;
  const inputs = answers.map((_, i) =>
    h("input", { type: several ? "checkbox" : "radio", name: group, value: i, onchange: () => forget() }),
  );
  const options = answers.map(({ text }, i) =>
    h("label", { class: "answer" }, inputs[i], h("span", { class: "text" }, place(`answer-${i}`, text)), h("span", { class: "verdict" })),
  );
  const legend = h("legend", {}, place("question", model.get("question")));
  const feedback = h("div", { class: "feedback", role: "status", "aria-live": "polite" });
  root.append(
    h("style", {}, STYLE),
    h("fieldset", {}, legend, several ? h("p", { class: "hint" }, "More than one answer may be right.") : null, options),
    h("div", { class: "row" }, button("Check", check)),
    feedback,
  );

  function forget() {
    options.forEach((option) => option.classList.remove("right", "wrong"));
    options.forEach((option) => (option.querySelector(".verdict").textContent = ""));
    feedback.replaceChildren();
  }

  function check() {
    forget();
    const chosen = inputs.flatMap((input, i) => (input.checked ? [i] : []));
    if (chosen.length === 0) {
      feedback.append(h("p", {}, "Choose an answer first."));
      return;
    }
    for (const i of chosen) {
      const right = Boolean(answers[i].correct);
      options[i].classList.add(right ? "right" : "wrong");
      options[i].querySelector(".verdict").textContent = right ? "✓" : "✗";
      const why = place(`feedback-${i}`, answers[i].feedback);
      feedback.append(h("div", { class: right ? "right" : "wrong" }, h("strong", {}, right ? "Right. " : "Not so. "), why));
    }
    const missing = answers.filter(({ correct }, i) => correct && !chosen.includes(i)).length;
    if (several && missing > 0 && chosen.every((i) => answers[i].correct)) {
      feedback.append(h("p", {}, missing === 1 ? "One more answer is right." : `${missing} more answers are right.`));
    }
    store(model, "solved", missing === 0 && chosen.every((i) => answers[i].correct));
  }
}

/** Without scripts the feedback is folded; with them it is shown when it is due. */
function unfold(el) {
  for (const folded of el.querySelectorAll(":scope > details[slot]")) {
    const open = h("div", { slot: folded.slot });
    open.append(...[...folded.childNodes].filter((node) => node.nodeName !== "SUMMARY"));
    folded.replaceWith(open);
  }
}

/** Plain text with `code` and *emphasis*. */
function formatted(text) {
  return text.split(/(`[^`]+`|\*[^*]+\*)/).map((part) => {
    if (part.startsWith("`") && part.length > 2) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("*") && part.length > 2) return h("em", {}, part.slice(1, -1));
    return part;
  });
}

const STYLE = `
fieldset { border: 0; margin: 0.5rem 0 0; padding: 0; min-width: 0; }
legend { padding: 0; margin-bottom: 0.6rem; }
.answer { display: flex; gap: 0.6rem; align-items: baseline; padding: 0.35rem 0.5rem; margin: 0 -0.5rem; border-radius: 6px; cursor: pointer; }
.answer:hover { background: var(--faint); }
.answer input { flex: none; width: 1.15rem; height: 1.15rem; margin: 0; align-self: flex-start; margin-top: 0.2rem; accent-color: var(--writes); }
.answer .text { flex: 1; min-width: 0; }
.verdict { font-weight: 700; min-width: 1rem; }
.answer.right .verdict, .feedback .right strong { color: var(--good); }
.answer.wrong .verdict, .feedback .wrong strong { color: var(--bad); }
.feedback > * { margin-top: 0.6rem; padding-left: 0.75rem; border-left: 3px solid var(--line); }
.feedback > .right { border-color: var(--good); }
.feedback > .wrong { border-color: var(--bad); }
code { font-family: var(--pst-font-family-monospace, ui-monospace, monospace); font-size: 0.9em; }
`;

export default { render };
