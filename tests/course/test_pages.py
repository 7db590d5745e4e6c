"""Every page keeps the promises of CONTRIBUTING.md, and every record is that of its source."""

import base64
import json
import re

import pytest

from course import notebook
from course.run import dependencies
from tests.support import ROOT

PAGES = notebook.pages()
MACHINE_PATH = re.compile(r"/(home|root|tmp|Users|content)/|[A-Z]:\\Users|" + re.escape(str(ROOT)))


def record(page):
    path = notebook.NOTEBOOKS / f"{page}.ipynb"
    assert path.is_file(), f"{page} has no record; run: make record PAGE={page}"
    return json.loads(path.read_text(encoding="utf-8"))


def text_of(cell):
    return "".join(cell["source"])


def tags_of(cell):
    return sorted(cell["metadata"].get("tags", []))


def outputs_as_text(cell):
    for output in cell.get("outputs", []):
        yield "".join(output.get("text", []))
        for kind, data in output.get("data", {}).items():
            if not kind.startswith("image/"):
                yield json.dumps(data)


@pytest.mark.parametrize("page", PAGES)
def test_record_has_the_cells_of_its_source(page):
    source, recorded = notebook.read_source(page).cells, record(page)["cells"]
    assert [c.cell_type for c in source] == [c["cell_type"] for c in recorded]
    for ours, theirs in zip(source, recorded, strict=True):
        assert ours.source == text_of(theirs), "run: make record PAGE=" + page
        assert dict(ours.metadata) == theirs["metadata"], "run: make record PAGE=" + page
        assert ours.id == theirs["id"]


@pytest.mark.parametrize("page", PAGES)
def test_record_is_small_complete_and_free_of_errors(page):
    assert (notebook.NOTEBOOKS / f"{page}.ipynb").stat().st_size <= 1_500_000
    code = [c for c in record(page)["cells"] if c["cell_type"] == "code"]
    assert [c["execution_count"] for c in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert "injected-parameters" not in tags_of(cell)
        assert not [o for o in cell["outputs"] if o["output_type"] == "error"]
        assert not [o for o in cell["outputs"] if o.get("name") == "stderr"], text_of(cell)


@pytest.mark.parametrize("page", PAGES)
def test_record_names_no_path_of_a_machine(page):
    for cell in record(page)["cells"]:
        for text in (text_of(cell), *outputs_as_text(cell)):
            assert not MACHINE_PATH.search(text), text[:200]


@pytest.mark.parametrize("page", PAGES)
def test_record_was_made_with_the_released_dial_on_real_data(page):
    provenance = record(page)["metadata"]["provenance"]
    assert provenance["training"] == "released"
    assert not [d for d in provenance["data"].values() if d.get("stand_in")]
    assert set(provenance["data"]) == set(dependencies.data_sets(page))


@pytest.mark.parametrize("page", PAGES)
def test_at_least_ten_cells_are_compared(page):
    """Of a young page that says less, all that it says."""
    told = [
        c for c in record(page)["cells"] if c["cell_type"] == "code" and any(outputs_as_text(c))
    ]
    ignored = {"nbval-ignore-output", "nbval-skip"}
    compared = [cell for cell in told if not ignored & set(tags_of(cell))]
    assert len(compared) >= min(10, len(told)) > 0


@pytest.mark.parametrize("page", PAGES)
def test_every_figure_has_alt_text_and_a_caption_and_plain_pixels(page):
    figures = 0
    for cell in record(page)["cells"]:
        images = [o["data"]["image/png"] for o in cell.get("outputs", []) if "image/png" in
                  o.get("data", {})]  # fmt: skip
        if not images:
            continue
        figures += 1
        assert len(images) == 1, "one figure per cell: " + text_of(cell)[:60]
        about = cell["metadata"].get("mystnb", {})
        assert len(about.get("image", {}).get("alt", "")) > 40, text_of(cell)[:60]
        assert len(about.get("figure", {}).get("caption", "")) > 20, text_of(cell)[:60]
        assert "nbval-ignore-output" in tags_of(cell)
        data = base64.b64decode(images[0])
        assert not [kind for kind in (b"tEXt", b"iTXt", b"zTXt", b"eXIf") if kind in data]
    assert figures


@pytest.mark.parametrize("page", PAGES)
def test_page_has_its_spine_and_short_cells(page):
    source = notebook.read_source(page)
    prose = "\n".join(c.source for c in source.cells if c.cell_type == "markdown")
    for part in ("You will be able to", "Discussion", "Summary"):
        assert part in prose, f"{page} lacks «{part}»"
    if "(../book/errata.md)" in prose:  # it follows an original
        assert "What the original got wrong" in prose, f"{page} lacks its errata"
    for cell in source.cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert len(lines) <= 25, cell.source[:80]
            assert max(map(len, lines)) <= 80, max(lines, key=len)


@pytest.mark.parametrize("page", PAGES)
def test_parameters_are_typed_and_documented(page):
    for cell in notebook.read_source(page).cells:
        if "parameters" in tags_of(cell):
            for line in cell.source.splitlines():
                assert re.fullmatch(r"[A-Z_]+: \w+ = .+  # .+", line), line


def test_the_table_of_contents_names_every_page():
    toc = (ROOT / "_toc.yml").read_text()
    assert [page for page in PAGES if f"notebooks/{page}.ipynb" not in toc] == []
