"""A course of a few small pages in a folder of its own, and its commands."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support import ROOT

ROOMS = ("inside", "helpers", "chirps", "widgets", "course")
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
BIN = os.path.dirname(sys.executable)
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--profile", "profiles/local", "--cores", "2")


def copy_course(folder, *more, models=True):
    """Copy the course's machinery with no pages; `more` are files or folders beside it."""
    for name in (*ROOMS, "profiles", "data", "Snakefile", "Makefile", "uv.lock", *more):
        source, target = ROOT / name, folder / name
        if source.is_dir():
            left_out = () if models else ("models",)
            ignore = shutil.ignore_patterns("__pycache__", *left_out)
            shutil.copytree(source, target, ignore=ignore, dirs_exist_ok=True)
        else:
            shutil.copy(source, target)
    (folder / "notebooks").mkdir(exist_ok=True)
    write_toc(folder)
    return folder


def write_toc(course):
    """List all pages of a course in its table of contents, in the order of their names."""
    pages = sorted(path.stem for path in (course / "notebooks").glob("*.md"))
    files = "".join(f"      - file: notebooks/{page}.ipynb\n" for page in pages)
    (course / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nparts:\n"
        + (f"  - caption: Pages\n    chapters:\n{files}" if files else "  []\n")
    )


def page_source(*cells, parameters=None):
    text = HEADER + "\n# A small page\n"
    if parameters:
        text += f"\n```{{code-cell}} ipython3\n:tags: [parameters]\n\n{parameters}\n```\n"
    for cell in cells:
        text += f"\n```{{code-cell}} ipython3\n{cell}\n```\n"
    return text


def write_page(course, page, *cells, parameters=None):
    """Write a page of some cells and enter it in the table of contents; return its path."""
    path = course / "notebooks" / f"{page}.md"
    path.write_text(page_source(*cells, parameters=parameters))
    write_toc(course)
    return path


@pytest.fixture
def course(tmp_path):
    """A copy of the course's machinery with no pages."""
    return copy_course(tmp_path, models=False)


def environment_of(course, first=""):
    """Return an environment for its commands; modules are looked for in the folder `first`."""
    return {
        **os.environ,
        "PATH": BIN + os.pathsep + os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, [str(first), str(course)])),
        "COURSE_OFFLINE": "1",
    }


def run(course, *command, first="", **options):
    env = environment_of(course, first)
    return subprocess.run(
        command, cwd=course, env=env, capture_output=True, text=True, timeout=300, **options
    )


def command(course, *arguments, first=""):
    """Run a command of `python -m course`."""
    return run(course, sys.executable, "-m", "course", *arguments, first=first)


def execute(course, page, training="released", *options, first=""):
    output, log = course / "out.ipynb", course / "log" / f"{page}.ipynb"
    arguments = ("execute", page, training, str(output), "--log", str(log), *options)
    return command(course, *arguments, first=first), output, log


def snakemake(course, *targets):
    return run(course, *SNAKEMAKE, *targets)
