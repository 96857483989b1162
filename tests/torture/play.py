"""Running a row's tests, and what they tell of it."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from image_assets.memory import memory_of_machine
from image_assets.workers import cores
from tests.torture.rows import Row
from tests.torture.size import FIGURES, FULL, SIZE

ROOT = Path(__file__).resolve().parents[2]
_KEPT_FAILURES = 5


@dataclass(frozen=True)
class Machine:
    """What a row was played on."""

    cores: int
    memory_gb: int
    system: str
    python: str

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.memory_gb} GB, {self.system}, Python {self.python}"


def this_machine() -> Machine:
    """The machine that this is."""
    return Machine(cores(), round(memory_of_machine() / 1e9), platform.system(), platform.python_version())


@dataclass(frozen=True)
class Played:
    """What became of a row.

    Attributes:
        row: Its name.
        date: The day.
        size: As it was asked for: `full` or a number.
        rounds: How many were played.
        seconds: How long it took.
        machine: Where.
        figures: What its tests counted.
        skipped: Tests that could not run there.
        failed: The first tests that failed, or what else was wrong.
    """

    row: str
    date: str
    size: str
    rounds: int
    seconds: int
    machine: Machine
    figures: dict[str, float] = field(default_factory=dict)
    skipped: int = 0
    failed: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: dict[str, Any]) -> Played:
        """As `as_json` gave it."""
        changed = {"machine": Machine(**content["machine"]), "failed": tuple(content["failed"])}
        return cls(**{**content, **changed})


def play(row: Row, size: str = FULL) -> Played:
    """Run a row's tests at a size.

    Whatever is missing is told as a failure: tests that end in another way than they should, or that tell nothing.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report, figures = Path(folder, "report.xml"), Path(folder, "figures.jsonl")
        beside = ["-n", str(row.beside), "--dist", "load"]
        ended = subprocess.run(
            [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                f"--junitxml={report}",
                *beside,
                *row.tests,
            ],
            cwd=ROOT,
            env={**os.environ, SIZE: size, FIGURES: str(figures)},
            check=False,
        )
        passed, skipped, failed = _outcomes(report)
        told = [json.loads(line) for line in figures.read_text().splitlines()] if figures.exists() else []
    told = [one for one in told if one["row"] == row.name]
    counted = Counter[str]()
    for one in told:
        counted.update(one["figures"])
    rounds = passed if row.counted else sum(one["rounds"] for one in told)
    failed += [] if failed or ended.returncode == 0 else [f"pytest ended with status {ended.returncode}"]
    failed += [] if rounds or failed else ["nothing was played"]
    date, seconds = dt.date.today().isoformat(), round(time.monotonic() - began)
    return Played(
        row.name, date, size, rounds, seconds, this_machine(), dict(counted), skipped, tuple(failed[:_KEPT_FAILURES])
    )


def _outcomes(report: Path) -> tuple[int, int, list[str]]:
    """How many tests passed and were skipped, and which failed."""
    passed, skipped, failed = 0, 0, list[str]()
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            found = {child.tag for child in case}
            if found & {"failure", "error"}:
                failed.append(str(case.get("name")))
            elif "skipped" in found:
                skipped += 1
            else:
                passed += 1
    return passed, skipped, failed
