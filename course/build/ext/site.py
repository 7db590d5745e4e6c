"""Make the built pages self-contained, and show what stands behind a recorded run.

Things that a theme does not do: MathJax is served from the site itself, no page may ask
another host for anything, a page made from a notebook ends with its provenance, its buttons hand
out the students' notebook, and changes reach pages and search index whole.
"""

import base64
import hashlib
import html
import importlib.util
import json
import os
import re
import shutil
from pathlib import Path

from course import ROOT, notebook
from course.build.ext import change_pages, mentions, when_built

MATHJAX = "sphinx-mathjax-offline"  # its folder in site-packages is no importable name

SOURCE_BUTTON = "download-source-button"  # the theme's
INLINE = "'inline-scripts-of-this-page'"  # replaced by their hashes when the page is complete

# No foreign host anywhere, and no script but those of the site.
POLICY = "; ".join(
    [
        "default-src 'self'",
        f"script-src 'self' {INLINE} blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
    ]
)


THEBE_SETTINGS = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName.*?</script>', re.DOTALL
)
SCRIPT = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
SEARCH_INDEX = re.compile(r"(Search\.setIndex\()(.*)(\);?\s*)", re.DOTALL)
HANDLER = re.compile(r'\son(?:click|load|change)="([^"]*)"')


def on_page(app, pagename, templatename, context, doctree):
    context["metatags"] = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        + context.get("metatags", "")
    )
    scripts = context.get("script_files", [])  # the theme's for live code call another host
    context["script_files"] = [script for script in scripts if not mentions(script, "thebe")]
    if "body" in context:
        context["body"] = THEBE_SETTINGS.sub("", context["body"])
    record = Path(app.srcdir) / f"{pagename}.ipynb"
    if "header_buttons" in context and not record.is_file():
        context["header_buttons"] = without_source(context["header_buttons"])
    if record.is_file() and "body" in context:
        metadata = json.loads(record.read_text(encoding="utf-8"))["metadata"]
        if "provenance" in metadata:
            context["body"] += provenance_strip(metadata["provenance"])
            context["header_buttons"] = student_buttons(
                context["header_buttons"],
                pagename,
                context["pathto"],
                app.config.course_published,
                pdf=app.config.course_pdf,
            )


def student_buttons(buttons, pagename, pathto, published, pdf=False):
    """Let the buttons of a page hand out the students' notebook, and open it on Colab.

    Parameters
    ----------
    buttons : list of dict
        The theme's; its downloads of the page's own source are replaced.
    pagename : str
        E.g. ``notebooks/convolution``.
    pathto : callable
        From the page to a file of the site.
    published : dict
        `repository`, `tag` and `branch`; without a repository there is no button for Colab.
    pdf : bool
        Whether course/build/print_pages.py will print the page; else the theme's button prints it.
    """
    name = Path(pagename).name
    file = f"student/{notebook.handed_out(name)}"
    download = "Download the notebook, exercises to be filled in"
    made = [_link("download-notebook", pathto(file, 1), "Notebook", "download", download)]
    repository = published.get("repository") or os.environ.get("GITHUB_REPOSITORY")
    if repository:
        colab = "https://colab.research.google.com/github"
        address = f"{colab}/{repository}/blob/{published['branch']}/{file}"
        tooltip = "Open the notebook on Colab, exercises to be filled in"
        made.append(_link("colab", address, "Colab", "rocket", tooltip))
    replaced = {"download-notebook-button", SOURCE_BUTTON}
    if pdf:
        replaced.add("download-pdf-button")
        tooltip = "Download this page to print, solutions folded"
        made.append(_link("pdf", pathto(f"pdf/{name}.pdf", 1), "PDF", "file-pdf", tooltip))
    for button in buttons:
        for inner in button.get("buttons", [button]):
            if inner.get("label") not in replaced:
                made.append({**inner, "text": ""})
    return made


def _link(label, url, text, icon, tooltip):
    """Return a button of the theme that leads to an address."""
    told = {"type": "link", "url": url, "text": text, "tooltip": tooltip}
    return {**told, "icon": f"fas fa-{icon}", "label": f"{label}-button"}


def without_source(buttons):
    """Return the buttons without a download of a page's text, which only the site understands."""
    kept = []
    for group in buttons:
        inner = [b for b in group.get("buttons", [group]) if b.get("label") != SOURCE_BUTTON]
        if inner:
            kept.append({**group, "buttons": inner} if "buttons" in group else group)
    return kept


