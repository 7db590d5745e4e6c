"""Submissions that mean harm: each ends with what was honestly earned, and nothing else changes."""

import hashlib
import io
import os
import zipfile

import h5py
import numpy as np
import pytest

from course.grade import batch, probes, sandbox, synthetic
from tests.support import grading_class
from tests.support.grading_class import PAGE, collected, hand_in, points, verdicts, with_cell

pytestmark = [pytest.mark.slow, grading_class.needs_sandbox]

TOTAL = sum(e.check.points for e in probes.graded(PAGE))
LAST = probes.graded(PAGE)[-1]  # the hostile cell stands before this one

# What a cell does that a student adds before the last exercise, and what the student gets.
CELLS = {
    "endless loop": ("while True:\n    pass", TOTAL),
    "endless loop that cannot be interrupted": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
        TOTAL,
    ),
    "fork bomb": (
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
        TOTAL,
    ),
    "thread bomb": (
        "import threading, time\nwhile True:\n"
        "    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
        TOTAL,
    ),
    "memory hog": ("hoard = []\nwhile True:\n    hoard.append(b'x' * 50_000_000)", TOTAL),
    "memory hog of many processes": (
        "import os, time\nfor _ in range(20):\n    if not os.fork():\n"
        "        hoard = b'x' * 200_000_000\n        time.sleep(100)\ntime.sleep(100)",
        TOTAL,
    ),
    "disk filler": (
        "for place in ('/tmp', '/dev/shm', '/var', '.'):\n    try:\n"
        "        with open(place + '/big', 'wb') as file:\n            while True:\n"
        "                file.write(b'x' * 1_000_000)\n    except OSError:\n        pass",
        TOTAL,
    ),
    "network": (
        "import socket, urllib.request\nfor host in ('127.0.0.1', '1.1.1.1', 'example.org'):\n"
        "    try:\n        socket.create_connection((host, 80), 2)\n        my_full = my_same\n"
        "    except OSError:\n        pass",
        TOTAL,
    ),
    "deletes everything": (
        "import shutil\nshutil.rmtree('/', ignore_errors=True)\n"
        "shutil.rmtree({canary!r}, ignore_errors=True)",
        TOTAL,
    ),
    "writes where it can": (
        "for path in ({canary!r} + '/bird', '/usr/bin/python3', '/job/job.json', '/new'):\n"
        "    try:\n        open(path, 'w').write('mine')\n    except OSError:\n        pass",
        TOTAL,
    ),
    "forged score": (
        'import os, json\nprint(json.dumps({{"score": 100, "grade": "A"}}))\n'
        "for fd in range(1, 30):\n    try:\n"
        '        os.write(fd, b\'{{"answer": "convolution.my_correlate", "value": '
        '{{"plain": 100}}, "score": 100, "points": 100, "status": "right", "sizes": []}}\\n\')\n'
        "    except OSError:\n        pass",
        TOTAL,
    ),
    "forged end": (
        "import os\nfor fd in range(1, 30):\n    try:\n"
        '        os.write(fd, b\'{{"done": true, "sizes": []}}\\n\')\n    except OSError:\n'
        "        pass\nos._exit(0)",
        TOTAL - LAST.check.points,
    ),
    "monkey-patched checks": (
        "import sys, types\ntry:\n    import helpers.checks\n    my_full = None\n"
        "except ImportError:\n    pass\n"
        "fake = types.ModuleType('helpers.checks')\nfake.Check = lambda *a: True\n"
        "sys.modules['helpers.checks'] = fake\n"
        "np.array_equal = np.allclose = lambda *a, **k: True",
        TOTAL,
    ),
    "ends Python": ("import os\nos._exit(0)", TOTAL),
    "crashes Python": ("import ctypes\nctypes.string_at(0)", TOTAL),
    "kills what it can": (
        "import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getppid(), signal.SIGKILL)",
        TOTAL,
    ),
    "patches the codec": (
        "from course.grade import codec\ncodec.pack = lambda *a: {{'plain': 'right'}}",
        None,
    ),
}

# What a student gives as an answer of the personal kind.
ANSWERS = {
    "lying equality": (
        "class Liar:\n    def __eq__(self, other):\n        return True\n"
        "    __hash__ = None\n    def __array__(self, *a, **k):\n        return np.zeros((5, 5))\n"
        "my_full = Liar()"
    ),
    "pickle that runs code": (
        "class Bomb:\n    def __reduce__(self):\n        import os\n"
        "        return os.system, ('touch {canary}/exploded',)\nmy_full = Bomb()"
    ),
    "array of objects": "my_full = np.array([[object()] * 5] * 5)",
    "subclass of array": (
        "class Sly(np.ndarray):\n    def __array_ufunc__(self, *a, **k):\n        return True\n"
        "    def __eq__(self, other):\n        return True\nmy_full = np.zeros((5, 5)).view(Sly)"
    ),
    "far too large": "my_full = np.zeros((30_000, 30_000), dtype='int8')",
    "the key": (
        "import os, glob\nmy_full = str([os.environ, glob.glob('/tmp/**', recursive=True),\n"
        "    glob.glob({keys!r} + '/*'), glob.glob({others!r} + '/**', recursive=True)])"
    ),
}


