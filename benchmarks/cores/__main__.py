"""`python -m benchmarks.cores`: images per second of engine and door on 1, 2, 4, 8, 16 … cores, by processes × threads.

Every line is beside its ceiling: as many independent processes of one thread as there are cores, which share nothing
and wait for nobody. Cores are given by affinity: what is measured is what a machine of so many would do, but for what
its cores share. Processes have begun and loaded the model before the clock starts. Photos lie in the page cache.

It is also said how much of the time the interpreter lock is held in a process of four
threads on two cores: that grows before anything else does, on any machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from benchmarks.cores.photos import photos
from benchmarks.cores.work import WORK
from image_assets.environment import PROCESSES

_ROOT = Path(__file__).resolve().parents[2]
_MOST_PROCESSES = 16
_PHOTOS = 300
LOCK_GOAL = 0.25


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Attributes:
        work: Name of what was done.
        cores: That it was given.
        processes: Of the threads; one for every core is the ceiling where `ceiling` is set.
        rate: Images per second.
        ceiling: Whether the processes were independent.
        lock: Share of the time that the interpreter lock was held; None where nobody watched.
    """

    work: str
    cores: int
    processes: int
    rate: float
    ceiling: bool = False
    lock: float | None = None


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cores", description=__doc__)
    parser.add_argument("--photos", type=Path, help="a folder of JPEG files; default: drawn ones")
    parser.add_argument("--cores", help="numbers of cores, separated by commas; default: powers of two and all")
    parser.add_argument("--of-a-core", type=int, default=1_500, help="images for every core")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = photos(options.photos, options.work / "drawn-photos", _PHOTOS)
    if not found:
        parser.error(f"no JPEG files in {options.photos}")
    options.work.mkdir(parents=True, exist_ok=True)
    names = options.work / "cores-photos.txt"
    names.write_text("\n".join(str(path.resolve()) for path in found), encoding="utf-8")
    figures: list[Figure] = []
    usable = sorted(os.sched_getaffinity(0))
    numbers = [int(one) for one in options.cores.split(",")] if options.cores else _numbers(len(usable))
    if not all(1 <= one <= len(usable) for one in numbers):
        parser.error(f"--cores {options.cores}: there are {len(usable)} here")
    for work in WORK:
        for number in numbers:
            figures += _on_cores(work, usable[:number], options.of_a_core, names)
            _say(figures[-1 - len(_shares(number)) :], sys.stdout)
            _keep(figures, options.json)
        if len(usable) >= 2:
            figures.append(_lock(work, usable[:2], options.of_a_core, names))
            sys.stdout.write(
                f"{work}: of the time of a process of four threads on two cores the interpreter lock is held "
                f"{figures[-1].lock:.2f}, goal < {LOCK_GOAL}\n"
            )
            _keep(figures, options.json)


def _numbers(cores: int) -> list[int]:
    """Powers of two up to the cores that there are, and these."""
    return sorted({cores, *(2**power for power in range(cores.bit_length()) if 2**power <= cores)})


def _shares(cores: int) -> list[int]:
    """The numbers of processes to share so many cores."""
    return [number for number in _numbers(min(cores, _MOST_PROCESSES)) if cores % number == 0]


def _on_cores(work: str, usable: Sequence[int], of_a_core: int, names: Path) -> list[Figure]:
    images, cores = of_a_core * len(usable), len(usable)
    alone = [_Contestant(work, [core], 1, of_a_core, names) for core in usable]
    found = [Figure(work, cores, cores, images / _together(alone)[0], ceiling=True)]
    for processes in _shares(cores):
        one = _Contestant(work, usable, processes, images, names)
        found.append(Figure(work, cores, processes, images / _together([one])[0]))
    return found


def _lock(work: str, usable: Sequence[int], of_a_core: int, names: Path) -> Figure:
    images = of_a_core * len(usable)
    one = _Contestant(work, usable, 1, images, names, "--lock", "--threads", "4")
    seconds, (said,) = _together([one])
    return Figure(work, len(usable), 1, images / seconds, lock=said["lock"])


class _Contestant:
    """A process that gets ready on its cores."""

    def __init__(
        self, work: str, usable: Sequence[int], processes: int, images: int, names: Path, *options: str
    ) -> None:
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.cores.contestant", work, "--images", str(images)),
                *("--photos", str(names.resolve()), *options),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, usable),
            cwd=_ROOT,
            env={**os.environ, PROCESSES.name: str(processes)},
        )

    def line(self) -> str:
        """What it says next."""
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise SystemExit(f"a contestant ended with {self.process.wait()}: see above")
        return said

    def go(self) -> None:
        """Tell it to begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


def _together(contestants: Sequence[_Contestant]) -> tuple[float, list[dict]]:
    """Have all begin at the same moment; seconds until the last is done, and what each said."""
    for one in contestants:
        one.line()
    began = time.perf_counter()
    for one in contestants:
        one.go()
    said = [json.loads(one.line()) for one in contestants]
    seconds = time.perf_counter() - began
    for one in contestants:
        one.process.communicate()
    return seconds, said


def _say(figures: Sequence[Figure], to: TextIO) -> None:
    ceiling = next(one for one in figures if one.ceiling)
    for one in figures:
        shape = "independent" if one.ceiling else f"{one.processes} × {-(-one.cores // one.processes)}"
        to.write(f"{one.work:8}{one.cores:4} cores  {shape:12}{one.rate:10,.0f}/s{one.rate / ceiling.rate:7.2f}\n")
    to.flush()


def _keep(figures: Sequence[Figure], path: Path | None) -> None:
    if path is not None:
        path.write_text(json.dumps([asdict(one) for one in figures], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
