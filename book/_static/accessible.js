// What scrolls sideways can be reached with the keyboard. The theme sees to code; tables and formulas
// are left, and they scroll on a phone or not, by their width. And the button to print, prints.

(() => {
  "use strict";
  const BOXES = "main :is(table, .pst-scrollable-table-container, div.math, .output.text_html, figure:not(.widget, .drawing))";

  function reach() {
    for (const box of document.querySelectorAll(BOXES)) {
      const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
      if (scrolls) box.tabIndex = 0;
      else if (box.tabIndex === 0) box.removeAttribute("tabindex");
    }
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.addEventListener("click", () => print());
  }

  let soon;
  const later = () => {
    clearTimeout(soon);
    soon = setTimeout(reach, 200);
  };
  addEventListener("load", () => {
    reach();
    globalThis.MathJax?.startup?.promise?.then(reach);
    new ResizeObserver(later).observe(document.querySelector("main"));
  });
})();
