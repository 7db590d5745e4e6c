"""A real Slurm of two nodes on this computer: Debian's daemons on loopback addresses."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

CONFIG = Path(__file__).resolve().parent / "slurm"
PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "sinfo")
NODES = ("n1", "n2")


def missing():
    """Say what this computer lacks, or return an empty string."""
    absent = [p for p in PROGRAMS if not shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin")]
    packages = "apt-get install slurmctld slurmd slurm-client munge"
    return f"{', '.join(absent)} missing: {packages}" if absent else ""


def free_ports(number):
    """Return ports that nobody listens on, one after the other."""
    for first in range(16800 + os.getpid() % 500, 18000, number):
        ports = range(first, first + number)
        if all(_is_free(port) for port in ports):
            return list(ports)
    raise RuntimeError("no free ports")


def _is_free(port):
    with closing(socket.socket()) as server:
        return server.connect_ex(("127.0.0.1", port)) != 0


class Cluster:
    """Starts the daemons, and ends what it started."""

    def __init__(self, folder):
        self.folder = folder
        self.public = Path(tempfile.mkdtemp(prefix="slurm-"))  # munge wants a folder open to all
        self.public.chmod(0o755)
        self.name = f"course{os.getpid()}"
        control, first, second = free_ports(3)
        for name in ("state", "spool-n1", "spool-n2"):
            (folder / name).mkdir(parents=True)
        for file in CONFIG.glob("*.conf"):
            text = file.read_text()
            if file.name == "slurm.conf":
                text = text.format(
                    name=self.name,
                    user=getpass.getuser(),
                    folder=folder,
                    public=self.public,
                    port=control,
                    first=first,
                    second=second,
                )
            (folder / file.name).write_text(text)
        self.environment = {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        self.processes = {}

    def _start(self, name, *command, **more):
        log = open(self.folder / f"{name}.out", "w")
        self.processes[name] = subprocess.Popen(
            command, env={**os.environ, **self.environment, **more}, stdout=log, stderr=log
        )

    def _start_node(self, node):
        self._start(node, "/usr/sbin/slurmd", "-D", "-N", node, SLURMD_NODENAME=node)

    def _known_inside_jobs(self):
        """Let srun find the configuration in a job, from which Snakemake takes $SLURM_CONF."""
        srun = self.folder / "bin" / "srun"
        srun.parent.mkdir()
        srun.write_text(
            f"#!/bin/sh\nexport SLURM_CONF={self.folder / 'slurm.conf'}\n"
            f'exec {shutil.which("srun")} "$@"\n'
        )
        srun.chmod(0o755)

    def __enter__(self):
        try:
            self._known_inside_jobs()
            self._start_munge()
            self._start("slurmctld", "/usr/sbin/slurmctld", "-D", "-c")
            for node in NODES:
                self._start_node(node)
            self._wait_for(lambda: self.states() == {"n1": "idle", "n2": "idle"})
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *problem):
        self.stop()

    def _start_munge(self):
        """Start the daemon by which Slurm's programs know each other, with a key of its own."""
        key, where = self.folder / "munge.key", f"--socket={self.public / 'munge.socket'}"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = [f"--{n}-file={self.folder / f'munge.{n}'}" for n in ("pid", "log", "seed")]
        self._start("munged", "/usr/sbin/munged", "-F", f"--key-file={key}", where, *files)
        self._wait_for(
            lambda: subprocess.run(["munge", "-n", where], capture_output=True).returncode == 0
        )

    def _wait_for(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                logs = [p.read_text()[-2000:] for p in self.folder.glob("*.out")]
                raise RuntimeError("the cluster did not get there:\n" + "\n".join(logs))
            time.sleep(0.25)

    def ask(self, *command):
        """Return what one of Slurm's commands prints."""
        done = subprocess.run(
            command, env={**os.environ, **self.environment}, capture_output=True, text=True
        )
        return done.stdout

    def states(self):
        """Return the state of every node."""
        return dict(
            line.split() for line in self.ask("sinfo", "-h", "-N", "-o", "%N %t").splitlines()
        )

    def running(self, node):
        """Return the ids of jobs that run on a node."""
        return self.ask("squeue", "-h", "-t", "R", "-w", node, "-o", "%i").split()

    def jobs(self):
        """Return what the controller says of all jobs: JobState, NodeList, StartTime and others.

        TresPerJob, where a job has it, says how many GPUs it asked for.
        """
        lines = self.ask("scontrol", "show", "jobs", "--oneliner").splitlines()
        return [dict(item.split("=", 1) for item in line.split() if "=" in item) for line in lines]

    def crash(self, node):
        """End a node as a power cut does: its daemon and all that it runs, at once."""
        self.processes[node].kill()
        for pid in self._of_node(node):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.processes.pop(node).wait()

    def repair(self, node):
        """Bring a node back after a crash, once the controller has found it missing."""
        self._wait_for(lambda: self.states()[node].startswith("down"))
        self._start_node(node)
        self._wait_for(lambda: self.states()[node] == "down")  # it answers again
        self.ask("scontrol", "update", f"nodename={node}", "state=resume")
        self._wait_for(lambda: not self.states()[node].startswith("down"))

    def _of_node(self, node):
        """Return the processes of a node: they carry its name, and that of this cluster."""
        ours = {
            f"SLURM_CONF={self.folder / 'slurm.conf'}".encode(),
            f"SLURM_CLUSTER_NAME={self.name}".encode(),
        }
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                about = set((folder / "environ").read_bytes().split(b"\0"))
            except OSError:
                continue
            if f"SLURMD_NODENAME={node}".encode() in about and ours & about:
                found.append(int(folder.name))
        return found

    def stop(self):
        """End everything that was started here."""
        self.ask(
            "scancel", "--full", "--signal=KILL", *self.ask("squeue", "-h", "-o", "%i").split()
        )
        for node in NODES:
            if node in self.processes:
                self.crash(node)
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.public, ignore_errors=True)
