"""Run a program with nothing in reach: bubblewrap, limits, and somebody who watches.

The program sees the system and the packages read-only, a folder of its own job, and temporary
folders that vanish with it. It has no network, no capabilities, no other process and no way to
write anything that stays. What it has to say it says on its standard output, up to a limit.

Started by root, the program runs as a user that exists nowhere else, so that limits on the number
of processes bind; started by anybody else, in a user namespace.
"""

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MB = 1_000_000
HELP = (
    "Grading runs what students wrote, so it needs a sandbox. Install bubblewrap (on Debian and "
    "Ubuntu: apt-get install bubblewrap) on Linux; nothing is graded without it."
)
FIRST_UID = 2_000_000_000  # far above any user; one for each grading process


class NoSandbox(RuntimeError):
    """There is no sandbox here, or one that does not confine."""


@dataclass(frozen=True)
class Limits:
    """What a program may use.

    Attributes
    ----------
    wall, cpu : float
        Seconds.
    start : float
        Seconds until the first word.
    silence : float
        Seconds without a word, once it has begun.
    memory : int
        Bytes of all its processes together.
    temporary : int
        Bytes of its temporary folder.
    output : int
        Bytes that it may send.
    processes : int
        Processes and threads.
    """

    wall: float = 120
    cpu: float = 90
    start: float = 60
    silence: float = 60
    memory: int = 1_500 * MB
    temporary: int = 100 * MB
    output: int = 32 * MB
    processes: int = 64


@dataclass(frozen=True)
class Result:
    """What became of a program.

    Attributes
    ----------
    output : bytes
        What it sent, cut at the limit.
    ended : str
        ``"done"``, or what it was stopped for: ``"time"``, ``"memory"``, ``"output"``, or
        ``"died"`` where it stopped by itself without success.
    seconds, cpu_seconds : float
    memory : int
        Largest sum over its processes, in bytes.
    errors : str
        The end of what it wrote to standard error.
    """

    output: bytes
    ended: str
    seconds: float
    cpu_seconds: float
    memory: int
    errors: str


def packages():
    """Return the folders that Python needs to run with the course's packages."""
    python = [sys.base_prefix, sys.prefix, *site.getsitepackages()]
    found = []
    for path in map(Path, dict.fromkeys(python)):
        if not any(path.is_relative_to(other) for other in (*found, Path("/usr"))):
            found.append(path)
    return found


def command(program, shared, limits):
    """Return the command that runs a program in the sandbox.

    Parameters
    ----------
    program : list of str
        As seen from inside.
    shared : dict of str to pathlib.Path
        Where inside, and what from outside, read-only.
    limits : Limits
    """
    bubblewrap = shutil.which("bwrap")
    if not bubblewrap:
        raise NoSandbox(HELP)
    root = os.geteuid() == 0
    uid = str(FIRST_UID + os.getpid())
    wrapped = [bubblewrap, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    wrapped += ["--unshare-cgroup-try", "--die-with-parent", "--new-session", "--clearenv"]
    wrapped += ["--hostname", "sandbox", "--cap-drop", "ALL"]
    if root:  # keep what it takes to become somebody else, and nothing more
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            wrapped += ["--cap-add", capability]
    else:
        wrapped += ["--unshare-user", "--uid", uid, "--gid", uid]
    wrapped += ["--ro-bind", "/usr", "/usr"]
    for name in ("lib", "lib64", "bin", "sbin"):
        if Path("/", name).is_symlink():
            wrapped += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
        elif Path("/", name).is_dir():
            wrapped += ["--ro-bind", f"/{name}", f"/{name}"]
    wrapped += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    wrapped += ["--proc", "/proc", "--dev", "/dev"]
    small = str(16 * MB)
    wrapped += ["--perms", "1777", "--size", small, "--tmpfs", "/dev/shm"]
    wrapped += ["--perms", "1777", "--size", str(limits.temporary), "--tmpfs", "/tmp"]
    # After the temporary folders: the course itself may lie below /tmp.
    bound = {str(folder): folder for folder in packages()}
    for inside in sorted({str(p) for path in (*bound, *shared) for p in Path(path).parents}):
        if inside != "/" and not Path(inside).is_relative_to("/usr"):
            wrapped += ["--perms", "0755", "--dir", inside]
    for inside, outside in bound.items():
        wrapped += ["--ro-bind", str(outside), inside]
    for inside, outside in shared.items():
        wrapped += ["--ro-bind", str(outside), inside]
    wrapped += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "IPYTHONDIR": "/tmp/ipython",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    for name, value in environment.items():
        wrapped += ["--setenv", name, value]
    ulimits = [
        f"--nproc={limits.processes}",
        f"--cpu={limits.cpu:.0f}",
        f"--as={2 * limits.memory}",
        f"--fsize={limits.temporary}",
        "--nofile=256",
        "--core=0",
    ]
    inside = ["prlimit", *ulimits]
    if root:
        inside = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--no-new-privs",
                  "--inh-caps=-all", "--bounding-set=-all", *inside]  # fmt: skip
    return [*wrapped, "--", *inside, *program]


