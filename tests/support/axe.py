"""axe-core in a page: every rule of WCAG 2.2 at levels A and AA, and its best practices."""

from tests.support.browser import NPM, lacking

AXE = NPM / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What floats above the page, such as the header, covers a target only until the page is scrolled.
RUN = """async (tags) => {
  const floats = ({ target }) => {
    let element = document.querySelector(target[0]);
    while (element && !["fixed", "sticky"].includes(getComputedStyle(element).position)) {
      element = element.parentElement;
    }
    return element !== null;
  };
  const coveredForNow = (node) => node.any.some(({ data, relatedNodes }) =>
    data?.messageKey === "partiallyObscured" && (floats(node) || relatedNodes.every(floats)));
  const rules = { "target-size": { enabled: true } };  // WCAG 2.2, off by default
  const options = { runOnly: tags, rules, resultTypes: ["violations"] };
  const { violations } = await axe.run(document, options);
  const lasting = ({ nodes }) => nodes.filter((node) => !coveredForNow(node));
  return violations.flatMap((violation) => lasting(violation).map((node) => ({
    rule: violation.id, place: node.target.flat().join(" >> "), why: node.failureSummary,
  })));
}"""
# Words of code differ by their colours alone, so one of each kind and kind of box is left a word
# by itself; thousands of them would take axe most of its time.
ONE_OF_EACH = """() => {
  const seen = new Set();
  for (const word of document.querySelectorAll(".highlight pre span")) {
    if (word.id || word.querySelector("*")) continue;
    const box = word.closest(".highlight").parentElement;
    const kind = [word, word.parentElement, box, box.parentElement].map((e) => e.className).join();
    if (seen.has(kind)) word.replaceWith(word.textContent);
    seen.add(kind);
  }
}"""
# What is folded is read as well, once it is opened; what moves would be measured halfway.
OPEN = """() => {
  const style = document.createElement("style");
  style.textContent = "*, *::before, *::after { transition: none !important }";
  document.head.append(style);
  for (const button of document.querySelectorAll(".toggle-hidden > .toggle-button")) button.click();
  const open = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches("details")) element.open = true;
      if (element.shadowRoot) open(element.shadowRoot);
    }
  };
  open(document);
}"""


def prepare(page):
    """Bring axe into a page, and open what is folded there."""
    if not AXE.is_file():
        lacking("axe-core (npm install --prefix _build/npm axe-core@4.14.1)")
    page.evaluate(ONE_OF_EACH)
    page.evaluate(OPEN)
    page.evaluate(AXE.read_text(encoding="utf-8"))  # the policy of the page is for the page


def findings(page, name, state):
    """Return what axe finds, one line each: page, state, rule, selector, and why it matters."""
    return [
        f"{name} [{state}] {f['rule']}: {f['place']}: {' '.join(f['why'].split())[:300]}"
        for f in page.evaluate(RUN, TAGS)
    ]
