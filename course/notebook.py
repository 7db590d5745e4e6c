"""Read the source of a page, clean an executed notebook, and write notebooks whole."""

import ast
import base64
import hashlib
import os
import re
import struct
from collections import Counter
from pathlib import Path, PurePosixPath

import nbformat
import yaml

from course import ROOT, BookError
from helpers.sources import written_whole

NOTEBOOKS = ROOT / "notebooks"
TOC = ROOT / "_toc.yml"
PNG_KEEP = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"pHYs"}


def chapters():
    """Return the chapters of every part of the book, from ``_toc.yml``: {caption: [page, …]}.

    Raises
    ------
    BookError
        If ``_toc.yml`` cannot be read, names a page that is not there, or leaves one out.
    """
    try:
        parts = yaml.safe_load(TOC.read_text(encoding="utf-8"))["parts"]
        found = {
            part["caption"]: [
                PurePosixPath(chapter["file"]).stem
                for chapter in part["chapters"]
                if chapter["file"].startswith("notebooks/")
            ]
            for part in parts
        }
    except (OSError, TypeError, KeyError, AttributeError, yaml.YAMLError) as problem:
        raise BookError(f"{TOC.name} cannot be read: {problem}") from problem
    listed = [page for part in found.values() for page in part]
    there = {path.stem for path in NOTEBOOKS.glob("*.md")}
    if len(set(listed)) < len(listed):
        twice = next(page for page in listed if listed.count(page) > 1)
        raise BookError(f"{TOC.name} lists notebooks/{twice}.ipynb twice: take one line out.")
    if missing := [page for page in listed if page not in there]:
        raise BookError(
            f"{TOC.name} lists notebooks/{missing[0]}.ipynb, and there is no "
            f"notebooks/{missing[0]}.md: write it, or take the line out."
        )
    if forgotten := sorted(there - set(listed)):
        raise BookError(
            f"notebooks/{forgotten[0]}.md is in no part of {TOC.name}: add the line "
            f'"- file: notebooks/{forgotten[0]}.ipynb" where the chapter belongs.'
        )
    return {caption: pages for caption, pages in found.items() if pages}


def pages():
    """Return the names of all pages, e.g. ``convolution``, in the order of ``_toc.yml``."""
    return [page for part in chapters().values() for page in part]


def chapter_number(page):
    """Return which chapter of the book a page is, counted from 1."""
    return pages().index(page) + 1


def handed_out(page):
    """Return the name of a page's notebook as students receive it: ``01_convolution.ipynb``."""
    return f"{chapter_number(page):02}_{page}.ipynb"


def without_number(name):
    """Return a name without the number of a chapter, any number, in front."""
    return re.sub(r"^\d+_", "", name)


def chosen_pages(variable, text):
    """Return the pages that a variable of the Makefile names, with commas between.

    Raises
    ------
    BookError
        If one of them is no page.
    """
    chosen, known = [page for page in text.split(",") if page], pages()
    if unknown := sorted(set(chosen) - set(known)):
        raise BookError(
            f"{variable}={text}: no page {', '.join(unknown)}; expected one or more of "
            f"{', '.join(known)}, joined by commas"
        )
    return chosen


def read_source(page):
    """Return the notebook that ``notebooks/<page>.md`` describes, without outputs."""
    path = NOTEBOOKS / f"{page}.md"
    if not path.is_file():
        raise SystemExit(f"there is no page {page!r}; pages: {', '.join(pages())}")
    import jupytext  # takes a second, and not every command needs it

    notebook = jupytext.read(path)
    kernel = notebook.metadata.get("kernelspec", {}).get("name", "python3")
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"name": kernel, "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return number(notebook)


def parameters(notebook):
    """Return names and values of the cell tagged `parameters`; empty where there is none.

    It is plain: one literal a line, such as ``TRAINING = "released"``, with a type where wanted.
    """
    found = {}
    for cell in notebook.cells:
        if "parameters" not in cell.metadata.get("tags", []):
            continue
        for node in ast.parse(cell.source).body:
            if isinstance(node, ast.Assign):
                names = node.targets
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                names = [node.target]
            else:
                continue
            found |= {name.id: ast.literal_eval(node.value) for name in names}
    return found


def number(notebook):
    """Give every cell an id that is the hash of its source and occurrence, in place.

    So the same source gives the same notebook.
    """
    seen = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256((cell.cell_type + cell.source).encode()).hexdigest()[:12]
        seen[digest] += 1
        cell["id"] = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    return notebook


def clean(notebook):
    """Drop from an executed notebook what differs between two equal runs, in place."""
    notebook.metadata.pop("papermill", None)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", ["kept"]):
            del cell.metadata["tags"]
        if cell.cell_type != "code":
            continue
        cell.outputs = merged_streams(cell.outputs)
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = plain_png(output.data["image/png"])
                output.data.pop("text/plain", None)
    return notebook


def merged_streams(outputs):
    """Join pieces of the same stream, which arrive in as many parts as the kernel pleases."""
    merged = []
    for output in outputs:
        previous = merged[-1] if merged else {}
        if output.output_type == "stream" and previous.get("name") == output.name:
            previous["text"] += output.text
        else:
            merged.append(output)
    return merged


def plain_png(text):
    """Remove all metadata from a base64 PNG: only pixels and resolution stay."""
    data = base64.b64decode(text)
    kept, position = [data[:8]], 8
    while position < len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        end = position + length + 12
        if data[position + 4 : position + 8] in PNG_KEEP:
            kept.append(data[position:end])
        position = end
    return base64.b64encode(b"".join(kept)).decode()


def write(notebook, path):
    """Validate a notebook and write it whole or not at all."""
    nbformat.validate(notebook)
    with written_whole(path) as part:
        nbformat.write(notebook, part)


def prepare_environment(backend=None):
    """Make this process and the kernels it starts independent of the user's settings and folder.

    Kernels get a configuration of their own: no start-up files, no history, no notices. Folders
    given by ``$COURSE_DATA`` and ``$COURSE_CACHE`` become absolute, because pages run elsewhere.
    The kernel is this environment's, and equal seeds give equal numbers.

    Parameters
    ----------
    backend : str, optional
        What Keras runs on; by default what ``$KERAS_BACKEND`` says, else TensorFlow.
    """
    os.environ["KERAS_BACKEND"] = backend or os.environ.get("KERAS_BACKEND") or "tensorflow"
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["PYTHONHASHSEED"] = "0"
    os.environ["TF_DETERMINISTIC_OPS"] = "1"  # what enable_op_determinism() sets, for every page
    folder = ROOT / "_build" / "ipython"
    config = folder / "profile_default" / "ipython_kernel_config.py"
    with written_whole(config) as part:
        part.write_text("c.IPKernelApp.log_level = 40\nc.HistoryManager.enabled = False\n")
    os.environ["IPYTHONDIR"] = str(folder)
    for name in ("COURSE_DATA", "COURSE_CACHE"):
        if os.environ.get(name):
            os.environ[name] = str(Path(os.environ[name]).expanduser().resolve())
