"""The order in which data is looked for, and what damaged, absent or slow data does."""

import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from types import SimpleNamespace

import pytest

from helpers import datasets, sources
from helpers.sources import DataError, Source

CONTENT = b"the bytes of a data set " * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serve ``pages`` ({path: bytes}) on this machine and remember what was asked for."""

    def __init__(self):
        self.pages, self.asked, self.stall = {}, [], threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.path)
                content = outer.pages.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.path == "/slow":
                    self.wfile.write(content[: len(content) // 2])
                    self.wfile.flush()
                    outer.stall.wait(30)
                    return
                self.wfile.write(content)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path):
        return f"http://127.0.0.1:{self.http.server_address[1]}{path}"


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stall.set()
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A registry of one data set with one file, an empty cache, and an empty folder of data."""
    entry = {"name": "set.bin", "local": "sub/set.bin", "sha256": SHA256, "urls": []}
    monkeypatch.setattr(sources, "registry", lambda: {"set": {"files": [entry]}})
    for name in ("COURSE_DATA", "COURSE_OFFLINE", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data" / "sub").mkdir(parents=True)
    return SimpleNamespace(
        entry=entry,
        local=tmp_path / "data" / "sub" / "set.bin",
        cached=tmp_path / "cache" / "set.bin",
        use_local=lambda: monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data")),
    )


def flipped(content, at=100):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def leftovers(folder):
    return [p.name for p in folder.iterdir() if p.name.startswith(".part")]


# --- the order ----------------------------------------------------------------------------------


def test_local_copy_before_cache_before_download_before_nothing(course, server):
    server.pages["/set.bin"] = CONTENT
    course.entry["urls"] = [server.url("/set.bin")]
    course.use_local()
    put(course.local, CONTENT)
    put(course.cached, CONTENT)

    found = sources.find("set")
    assert (found.origin, found.path) == ("local copy", course.local)
    course.local.unlink()
    found = sources.find("set")
    assert (found.origin, found.path) == ("cache", course.cached)
    assert server.asked == []
    course.cached.unlink()
    found = sources.find("set")
    assert (found.origin, found.path) == ("download", course.cached)
    assert course.cached.read_bytes() == CONTENT
    assert sources.find("set").origin == "cache"
    course.cached.unlink()
    course.entry["urls"] = []
    assert sources.find("set") is None


def test_a_second_file_nearby_beats_the_first_far_away(course, server, monkeypatch):
    server.pages["/set.bin"] = CONTENT
    course.entry["urls"] = [server.url("/set.bin")]
    other = {"name": "b.bin", "local": "b.bin", "sha256": SHA256, "urls": []}
    monkeypatch.setattr(sources, "registry", lambda: {"set": {"files": [course.entry, other]}})
    course.use_local()
    put(course.local.parent.parent / "b.bin", CONTENT)
    assert sources.find("set").entry is other
    assert server.asked == []


def test_mirrors_are_tried_in_turn(course, server, capsys):
    server.pages.update({"/damaged": flipped(CONTENT), "/good": CONTENT, "/unused": CONTENT})
    course.entry["urls"] = [server.url(p) for p in ("/absent", "/damaged", "/good", "/unused")]
    assert sources.find("set").origin == "download"
    assert server.asked == ["/absent", "/damaged", "/good"]
    notices = capsys.readouterr().out.splitlines()
    assert len(notices) == 2
    assert "404" in notices[0]
    assert f"expected {SHA256[:16]}" in notices[1]
    assert all("127.0.0.1" in line and "set.bin" in line for line in notices)
    assert str(course.cached.parent) not in "".join(notices), "a path of this machine in an output"


def test_a_damaged_download_is_not_kept(course, server):
    server.pages["/damaged"] = flipped(CONTENT)
    course.entry["urls"] = [server.url("/damaged")]
    assert sources.find("set") is None
    assert list(course.cached.parent.iterdir()) == []


def test_a_truncated_download_is_not_kept(course, server):
    server.pages["/slow"] = CONTENT
    server.stall.set()  # the server hangs up in the middle
    course.entry["urls"] = [server.url("/slow")]
    assert sources.find("set") is None
    assert list(course.cached.parent.iterdir()) == []


# --- parts of a whole ---------------------------------------------------------------------------


@pytest.fixture
def two_parts(course, monkeypatch):
    """The second file of a data set of two, of which the first is out of reach."""
    first = {**course.entry, "name": "first.bin", "local": "sub/first.bin"}
    table = {"title": "A set", "parts": True, "files": [first, course.entry]}
    monkeypatch.setattr(sources, "registry", lambda: {"set": table})
    return course.entry


def test_one_file_of_many_is_found_by_its_name(course, two_parts, server):
    server.pages["/set.bin"] = CONTENT
    two_parts["urls"] = [server.url("/set.bin")]
    assert sources.at_hand("set", "set.bin") is None
    assert sources.find("set", "set.bin").origin == "download"
    assert sources.at_hand("set", "set.bin").path == course.cached
    assert sources.find("set", "first.bin") is None
    course.use_local()
    put(course.local, CONTENT)
    assert sources.find("set", "set.bin").path == course.local
    with pytest.raises(DataError, match=r"lists no file 'other.bin' under \[set\]"):
        sources.find("set", "other.bin")


def test_a_data_set_is_its_parts_or_any_of_its_files(course, two_parts, monkeypatch):
    assert sources.parts("set") == ["first.bin", "set.bin"]
    monkeypatch.setattr(sources, "registry", lambda: {"set": {"files": [two_parts, two_parts]}})
    assert sources.parts("set") == [None]


def test_the_graph_fetches_every_part_once(course, two_parts, server, capsys):
    server.pages["/set.bin"] = CONTENT
    two_parts["urls"] = [server.url("/set.bin")]
    for origin in ("download", "cache"):
        datasets._report_parts("set")
        assert capsys.readouterr().out.splitlines()[-1] == f"A set: 1 of 2 files, {origin}"
    assert server.asked == ["/set.bin"]
    put(course.cached, flipped(CONTENT))
    with pytest.raises(DataError, match="is damaged"):
        datasets._report_parts("set")


@pytest.mark.parametrize("name", ["gw_strain", "gw_noise"])
def test_the_command_of_the_graph_knows_the_tables_of_many_files(name, tmp_path):
    environment = os.environ | {"COURSE_OFFLINE": "1", "COURSE_CACHE": str(tmp_path)}
    environment.pop("COURSE_DATA", None)
    command = [sys.executable, "-m", "helpers.datasets", name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    n = len(sources.registry()[name]["files"])
    assert done.stdout == f"{sources.registry()[name]['title']}: 0 of {n} files, all out of reach\n"


# --- without a network --------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_offline_makes_no_connection(course, monkeypatch, value):
    course.entry["urls"] = ["http://127.0.0.1:9/set.bin"]
    monkeypatch.setenv("COURSE_OFFLINE", value)
    monkeypatch.setattr(sources, "_fetch", lambda *_: pytest.fail("it tried to connect"))
    assert sources.find("set") is None


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_offline_can_be_switched_off(monkeypatch, value):
    monkeypatch.setenv("COURSE_OFFLINE", value)
    assert not sources.offline()


def test_a_closed_port_is_reported_at_once(course, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        course.entry["urls"] = [f"http://127.0.0.1:{unused.getsockname()[1]}/set.bin"]
        started = time.monotonic()
        assert sources.find("set") is None
    assert time.monotonic() - started < 5
    assert "no connection" in capsys.readouterr().out


def test_an_unreachable_host_does_not_hang(course, monkeypatch, capsys):
    monkeypatch.setattr(sources, "CONNECT_TIMEOUT", 0.3)
    # A full queue of connections: further ones are never answered, as behind a silent firewall.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        crowd = [socket.socket() for _ in range(4)]
        for guest in crowd:
            guest.setblocking(False)
            guest.connect_ex(full.getsockname())
        time.sleep(0.1)
        course.entry["urls"] = [f"http://127.0.0.1:{full.getsockname()[1]}/set.bin"]
        started = time.monotonic()
        assert sources.find("set") is None
        assert time.monotonic() - started < 5
        for guest in crowd:
            guest.close()
    assert "no answer in time" in capsys.readouterr().out


def test_a_silent_server_does_not_hang(course, server, monkeypatch, capsys):
    monkeypatch.setattr(sources, "READ_TIMEOUT", 0.3)
    server.pages["/slow"] = CONTENT
    course.entry["urls"] = [server.url("/slow")]
    started = time.monotonic()
    assert sources.find("set") is None
    assert time.monotonic() - started < 5
    assert "broke off" in capsys.readouterr().out


def test_limits_are_those_promised():
    assert sources.CONNECT_TIMEOUT == 5


# --- damaged files ------------------------------------------------------------------------------


def test_flipped_byte_in_local_copy(course):
    course.use_local()
    put(course.local, flipped(CONTENT))
    with pytest.raises(DataError) as error:
        sources.find("set")
    message = str(error.value)
    assert str(course.local) in message
    assert f"expected {SHA256[:16]}" in message
    assert "Copy it again" in message


@pytest.mark.parametrize("damage", [flipped, lambda content: content[:-1], lambda _: b""])
def test_damaged_cache(course, damage):
    put(course.cached, damage(CONTENT))
    with pytest.raises(DataError) as error:
        sources.find("set")
    message = str(error.value)
    assert str(course.cached) in message
    assert f"expected {SHA256[:16]}" in message
    assert "Delete it" in message


def test_the_remedy_for_a_damaged_cache_works(course, server):
    server.pages["/set.bin"] = CONTENT
    course.entry["urls"] = [server.url("/set.bin")]
    put(course.cached, flipped(CONTENT))
    with pytest.raises(DataError):
        sources.find("set")
    course.cached.unlink()
    assert sources.find("set").origin == "download"


@pytest.mark.parametrize("as_file", [False, True])
def test_course_data_points_nowhere(course, tmp_path, monkeypatch, as_file):
    nowhere = tmp_path / "nowhere"
    if as_file:
        nowhere.write_text("not a folder")
    monkeypatch.setenv("COURSE_DATA", str(nowhere))
    with pytest.raises(DataError, match=r"COURSE_DATA is set to .*nowhere.*not a folder.*unset it"):
        sources.find("set")


def test_cache_cannot_be_made(course, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("a file")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "taken"))
    with pytest.raises(DataError, match=r"taken cannot be made .*COURSE_CACHE"):
        sources.find("set")


def test_home_is_understood(course, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", "~/elsewhere")
    monkeypatch.setenv("COURSE_DATA", "~/data")
    put(course.local, CONTENT)
    assert sources.find("set").path == course.local
    assert sources.cache_dir() == tmp_path / "elsewhere"


# --- files are whole or absent ------------------------------------------------------------------


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), sources.written_whole(path) as part:
        part.write_text("half")
        raise ZeroDivisionError
    assert path.read_text() == "old"
    assert leftovers(tmp_path) == []


def test_others_who_are_writing_are_left_alone(tmp_path):
    path = tmp_path / "file"
    with sources.written_whole(path) as first:
        first.write_text("first")
        with sources.written_whole(path) as second:
            assert first.exists()
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"

    elsewhere = tmp_path / ".part-file-another_machine-1-abcdefgh"
    elsewhere.write_text("half")
    with sources.written_whole(path):
        assert elsewhere.exists()
    os.utime(elsewhere, (0, time.time() - sources.ABANDONED - 60))
    with sources.written_whole(path):
        assert not elsewhere.exists()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_download_leaves_nothing_by_the_final_name(course, server):
    server.pages.update({"/slow": CONTENT, "/set.bin": CONTENT})
    entry = {**course.entry, "urls": [server.url("/slow")]}
    script = f"""
        from helpers import datasets, sources
        sources.registry = lambda: {{"set": {{"files": [{entry!r}]}}}}
        sources.find("set")
    """
    folder = course.cached.parent
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)]) as child:
        try:
            wait_until(lambda: any(p.stat().st_size for p in folder.glob(".part-set.bin-*")), child)
        finally:
            child.send_signal(signal.SIGKILL)
    assert not course.cached.exists()
    assert len(leftovers(folder)) == 1

    course.entry["urls"] = [server.url("/set.bin")]
    assert sources.find("set").origin == "download"
    assert course.cached.read_bytes() == CONTENT
    assert leftovers(folder) == []


