"""Lighthouse on five pages: accessibility whole, best practices nearly."""

import json
import os
import shutil
import subprocess

import pytest

from tests.support import ROOT
from tests.support.browser import CHROMIUM, FLAGS, NPM, lacking, nothing

pytestmark = pytest.mark.slow
LIGHTHOUSE = NPM / "lighthouse" / "cli" / "index.js"
PAGES = (
    "book/index",
    "notebooks/convolution",
    "notebooks/inside_the_network",
    "notebooks/gw_classifier",
    "book/live",
)
AT_LEAST = {"accessibility": 1.0, "best-practices": 0.95}
REPORTED = ("performance", "seo")  # a page served from here says little about either


def run(url):
    """Return the report on a page."""
    if not LIGHTHOUSE.is_file() or not shutil.which("node"):
        lacking("Lighthouse (npm install --prefix _build/npm lighthouse@12.8.2)")
    if CHROMIUM is None:
        lacking("Chromium")
    command = [
        "node",
        str(LIGHTHOUSE),
        url,
        "--output=json",
        "--quiet",
        "--disable-full-page-screenshot",
        "--no-enable-error-reporting",
        f"--only-categories={','.join((*AT_LEAST, *REPORTED))}",
        f"--chrome-flags={' '.join(['--headless=new', *FLAGS])}",
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "CHROME_PATH": CHROMIUM},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert "runtimeError" not in report, report["runtimeError"]
    return report


def complaints(report, name):
    """Return the audits that cost a category its score, one line each."""
    for category, least in AT_LEAST.items():
        score = report["categories"][category]["score"]
        if score is not None and score >= least:
            continue
        yield f"{name}: {category} {score}, at least {least}"
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] not in (None, 1):
                places = [
                    item.get("node", {}).get("selector") or item.get("description", "")
                    for item in audit.get("details", {}).get("items", [])
                ]
                yield f"{name}: {audit['id']}: {audit['title']} {' | '.join(places)[:400]}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_scores(address, name):
    report = run(f"{address}/{name}.html")
    scores = {key: report["categories"][key]["score"] for key in (*AT_LEAST, *REPORTED)}
    print(f"\n{name}: " + ", ".join(f"{key} {score}" for key, score in scores.items()))
    nothing(complaints(report, name))


def test_a_low_score_is_explained():
    audit = {"id": "image-alt", "title": "No alt", "score": 0}
    audit["details"] = {"items": [{"node": {"selector": "img.dog"}}]}
    sound = {"score": 1, "auditRefs": []}
    poor = {"score": 0.9, "auditRefs": [{"id": "image-alt", "weight": 10}]}
    report = {"audits": {"image-alt": audit}}
    report["categories"] = {"accessibility": poor, "best-practices": sound}
    assert list(complaints(report, "page")) == [
        "page: accessibility 0.9, at least 1.0",
        "page: image-alt: No alt img.dog",
    ]
    report["categories"]["accessibility"] = sound
    report["categories"]["best-practices"] = {"score": None, "auditRefs": []}
    assert list(complaints(report, "page")) == ["page: best-practices None, at least 0.95"]
