"""Gather what the originals got wrong from the pages into one list.

A page says it in its section "What the original got wrong", or in an admonition of that title, in
boxes of the class `warning`. The list repeats their words, and leads to each box.
"""

import re
from dataclasses import dataclass

from course import notebook

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
        The target in front of it, e.g. ``errata-01-1``.
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
    ValueError
        If the page has no box: its section is missing, or written in another form.
    """
    found, section = [], None

    def mark(match):
        nonlocal section
        if match["section"]:
            section = match["section"]
        elif TITLE in (section, match["title"]):
            label = f"errata-{page.split('_')[0]}-{len(found) + 1}"
            found.append(Box(label, match["title"], match["body"].strip()))
            return f"({label})=\n{match[0]}"
        return match[0]

    for cell in cells:
        if cell.cell_type == "markdown":
            cell.source = BOX.sub(mark, cell.source)
    if not found:
        raise ValueError(f"{page}: no box of the class `warning` under “{TITLE}”")
    return found


def listed(boxes):
    """Return the list in MyST, from {page: its boxes}."""
    lines = []
    for page, of_page in boxes.items():
        title = re.search(r"^# (.+)$", notebook.read_source(page).cells[0].source, re.MULTILINE)
        number = int(page.split("_")[0])
        lines += [f"## {number} · {title[1]}", ""]
        for box in of_page:
            if box.title != TITLE:
                lines += [f"### {box.title}", ""]
            # Pages are linked from beside them there, and from book/ here.
            lines += [re.sub(r"\]\((?=\d\d_\w+\.ipynb)", "](../notebooks/", box.body), ""]
            lines += [f"{{ref}}`Shown in chapter {number} <{box.label}>`", ""]
    return "\n".join(lines)
