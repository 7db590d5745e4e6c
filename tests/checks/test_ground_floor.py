"""Checks and gravitational waves are imported without Keras and its kind, and fast."""

import json
import subprocess
import sys

from tests.support import ROOT

SECONDS = 6  # of processor time, for all modules together; about 2 on an idle machine

IMPORTS = """
import importlib, json, pkgutil, sys, time

HEAVY = {"keras", "tensorflow", "jax", "torch", "h5py", "sklearn"}


class Refused(ImportError):
    pass


class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            frame = sys._getframe(1)
            while "importlib" in frame.f_code.co_filename:
                frame = frame.f_back
            raise Refused(f"{frame.f_globals['__name__']} imports {name}")


sys.meta_path.insert(0, Refusal())
start, names, culprits = time.process_time(), [], {}
for room in ("helpers.checks", "chirps"):
    folder = importlib.import_module(room).__path__
    names += [room, *(m.name for m in pkgutil.walk_packages(folder, f"{room}."))]
for name in names:
    try:
        importlib.import_module(name)
    except Refused as problem:
        culprits[name] = str(problem)
print(json.dumps([names, culprits, time.process_time() - start]))
"""


def test_checks_and_chirps_are_imported_without_keras_and_its_kind_and_fast():
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    names, culprits, seconds = json.loads(done.stdout)
    assert {"helpers.checks.first_cnn", "chirps.strain", "chirps.__main__"} <= set(names)
    print(f"{len(names)} modules in {seconds:.2f} s of processor time")
    assert not culprits, f"import these in the functions that need them: {culprits}"
    assert seconds < SECONDS
