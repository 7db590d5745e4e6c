"""The list of parts and chapters on the home page, with what each chapter holds and takes.

In ``book/index.md`` stands a block that gives every chapter a sentence:

    ```{chapters}
    convolution: A 4×4 matrix, a 2×2 kernel, and the arithmetic of every output cell.
    ```

Parts and their order are those of ``_toc.yml``; titles, exercises, times and seconds are read from
the pages and their records. Every page of ``book/`` may name a chapter by its number, as in
``[chapter 2](../notebooks/kernels.ipynb)``: which number that is, the order says.
"""

import json
import re
from dataclasses import dataclass

from course import BookError, exercises, notebook

BLOCK = re.compile(r"^```\{chapters\}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A link, or a role with its target, that calls a chapter by its number.
NUMBERED = re.compile(r"(?<=hapter )\d+(?=(?:\]\(| <)\.\./notebooks/(\w+)[.>])")
WORDS_A_MINUTE = 200
MINUTES_A_CELL = 1  # code that is given
MINUTES_AN_EXERCISE = 6


@dataclass(frozen=True)
class Facts:
    """What a chapter holds and takes.

    Attributes
    ----------
    title : str
    exercises : int
    minutes : float
        To read its text and code and to do its exercises.
    seconds : float
        That the recorded run took.
    """

    title: str
    exercises: int
    minutes: float
    seconds: float


def facts(page):
    """Return the :class:`Facts` of a page."""
    cells = notebook.read_source(page).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    words = len(re.findall(r"\w[\w'’-]*", text))
    n_exercises = len(exercises.exercises(page))
    n_given = sum(cell.cell_type == "code" for cell in cells) - 2 * n_exercises  # and its check
    record = json.loads((notebook.NOTEBOOKS / f"{page}.ipynb").read_text(encoding="utf-8"))
    return Facts(
        title=re.search(r"^# (.+)$", text, re.MULTILINE)[1],
        exercises=n_exercises,
        minutes=words / WORDS_A_MINUTE
        + n_given * MINUTES_A_CELL
        + n_exercises * MINUTES_AN_EXERCISE,
        seconds=record["metadata"]["provenance"]["seconds"],
    )


def numbered(text):
    """Return a text whose links to chapters call each by its number in the order of the book."""

    def right(found):
        known = found[1] in notebook.pages()  # where not, the build of the site says so
        return str(notebook.chapter_number(found[1])) if known else found[0]

    return NUMBERED.sub(right, text)


def sentences(text):
    """Return the sentence of every chapter from the block in the text of the home page.

    Raises
    ------
    BookError
        If there is no block, or its chapters are not those of ``_toc.yml``.
    """
    block = BLOCK.search(text)
    if not block:
        raise BookError("book/index.md needs one block ```{chapters}.")
    found = {}
    for line in filter(None, map(str.strip, block[1].splitlines())):
        page, _, sentence = line.partition(":")
        if not sentence.strip():
            raise BookError(
                f"book/index.md, block of chapters: “{line}” should be `page: a sentence`."
            )
        found[page.strip()] = sentence.strip()
    listed = notebook.pages()
    if missing := [page for page in listed if page not in found]:
        raise BookError(
            f"book/index.md has no sentence for the chapter {missing[0]}: add a line "
            f"“{missing[0]}: …” to its block of chapters."
        )
    if left := [page for page in found if page not in listed]:
        raise BookError(
            f"book/index.md has a sentence for {left[0]}, which is no chapter of _toc.yml: take "
            "the line out, or add the chapter there."
        )
    return found


def expanded(text):
    """Return the home page with the block of chapters written out in MyST."""
    block, told = BLOCK.search(text), sentences(text)
    parts = notebook.chapters()
    of_page = {page: facts(page) for page in told}
    lines = []
    for caption, pages in parts.items():
        lines += [f"### {caption}", "", "{.chapters}"]
        lines += [entry(page, of_page[page], told[page]) for page in pages]
        lines.append("")
    total = sum(fact.minutes for fact in of_page.values())
    lines.append(
        f"Together about {round(total / 60)} hours, reckoned as reading at {WORDS_A_MINUTE} words "
        f"a minute, {count(MINUTES_A_CELL, 'minute')} for a cell of code and "
        f"{count(MINUTES_AN_EXERCISE, 'minute')} for an exercise. A computer is faster: a run is "
        "the time that all cells of a page took when it was recorded."
    )
    return text[: block.start()] + "\n".join(lines) + text[block.end() :]


def entry(page, fact, sentence):
    """Return the entry of a chapter as an item of a list."""
    number = notebook.chapter_number(page)
    told = (
        count(fact.exercises, "exercise"),
        f"about {hours(fact.minutes)}",
        f"runs in {fact.seconds:.0f} s",
    )
    told = " · ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in told)
    return (
        f"- [{number}]{{.chapter-number}} [{fact.title}](../notebooks/{page}.ipynb)\n\n"
        f"  {sentence}\n\n  [{told}]{{.facts}}"
    )


def count(number, noun):
    """Return e.g. "1 minute" and "6 minutes"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def hours(minutes):
    """Return a time rounded to ten minutes, e.g. "2 h 20 min"."""
    whole, rest = divmod(10 * round(minutes / 10), 60)
    return " ".join([*([f"{whole} h"] if whole else []), *([f"{rest} min"] if rest else [])])