def wait_until(condition, child, seconds=20):
    for _ in range(seconds * 50):
        if condition():
            return
        assert child.poll() is None, "the child ended before it could be killed"
        time.sleep(0.02)
    pytest.fail("the child never began to write")


# --- words --------------------------------------------------------------------------------------


def test_report_line():
    about = {"title": "CIFAR-10", "variant": "JPEG copy, quality 75", "credit": "A. Krizhevsky"}
    source = Source(origin="local copy", sha256=SHA256, items=60_000, **about)
    assert str(source) == (
        f"CIFAR-10 (JPEG copy, quality 75): 60,000 images, local copy, sha256 {SHA256[:8]}…"
    )
    one = Source("CIFAR-10", "toy10, seed 0", "drawn here", SHA256, 1, "drawn", stand_in=True)
    assert str(one) == (
        f"STAND-IN for CIFAR-10 (toy10, seed 0): 1 image, drawn here, sha256 {SHA256[:8]}…"
    )


def test_the_registry_is_complete():
    for name, about in sources.registry().items():
        assert {"title", "credit", "homepage", "licence", "stand_in", "files"} <= set(about), name
        for entry in about["files"]:
            assert {"name", "variant", "local", "sha256", "urls"} <= set(entry), name
            assert len(bytes.fromhex(entry["sha256"])) == 32
            assert all(url.startswith("https://") for url in entry["urls"])


def test_the_official_address_comes_first():
    archive = sources.registry()["cifar10"]["files"][0]
    assert archive["urls"][0] == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert archive["sha256"] == "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    assert len(archive["urls"]) > 1
