"""Write a new chapter: `python -m course new-page dilation`.

    python -m course new-page dilation --title "Dilated convolutions" --part "Convolutions by hand"

It writes ``notebooks/dilation.md``, its check ``helpers/checks/dilation.py`` and the answers that
try the check, ``tests/checks/test_dilation.py``, and enters the chapter at the end of a part in
``_toc.yml`` and on the home page. What it writes runs and passes every test as it stands: change it
piece by piece into yours. Either all files are written, or none.
"""

import argparse
import keyword
import re
from string import Template

from course import ROOT, BookError, notebook
from course.build import overview
from helpers import checks
from helpers.sources import written_whole

TEMPLATES = ROOT / "course" / "templates"
INDEX = ROOT / "book" / "index.md"
MADE = {
    "page.md": "notebooks/{name}.md",
    "check.py.txt": "helpers/checks/{name}.py",
    "test.py.txt": "tests/checks/test_{name}.py",
}


def refuse_name(name):
    """Refuse a name that a page cannot have.

    Raises
    ------
    BookError
        If it is no name of a Python module in small letters, or is taken.
    """
    if not re.fullmatch("[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise BookError(
            f"{name!r} cannot name a page: its checks are a Python module of that name. Use small "
            "letters, digits and _, beginning with a letter, and no keyword of Python."
        )
    taken = [path for made in MADE.values() if (ROOT / (path := made.format(name=name))).exists()]
    if taken:
        raise BookError(f"{taken[0]} exists already. Choose another name.")
    if hasattr(checks, name):
        raise BookError(f"helpers.checks has something called {name} already. Choose another name.")


def inserted(text, after, line):
    """Return a text with a line added behind the one that a pattern matches.

    Parameters
    ----------
    text, after : str
    line : str
        As a replacement: groups of the pattern may stand in it.
    """
    found = re.search(rf"^{after}$", text, re.MULTILINE)
    if not found:
        raise BookError(f"found no line like {after!r} to put the new chapter behind")
    return f"{text[: found.end()]}\n{found.expand(line)}{text[found.end() :]}"


def new_files(name, title, part=None):
    """Return the text of every file that a new chapter writes or changes, by path.

    Parameters
    ----------
    name, title : str
    part : str, optional
        Its caption in ``_toc.yml``; by default the last one that holds chapters, so that no other
        chapter gets another number.
    """
    refuse_name(name)
    parts = notebook.chapters()
    part = part or list(parts)[-1]
    if part not in parts:
        raise BookError(f"_toc.yml has no part {part!r}; parts: {', '.join(parts)}")
    last, index = parts[part][-1], INDEX.read_text(encoding="utf-8")
    overview.sentences(index)  # what is wrong there already is said first
    toc = notebook.TOC.read_text(encoding="utf-8")
    entry = rf"( *- file: ['\"]?notebooks/){last}(\.ipynb|)(['\"]?) *(#.*)?"
    files = {
        notebook.TOC: inserted(toc, entry, rf"\g<1>{name}\g<2>\g<3>"),
        INDEX: inserted(index, rf"{last}:.*", f"{name}: What this chapter shows, in a sentence."),
    }
    words = {"name": name, "title": title, "anchor": name.replace("_", "-")}
    for template, made in MADE.items():
        text = Template((TEMPLATES / template).read_text(encoding="utf-8"))
        files[ROOT / made.format(name=name)] = text.substitute(words)
    return files


def write(files):
    """Write all files, or leave everything as it was."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        for path, text in files.items():
            with written_whole(path) as part:
                part.write_text(text, encoding="utf-8")
    except BaseException:
        for path, data in before.items():
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(data)
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition(": `")[0])
    parser.add_argument("name", help="of the page and of the module of its checks, e.g. dilation")
    parser.add_argument("--title", help="its heading; by default the name")
    parser.add_argument("--part", help="its part of the book; by default the last with chapters")
    args = parser.parse_args()
    title = args.title or args.name.replace("_", " ").capitalize()
    files = new_files(args.name, title, args.part)
    write(files)
    print("wrote", *(path.relative_to(ROOT) for path in files), sep="\n  ")
    print(f"Now: make record PAGE={args.name}, then make test and make site.")
