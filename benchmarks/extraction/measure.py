"""Runs one contestant in a process of its own: how long it took, and the most memory of all its processes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.extraction.inputs import Inputs, quiet_environment

_SAMPLE_SECONDS = 0.5


class ContestantFailed(RuntimeError):
    """A contestant ended with an error; the message has the end of what it printed."""


@dataclass(frozen=True)
class Run:
    """One run of one contestant.

    Attributes:
        images: Photos given.
        whole: Seconds of the process, start-up included.
        worked: Seconds since the contestant said that it was ready.
        peak_bytes: Most memory of its processes together; what they share counts once.
    """

    images: int
    whole: float
    worked: float
    peak_bytes: int


def run_contestant(name: str, inputs: Inputs, images: int, output: Path) -> Run:
    """Run a contestant on the first `images` photos.

    Raises:
        ContestantFailed: it ended with an error.
    """
    command = [sys.executable, "-m", "benchmarks.extraction.contestant", name]
    options = ["--photos", inputs.photos, "--images", images, "--module", inputs.module, "--output", output]
    output.unlink(missing_ok=True)
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, *map(str, options)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=quiet_environment(inputs),
    )
    peak = _Peak(process.pid)
    printed, errors = process.communicate()
    whole = time.perf_counter() - began
    peak_bytes = peak.stop()
    if process.returncode:
        raise ContestantFailed(f"{name} ended with {process.returncode}:\n{errors[-3000:]}")
    said = json.loads(printed.strip().splitlines()[-1])
    return Run(said["images"], whole, said["seconds"], peak_bytes)


class _Peak:
    """Samples the memory of a process and all that descend from it, as proportional set size: Linux only."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self._peak

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(map(_memory, _family(self._pid))))


def _family(pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:  # it ended meanwhile
                continue
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