def run(program, shared, limits=None):
    """Run a program in the sandbox, watch it, and stop it where it goes too far.

    Parameters
    ----------
    program : list of str
    shared : dict of str to pathlib.Path
        Where inside, and what from outside, read-only.
    limits : Limits, optional

    Returns
    -------
    Result

    Raises
    ------
    NoSandbox
        If bubblewrap is missing or does not start.
    """
    limits = limits or Limits()
    adopt()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    errors = tempfile.TemporaryFile()
    process = subprocess.Popen(
        command(program, shared, limits),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        start_new_session=True,
    )
    ended, chunks, size, memory, looked, heard = None, [], 0, 0, 0.0, start
    patience = limits.start
    pipe = process.stdout.fileno()
    try:
        while ended is None:
            ready, _, _ = select.select([pipe], [], [], 0.1)
            if ready:
                chunk = os.read(pipe, 1 << 16)
                if not chunk:
                    break
                heard, patience = time.monotonic(), limits.silence
                chunks.append(chunk)
                size += len(chunk)
                if size > limits.output:
                    ended = "output"
            now = time.monotonic()
            if now - looked > 0.2:
                looked = now
                memory = max(memory, memory_of(process.pid))
            if memory > limits.memory:
                ended = "memory"
            elif now - start > limits.wall or now - heard > patience:
                ended = "time"
            elif process.poll() is not None and not ready:
                break
        if ended is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
    finally:
        stop(process)
    if ended is None:
        ended = "done" if process.returncode == 0 else "died"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - 2000))
    text = errors.read().decode("utf-8", "replace")
    errors.close()
    if ended == "died" and text.startswith("bwrap:"):
        raise NoSandbox(f"{text.strip()}\n{HELP}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = time.monotonic() - start
    return Result(b"".join(chunks)[: limits.output], ended, seconds, cpu, memory, text)


def memory_of(pid):
    """Return the bytes of memory that a process and all below it hold."""
    total = 0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
    return total


def stop(process):
    """End a sandbox: when its first process dies, the kernel ends all others in it."""
    with contextlib.suppress(psutil.Error, ProcessLookupError):
        for child in psutil.Process(process.pid).children():
            child.kill()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()
    process.wait()
    reap()


def adopt():
    """Become the parent of whatever the sandbox leaves, so that its CPU time is counted here."""
    set_child_subreaper = 36
    ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0)


def reap():
    """Wait for the first process of the sandbox, which bubblewrap leaves to us."""
    deadline = time.monotonic() + 2
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.005)


# --- does it confine? ---------------------------------------------------------------------------

TRIAL = """
import os, socket, sys
port, secret = int(sys.argv[1]), sys.argv[2]
found = []
try:
    socket.create_connection(("127.0.0.1", port), 1)
    found.append("it reaches the network of this computer")
except OSError:
    pass
if os.path.exists(secret):
    found.append("it sees a file that was not shared with it")
for path in ("/here", "/usr/here", "/dev/here", "/job/here"):
    try:
        open(path, "w")
        found.append(f"it can write {path}")
    except OSError:
        pass
if os.getuid() == 0:
    found.append("it runs as root")
print(";".join(found) or "confined")
"""


def prove():
    """Start a sandbox and try to get out of it.

    Raises
    ------
    NoSandbox
        If there is none, or something is in reach that should not be.
    """
    if sys.platform != "linux":
        raise NoSandbox(HELP)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        os.chmod(folder, 0o755)
        job, secret = Path(folder, "job"), Path(folder, "secret")
        job.mkdir()
        secret.write_text("secret")
        accepted = threading.Thread(target=_accept, args=(server,), daemon=True)
        accepted.start()
        port = str(server.getsockname()[1])
        program = [sys.executable, "-c", TRIAL, port, str(secret)]
        result = run(program, {"/job": job}, Limits(wall=30))
    said = result.output.decode("utf-8", "replace").strip()
    if said != "confined":
        raise NoSandbox(f"the sandbox does not confine: {said or result.errors.strip()}. {HELP}")


def _accept(server):
    with contextlib.suppress(OSError):
        server.accept()
