"""Gather what the originals got wrong from the pages into one list.

A page says it in its section "What the original got wrong", or in an admonition of that title, in
boxes of the class `warning`. The list repeats their words, and leads to each box. A page that
follows no original has neither section nor box.
"""

import re
from dataclasses import dataclass

from course import BookError, notebook

PLACE = "<!-- what the originals got wrong, page by page -->"
TITLE = "What the original got wrong"
BOX = re.compile(
    r"^:::\{admonition\} (?P<title>[^\n]+)\n:class: warning\n(?P<body>.*?)^:::$"
    r"|^## (?P<section>[^\n]+)$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Box:
    """One box of a page.

    Attributes
    ----------
    label : str
        The target in front of it, e.g. ``errata-convolution-1``.
    title, body : str
        MyST.
    """

    label: str
    title: str
    body: str


def marked(page, cells):
    """Put a target in front of every box of a page.

    Parameters
    ----------
    page : str
        E.g. ``convolution``.
    cells : list of NotebookNode
        Changed in place.

    Returns
    -------
    list of Box

    Raises
    ------
    BookError
        If the page has the section and no box in it: it is missing, or written in another form.
    """
    found, sections = [], [""]

    def mark(match):
        if match["section"]:
            sections.append(match["section"])
        elif TITLE in (sections[-1], match["title"]):
            label = f"errata-{page.replace('_', '-')}-{len(found) + 1}"
            found.append(Box(label, match["title"], match["body"].strip()))
            return f"({label})=\n{match[0]}"
        return match[0]

    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = BOX.sub(mark, cell.source)
    if TITLE in sections and not found:
        raise BookError(
            f"notebooks/{page}.md: no box of the class `warning` under “{TITLE}”. Put what is "
            "wrong into :::{admonition} … :class: warning, or take the heading out."
        )
    return found


def listed(boxes):
    """Return the list in MyST, from {page: its boxes}."""
    lines = []
    for page, of_page in boxes.items():
        if not of_page:
            continue
        title = re.search(r"^# (.+)$", notebook.read_source(page).cells[0].source, re.MULTILINE)
        number = notebook.chapter_number(page)
        lines += [f"## {number} · {title[1]}", ""]
        for box in of_page:
            if box.title != TITLE:
                lines += [f"### {box.title}", ""]
            # Pages are linked from beside them there, and from book/ here.
            lines += [re.sub(r"\]\((?=\w+\.ipynb)", "](../notebooks/", box.body), ""]
            lines += [f"{{ref}}`Shown in chapter {number} <{box.label}>`", ""]
    return "\n".join(lines)
