"""The students' first cell where TensorFlow and numpy are there already, as on Colab."""

import subprocess
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from course.build import student
from tests.support import ROOT

pytestmark = pytest.mark.slow
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def wheel(folder, name, version, files, more=""):
    """Write a wheel of some files: names in the wheel, and their text or path."""
    path = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    about = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        **files,
        f"{about}/METADATA": METADATA.format(name=name, version=version, more=more),
        f"{about}/WHEEL": WHEEL,
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in files.items():
            if isinstance(content, Path):
                archive.write(content, member)
            else:
                archive.writestr(member, content)
        archive.writestr(f"{about}/RECORD", "".join(f"{member},,\n" for member in files))
    return path


@pytest.fixture
def colab(tmp_path):
    """An environment with all that the course needs but its own packages and `pooch`."""
    there = tmp_path / "preinstalled"
    there.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        # An editable installation leaves the course's data there, in a folder `helpers`.
        absent = entry.name.startswith(("pooch", "convolutions_to_chirps", "helpers"))
        if not absent and entry.suffix != ".pth":
            (there / entry.name).symlink_to(entry)
    venv.create(tmp_path / "env", with_pip=True)
    python = next((tmp_path / "env").glob("bin/python"))
    site = next((tmp_path / "env").glob("lib/python*/site-packages"))
    (site / "preinstalled.pth").write_text(f"{there}\n")
    return python, site, there


def test_only_what_is_missing_is_installed(colab, tmp_path, monkeypatch):
    python, site, there = colab
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "pooch", "1.8.0", {"pooch.py": "here = True\n"})
    files = {
        path.relative_to(ROOT).as_posix(): path
        for room in ("inside", "helpers", "chirps", "widgets")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    files |= {"helpers/_data/registry.toml": ROOT / "data" / "registry.toml"}
    poison = "Requires-Dist: numpy==0.0.1\nRequires-Dist: tensorflow==0.0.1\n"
    course = wheel(wheels, "convolutions-to-chirps", "0.1.0", files, poison)

    monkeypatch.setenv("GITHUB_REPOSITORY", "someone/course")
    student.settings.cache_clear()
    source = student.setup_source()
    tag = student.settings()["tag"]
    student.settings.cache_clear()
    address = f"https://github.com/someone/course/archive/refs/tags/{tag}.zip"
    assert address in source
    cell = source.replace(address, str(course))
    packages = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PATH": "/usr/bin:/bin"}

    def execute(code):
        done = subprocess.run(
            [python, "-c", code], cwd=tmp_path, env=packages, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    before = {path.name for path in site.iterdir()}
    look = (
        "import importlib.util as u\n"
        "print(*(u.find_spec(n).origin for n in ('numpy', 'tensorflow', 'keras')), sep='\\n')"
    )
    origins = execute(look)
    assert all(line.startswith(str(there)) for line in origins.splitlines())
    assert execute("import importlib.util as u; print(u.find_spec('helpers'))") == "None\n"

    execute(cell)
    new = {path.name for path in site.iterdir()} - before - {"__pycache__"}
    assert {name for name in new if name.endswith(".dist-info")} == {
        "pooch-1.8.0.dist-info",
        "convolutions_to_chirps-0.1.0.dist-info",
    }
    assert execute(look) == origins, "TensorFlow, numpy and Keras are those that were there"
    # numpy first, as on Colab, where a notebook may have imported it before this cell.
    assert execute("import numpy, pooch, helpers.convolution; print(pooch.here)") == "True\n"

    times = {path: path.stat().st_mtime_ns for path in site.rglob("*.py")}
    execute(cell)
    assert times == {path: path.stat().st_mtime_ns for path in site.rglob("*.py")}, "once is enough"
