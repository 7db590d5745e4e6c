// Paper is white: a page is printed in the light theme, whatever theme it is read in.

(() => {
  "use strict";
  const page = document.documentElement;
  let chosen;
  addEventListener("beforeprint", () => {
    chosen = page.dataset.theme;
    page.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    if (chosen) page.dataset.theme = chosen;
  });
})();
