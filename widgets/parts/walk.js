// Buttons that walk over the cells of an output, one by one or by themselves.

import { button, calm, h } from "./dom.js";

const PAUSE = 700; // ms

/**
 * Make the buttons "back", "next" and "play".
 *
 * size() is [rows, columns], at() the present cell, go(row, column) moves there.
 */
export function walker({ size, at, go }) {
  let timer = null;

  const step = (by) => {
    const [rows, columns] = size();
    const number = at()[0] * columns + at()[1] + by;
    const wrapped = (number + rows * columns) % (rows * columns);
    go(Math.floor(wrapped / columns), wrapped % columns);
    return wrapped;
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const start = () => {
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (!play.isConnected || step(1) === 0) stop(); // one round is enough
    }, PAUSE);
  };
  const play = button("Play", () => (timer === null ? start() : stop()));
  const element = h(
    "div",
    { class: "row middle" },
    button("Back", () => (stop(), step(-1))),
    button("Next", () => (stop(), step(1))),
    calm() ? null : play,
  );
  return { element, stop };
}
