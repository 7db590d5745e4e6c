"""What the site needs beyond plain Sphinx, one small extension a file; here is what they share."""

import functools
import os
from pathlib import Path


def when_built(handler):
    """Let a handler of `build-finished` run only where HTML was built without an error.

    Parameters
    ----------
    handler : callable
        It gets the application alone.
    """

    @functools.wraps(handler)
    def listener(app, exception):
        if exception is None and app.builder.format == "html":
            handler(app)

    return listener


def change_pages(app, change):
    """Replace the text of every page that was built by ``change(text)``."""
    for path in Path(app.outdir).rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        changed = change(text)
        if changed != text:
            path.write_text(changed, encoding="utf-8")


def mentions(script, word):
    """Whether a script of a page has a word in its name or in its text, whatever the case."""
    body = (getattr(script, "attributes", None) or {}).get("body") or ""
    return word in f"{body} {getattr(script, 'filename', script)}".lower()


def published_at(published):
    """Return the address of the site on GitHub Pages, or None where the repository is unknown.

    Parameters
    ----------
    published : dict
        ``course_published`` of ``_config.yml``; a workflow on GitHub knows its own `repository`.
    """
    repository = published.get("repository") or os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return None
    owner, name = repository.split("/")
    return f"https://{owner.lower()}.github.io/{name}/"
