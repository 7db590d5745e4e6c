"""What pip installs is what uv locked; the tree names no machine, person or secret; links hold."""

import os
import re
import shutil
import subprocess

import pytest

from tests.support import ROOT


def without(tool):
    """Skip on a laptop; fail where everything is promised to be there."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(tool)


def git(*arguments):
    """Return what git prints, or say that it cannot be asked."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        without("not a git checkout")
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("requirements.txt", []),
        ("requirements-student.txt", ["--no-default-groups", "--group", "lab"]),
    ],
)
def test_requirements_are_the_export_of_the_lock(name, groups):
    uv = ROOT / ".boot" / "bin" / "uv"
    uv = str(uv) if uv.is_file() else shutil.which("uv")
    if uv is None:
        without("uv is not installed; `make test` brings it")
    export = subprocess.run(
        [uv, "export", "--frozen", *groups, "--extra", "cpu", "--no-emit-project", "--no-header"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / name).read_text() == export.stdout, "run: make lock"


def test_students_install_nothing_of_the_cluster_and_of_the_tests():
    text = (ROOT / "requirements-student.txt").read_text()
    names = {line.partition("==")[0] for line in text.splitlines() if "==" in line}
    assert {"keras", "jupyterlab", "anywidget"} <= names
    assert not names & {"snakemake", "playwright", "zizmor", "jupyter-book", "kubernetes", "pytest"}


def test_only_the_check_script_names_the_shared_folder():
    listed = git("grep", "-lIF", "shared" + "/data").split()
    assert [name for name in listed if name != ".ci/run"] == []


FORBIDDEN = {
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.(com|org|net|edu)\b"),
    "a credential": re.compile(r"(?i)(token|password|secret|api_?key)\s*=\s*.[\w-]{12,}"),
    "a path of a machine": re.compile(r"(?<![\w.])/(home|root|Users|work)/\w"),
    "the host of a package registry": re.compile(
        "py" + r"pi\.org|python" + r"hosted\.org|npm" + "js"
    ),
}


def test_no_file_names_a_person_a_secret_a_machine_or_a_registry():
    names = git("ls-files", "-z").split("\0")
    for name in filter(None, names):
        path = ROOT / name
        if name == "uv.lock" or not path.is_file():  # a lock is made of addresses
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # weights and pictures
            continue
        text = re.sub(r'"image/png": "[^"]*"', "", text)
        for what, pattern in FORBIDDEN.items():
            assert not pattern.search(text), f"{name} names {what}: {pattern.search(text)}"


def test_links_of_the_readme_lead_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert len(links) > 5
    for link in links:
        assert link.startswith("https://") or (ROOT / link).is_file(), link