def provenance_strip(run):
    """Return one quiet line of HTML: what, where and with which versions a page was run."""
    memory = f"{run['peak_memory_mb']:,} MB"
    if run.get("peak_gpu_memory_mb"):
        memory += f", {run['peak_gpu_memory_mb']:,} MB on the GPU"
    parts = [
        f"Recorded {run['date']}",
        f"{run['seconds']:.0f} s",
        memory,
        run["hardware"],
        *([f"Keras on {run['backend']}"] if run.get("backend") else []),
        ", ".join(f"{name} {version}" for name, version in run["packages"].items()),
    ]
    parts += [
        f"data {name}: {data['variant']}, sha256 {data['sha256'][:12]}"
        for name, data in run["data"].items()
    ]
    if run.get("seeds"):
        seeds = ", ".join(map(str, run["seeds"]))
        parts.append(f"{'seed' if len(run['seeds']) == 1 else 'seeds'} {seeds}")
    if run.get("input_digest"):
        parts.append(f"inputs sha256 {run['input_digest'][:12]}")
    text = " · ".join(html.escape(part) for part in parts)
    return f'<aside class="provenance" aria-label="How this page was run"><p>{text}</p></aside>'


def on_outdated(app, env, added, changed, removed):
    """Write every page again when a style sheet, picture, template or extension changed."""
    folders = ("book/_static", "book/_templates", "course/build/ext", "widgets")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    assets = sorted(path for path in files if path.is_file() and path.suffix != ".pyc")
    numbers = notebook.TOC  # the buttons hold the numbers of the chapters
    read = b"".join(path.read_bytes() for path in (*assets, numbers))
    digest = hashlib.sha256(read).hexdigest()
    if getattr(env, "course_assets", None) == digest:
        return []
    env.course_assets = digest
    return sorted(env.found_docs)


@when_built
def allow_inline_scripts(app):
    """Name the inline scripts of every page by hash in its policy."""
    change_pages(app, allowing)


def allowing(text):
    """Return a page whose policy names its inline scripts by hash."""
    if INLINE not in text:  # done in an earlier build, or a page without a policy
        return text
    scripts = {text_of for text_of in SCRIPT.findall(text) if text_of.strip()}
    handlers = {html.unescape(code) for code in HANDLER.findall(text)}
    allowed = sorted(
        "'sha256-" + base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() + "'"
        for s in scripts | handlers
    )
    if handlers:
        allowed.append("'unsafe-hashes'")
    return text.replace(INLINE, " ".join(allowed))


@when_built
def forget_old_words(app):
    """Drop from the search index the words of earlier builds that stand on no page any more."""
    index = Path(app.outdir) / "searchindex.js"
    before, content, after = SEARCH_INDEX.fullmatch(index.read_text(encoding="utf-8")).groups()
    found = json.loads(content)
    for kind in ("terms", "titleterms"):
        found[kind] = {word: pages for word, pages in found[kind].items() if pages != []}
    text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
    index.write_text(before + text + after, encoding="utf-8")


@when_built
def copy_mathjax(app):
    folder = Path(importlib.util.find_spec("sphinx").origin).parent.parent
    source = folder / MATHJAX / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    fonts = Path("output") / "chtml" / "fonts" / "woff-v2"
    if not (source / "tex-chtml.js").is_file():
        raise RuntimeError(f"MathJax is missing in {source}: install the `site` group of packages")
    (target / fonts).mkdir(parents=True, exist_ok=True)
    shutil.copy(source / "tex-chtml.js", target)
    for font in (source / fonts).glob("*.woff"):
        shutil.copy(font, target / fonts)


@when_built
def remove_old_pdfs(app):
    """Leave no PDF of another state in a site whose pages have no button for it."""
    if not app.config.course_pdf:
        shutil.rmtree(Path(app.outdir) / "pdf", ignore_errors=True)


def setup(app):
    app.add_config_value("course_published", {}, "html", [dict])
    app.add_config_value("course_pdf", bool(os.environ.get("COURSE_PDF")), "html", [bool])
    app.connect("env-get-outdated", on_outdated)
    app.connect("html-page-context", on_page, priority=900)
    app.connect("build-finished", forget_old_words)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", remove_old_pdfs)
    app.connect("build-finished", allow_inline_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
