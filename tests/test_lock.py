"""What pip installs is what uv locked, and nothing in the tree names a machine or a secret."""

import re
import shutil
import subprocess

import pytest
from conftest import ROOT


def test_requirements_are_the_export_of_the_lock():
    uv = ROOT / ".boot" / "bin" / "uv"
    uv = str(uv) if uv.is_file() else shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed; `make test` brings it")
    export = subprocess.run(
        [uv, "export", "--frozen", "--extra", "cpu", "--no-emit-project", "--no-header"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ROOT / "requirements.txt").read_text() == export.stdout, "run: make lock"


def test_only_the_check_script_names_the_shared_folder():
    listed = subprocess.run(
        ["git", "grep", "-lIF", "shared" + "/data"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode > 1:
        pytest.skip("not a git checkout")
    assert [f for f in listed.stdout.split() if f != ".ci/run"] == []


def test_no_text_file_holds_an_address_or_a_token():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    mail = re.compile(r"[\w.+-]+@[\w-]+\.(com|org|net|edu)\b")
    for name in tracked.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".md", ".py", ".toml", ".yml", ".cff", ".css", ".js"} and path.is_file():
            assert not mail.search(path.read_text(encoding="utf-8")), name