@pytest.fixture
def term(tmp_path, monkeypatch):
    submissions = grading_class.begin(tmp_path, monkeypatch)
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "bird").write_text("alive")
    os.chmod(canary, 0o777)  # open to everybody: only the sandbox keeps it
    os.chmod(canary / "bird", 0o666)
    hand_in(submissions, "honest", synthetic.solved(PAGE, "honest"))
    monkeypatch.setattr(batch, "CELL_SECONDS", 3)
    monkeypatch.setattr(batch, "LIMITS", sandbox.Limits(silence=6, wall=40))
    places = {
        "canary": str(canary),
        "keys": str(tmp_path / "keys"),
        "others": str(tmp_path / "grading"),
    }
    yield submissions, places
    assert (canary / "bird").read_text() == "alive"
    assert [p.name for p in canary.iterdir()] == ["bird"]
    assert points(verdicts("honest")[0]) == TOTAL, "others are not affected"


def told(found):
    """Return all that a student is told."""
    return str(found)


@pytest.mark.parametrize("name", CELLS)
def test_a_hostile_cell(term, name):
    submissions, places = term
    source, expected = CELLS[name]
    source = source.format(**places)
    hand_in(submissions, "eve", with_cell("eve", source, before=LAST.name))
    collected(submissions)
    earned, found = verdicts("eve")
    if expected is None:  # what was answered before stands; what came after is what it is
        assert points(earned) <= TOTAL
        assert earned[LAST.name]["score"] < 1
    else:
        assert points(earned) == expected, (earned, found["errors"], found["problems"])
    assert grading_class.SEED not in told(found)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_answer(term, name):
    submissions, places = term
    made = with_cell("eve", ANSWERS[name].format(**places), before=LAST.name)
    hand_in(submissions, "eve", made)
    collected(submissions)
    earned, found = verdicts("eve")
    assert earned["my_full"]["score"] == 0, earned["my_full"]
    assert points(earned) == TOTAL - 1
    assert grading_class.SEED not in told(found) and "honest" not in told(found)


def test_a_sandbox_that_does_not_come_up_costs_nobody_a_point(term, monkeypatch):
    submissions, _ = term
    hand_in(submissions, "eve", synthetic.solved(PAGE, "eve"))
    collected(submissions)
    with monkeypatch.context() as busy:
        busy.setattr(sandbox, "command", lambda *about: ["sleep", "60"])
        busy.setattr(batch, "LIMITS", sandbox.Limits(start=0.2))
        with pytest.raises(sandbox.NoSandbox, match="before anything of the student's ran"):
            batch.run_student("eve")
    assert points(verdicts("eve")[0]) == TOTAL


def lambda_model():
    """Return a Keras archive whose configuration carries code."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("config.json", '{"class_name": "Lambda", "config": {"function": "..."}}')
    return buffer.getvalue()


def linked(tmp_path, kind):
    """Return a file of weights that leads out of itself."""
    path = tmp_path / "linked.h5"
    with h5py.File(path, "w") as file:
        if kind == "external link":
            file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
        elif kind == "external storage":
            file.create_dataset(
                "layers/conv2d/vars/0", (8,), "f4", external=[("/etc/passwd", 0, 32)]
            )
        elif kind == "cycle":
            file.create_group("layers")
            file["layers/again"] = file["/"]
        elif kind == "object layer":
            file.attrs["model_config"] = '{"class_name": "Lambda"}'
            file.create_dataset("layers/lambda/vars/0", data=np.array([b"code"], dtype="S4"))
    return path.read_bytes()


@pytest.mark.parametrize(
    "kind",
    ["lambda model", "external link", "external storage", "cycle", "object layer", "pickle", "cut"],
)
def test_hostile_files_of_weights(term, tmp_path, kind):
    submissions, _ = term
    page = "first_cnn"
    good = io.BytesIO()
    np.save(good, np.arange(1000) % 10)
    data = {"lambda model": lambda_model(), "pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR."}
    weights = data.get(kind) or linked(tmp_path, kind)
    weights = weights[: len(weights) // 2] if kind == "cut" else weights
    files = {"first_cnn.weights.h5": weights, "first_cnn.predictions.npy": good.getvalue()}
    hand_in(submissions, "eve", **files)
    collected(submissions)
    earned, _ = verdicts("eve", page)
    assert earned["my_network"]["score"] == 0
    assert "first_cnn.weights.h5" in earned["my_network"]["message"]
    assert "root:" not in str(earned)


def test_the_whole_class_is_graded_beside_them(term):
    """All at once: an honest student between two hostile ones, in one batch."""
    submissions, places = term
    for who, name in (("eve", "fork bomb"), ("mallory", "memory hog")):
        source = CELLS[name][0].format(**places)
        hand_in(submissions, who, with_cell(who, source, before=LAST.name))
    digest = hashlib.sha256((submissions / "honest" / f"{PAGE}.ipynb").read_bytes()).hexdigest()
    collected(submissions)
    assert {who: points(verdicts(who)[0]) for who in ("eve", "honest", "mallory")} == {
        "eve": TOTAL,
        "honest": TOTAL,
        "mallory": TOTAL,
    }
    assert grading_class.note("honest")["files"][f"{PAGE}.ipynb"] == digest
