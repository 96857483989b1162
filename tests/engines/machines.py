"""Machines with addresses of their own, on a network that can be cut: network namespaces of Linux, and Ray on them.

Each is a namespace with one end of a pair of virtual cables; the other ends are on a bridge in a namespace that stands
for the switch. Nothing of them is seen from outside but their names, and these are what is removed at the end. Disks
are not part of it: all machines see the same files, but for a folder each in which Ray keeps its own.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_RAY = Path(sys.executable).with_name("ray")
_HEAD, _PORT = "head", 6379
# What is private to a machine is mounted over a folder of all, before the command begins.
_WITH_OWN_FOLDER = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
_SECONDS = 60
# Ray itself gives up after half a minute, which is short where others use the machine as well.
_STARTS = 8
_STARTED = "Ray runtime started"


@dataclass(frozen=True)
class Begun:
    """A command on a machine, and the file of what it prints."""

    process: subprocess.Popen[bytes]
    says: Path

    def said(self) -> str:
        """What it has printed until now."""
        return self.says.read_text(encoding="utf-8", errors="replace")


class Network:
    """A switch and the machines on it.

    Args:
        folder: For what is the machines' own; its path is short, as those of sockets below it must be.
        name: Its own; the namespaces' names begin with it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._shared = folder / "ray"
        self._shared.mkdir()
        self._machines: list[str] = []
        self._commands = 0
        self._made = ExitStack()

    def begin_switch(self) -> None:
        """Have something to put machines on."""
        self._namespace_of("switch")
        self._in("switch", "link", "add", "bridge", "type", "bridge")
        self._in("switch", "link", "set", "bridge", "up")

    def add(self, machine: str) -> None:
        """Put a machine on the network."""
        self._namespace_of(machine)
        self._machines.append(machine)
        ends = ["type", "veth", "peer", "name", "cable", "netns", self._namespace(machine)]
        self._in("switch", "link", "add", f"to-{machine}", *ends)
        self._in("switch", "link", "set", f"to-{machine}", "master", "bridge", "up")
        self._in(machine, "address", "add", f"{self.address(machine)}/24", "dev", "cable")
        for device in ("lo", "cable"):
            self._in(machine, "link", "set", device, "up")

    def address(self, machine: str) -> str:
        """The address of a machine."""
        return f"10.87.0.{1 + self._machines.index(machine)}"

    def cut(self, machine: str) -> None:
        """Take a machine off the network. It goes on working, and nobody reaches it any more."""
        self._in("switch", "link", "set", f"to-{machine}", "down")

    def reaches(self, machine: str, other: str) -> bool:
        """Whether one machine reaches another."""
        program = f"import socket; socket.create_connection(({self.address(other)!r}, 9), timeout=2)"
        asked = subprocess.run(self._on(machine, [sys.executable, "-c", program]), capture_output=True, text=True)
        return "ConnectionRefusedError" in asked.stderr  # somebody is there to refuse

    def begin(self, machine: str, command: Sequence[str], **more: str) -> Begun:
        """Begin a command on a machine; what it prints is in a file beside the machine's own folder."""
        # Ray's workers are by themselves nicer than what else a machine does.
        rays = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
        surroundings = {**os.environ, "PYTHONPATH": str(_ROOT), **rays, **more}
        self._commands += 1
        says = self._folder / f"{self._commands}-{machine}.txt"
        with says.open("wb") as said:
            process = subprocess.Popen(self._on(machine, command), env=surroundings, stdout=said, stderr=said)
        self._made.callback(process.wait, _SECONDS)
        self._made.callback(process.kill)
        return Begun(process, says)

    def start_ray(self, machine: str, cores: int) -> None:
        """Start Ray on a machine: the first is the head. Where it was too slow to start, it is started again."""
        own = ["start", "--block", "--node-ip-address", self.address(machine), "--num-cpus", str(cores)]
        memory = ["--object-store-memory", "100000000", "--disable-usage-stats"]
        if machine == _HEAD:
            place = ["--head", "--port", str(_PORT), "--temp-dir", str(self._shared), "--include-dashboard", "false"]
        else:
            place = ["--address", self.ray_address]
        said = ""
        for _ in range(_STARTS):
            begun = self.begin(machine, [str(_RAY), *own, *memory, *place])
            while begun.process.poll() is None:
                if _STARTED in begun.said():
                    return
                time.sleep(0.2)
            said = begun.said()
            _end_all(self._namespace(machine))  # what it had begun by then, and does not end itself
        raise RuntimeError(f"Ray does not start on {machine}: {said[-2_000:]}")

    @property
    def ray_address(self) -> str:
        """Where the cluster is asked."""
        return f"{self.address(_HEAD)}:{_PORT}"

    def remove(self) -> None:
        """End all that runs on the machines, and remove them, the last first; what cannot be is no reason to stop."""
        self._made.close()

    def _namespace_of(self, machine: str) -> None:
        _ip("netns", "add", self._namespace(machine))
        self._made.callback(_remove, self._namespace(machine))

    def _namespace(self, machine: str) -> str:
        return f"{self._name}-{machine}"

    def _in(self, machine: str, *words: str) -> None:
        _ip("-netns", self._namespace(machine), *words)

    def _on(self, machine: str, command: Sequence[str]) -> list[str]:
        own = self._folder / machine
        own.mkdir(exist_ok=True)
        inside = ["sh", "-c", _WITH_OWN_FOLDER, "sh", str(own), str(self._shared), *command]
        return ["ip", "netns", "exec", self._namespace(machine), *inside]


@contextmanager
def network(*machines: str, name: str = "net") -> Iterator[Network]:
    """A network with machines, which is gone at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="ia-"))
    net = Network(folder, f"ia-{os.getpid()}-{name}")
    try:
        net.begin_switch()
        for machine in machines:
            net.add(machine)
        yield net
    finally:
        try:
            net.remove()
        finally:
            shutil.rmtree(folder)


def why_there_is_none() -> str:
    """Why no network can be made here, in a line; empty where one can be made."""
    if shutil.which("ip") is None:
        return "there is no `ip`; it is in the package iproute2"
    try:
        with network("one", name="tried"):
            pass
    except subprocess.CalledProcessError as error:
        return f"no network namespaces can be made here: {error.stderr.strip()}"
    return ""


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=_SECONDS).stdout


def _processes(namespace: str) -> list[int]:
    return [int(process) for process in _ip("netns", "pids", namespace).split()]


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _remove(namespace: str) -> None:
    _end_all(namespace)
    _ip("netns", "delete", namespace)


def _end_all(namespace: str) -> None:
    """End the processes in a namespace, also those that one began when it was ended."""
    until = time.monotonic() + _SECONDS
    while left := _processes(namespace):
        for process in left:
            _kill(process)
        if time.monotonic() > until:
            raise TimeoutError(f"processes {left} do not end")
        time.sleep(0.1)
