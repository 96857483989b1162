"""How each contestant is run as a process: image-assets, and its peers in an environment of their own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.day_contestants.squares import MODEL
from benchmarks.peaks import communicate
from image_assets.workers import cores

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".venv-day-peers"
DATACHAIN, PIXELTABLE = "DataChain", "Pixeltable"


class ContestantFailed(RuntimeError):
    """A contestant ended with an error, or has other rows than photos; the message is the end of what it printed."""


@dataclass(frozen=True)
class Contestant:
    """A program that brings the features of a day's photos up to date.

    Attributes:
        command: Its command line.
        environment: The variables that it is given, all of them.
        folder: The folder that it is run in.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True)
class Timed:
    """A process that came to its end.

    Attributes:
        printed: On its standard output.
        seconds: From its start to its end.
        processor: Seconds of the processor, of it and of the processes that it waited for.
        peak_bytes: The most memory of the process itself.
    """

    printed: str
    seconds: float
    processor: float
    peak_bytes: int


def timed(contestant: Contestant) -> Timed:
    """Run a contestant. Raises `ContestantFailed` where it ends with an error."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(
        contestant.command,
        cwd=contestant.folder,
        env=dict(contestant.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed, said, peak = communicate(process)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise ContestantFailed(f"{contestant.command} ended with {process.returncode}:\n{(said + printed)[-3000:]}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Timed(printed, seconds, processor, peak)


def ours(root: Path, day: str, environment: Mapping[str, str]) -> Contestant:
    """`image-assets run` on the landing zone, the store and the dataset file in `root`."""
    places = ["--dataset", "dataset.yaml", "--landing", "landing", "--store", "store", "--day", day]
    command = [sys.executable, "-m", "image_assets.cli", "run", *places, "--until", "image_features", "--json"]
    return Contestant(command, {**environment, "DAGSTER_HOME": str((root / "dagster").resolve())}, root)


def peers(root: Path, model: Path, environment: Mapping[str, str]) -> dict[str, Contestant]:
    """The peers, on the landing zone in `root`, with what they keep in folders beside it.

    DataChain's processes look for modules in the folder that it is run in.
    """
    landing = str((root / "landing").resolve())
    shared = {**environment, MODEL: str(model.resolve()), "PYTHONPATH": str(ROOT), "PATH": _path(environment)}
    keeps = {
        DATACHAIN: {"DATACHAIN_ROOT_DIR": "datachain", "DO_NOT_TRACK": "1", "DATACHAIN_NO_ANALYTICS": "1"},
        PIXELTABLE: {"PIXELTABLE_HOME": "pixeltable"},
    }
    arguments = {DATACHAIN: [landing, str(cores())], PIXELTABLE: [landing]}
    found = {}
    for name, variables in keeps.items():
        home = (root / f"home-{name.lower()}").resolve()
        home.mkdir(parents=True, exist_ok=True)
        own = {key: str(home / value) if key.endswith(("DIR", "HOME")) else value for key, value in variables.items()}
        module = f"benchmarks.day_contestants.with_{name.lower()}"
        command = [str(PEERS / "bin" / "python"), "-m", module, *arguments[name]]
        found[name] = Contestant(command, {**shared, **own, "HOME": str(home)}, ROOT)
    return found


def rows_of_peer(run: Timed) -> int:
    """How many rows a peer says that its table has, in the last line that it prints."""
    return int(run.printed.split()[-1])


def _path(environment: Mapping[str, str]) -> str:
    return os.pathsep.join([str(PEERS / "bin"), environment.get("PATH", os.defpath)])
