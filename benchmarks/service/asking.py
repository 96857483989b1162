"""Asks a service from many connections at once, and notes how long each answer took."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np

from benchmarks.service.questions import Question

_PATIENCE = aiohttp.ClientTimeout(total=120)
_TICKS = 100  # of a processor in a second, as Linux counts them for programs


@dataclass(frozen=True)
class Asked:
    """What came of questions.

    Attributes:
        seconds: Of each answer that came, from the request on.
        whole: From the first question to the last answer.
        statuses: How often each came; 0: none came.
        wrong: Questions that were answered otherwise than they should be: their kind, and with what.
        processor: Seconds that the service's processes worked, system and user.
    """

    seconds: np.ndarray
    whole: float
    statuses: Counter[int]
    wrong: Counter[tuple[str, int]]
    processor: float

    @property
    def per_second(self) -> float:
        """Answers."""
        return len(self.seconds) / self.whole

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of answers took at most."""
        return float(np.quantile(self.seconds, share)) * 1_000


def ask(url: str, questions: Sequence[Question], connections: int, pid: int) -> Asked:
    """Ask all questions, so many at a time.

    Args:
        url: Of what classifies.
        questions: In the order in which they are begun.
        connections: At a time.
        pid: Of the service.
    """
    return asyncio.run(asked(url, questions, connections, pid))


async def asked(url: str, questions: Sequence[Question], connections: int, pid: int) -> Asked:
    """As `ask`, for who asks other things meanwhile."""
    seconds, statuses, wrong = list[float](), Counter[int](), Counter[tuple[str, int]]()
    before, began = processor_seconds(pid), time.perf_counter()
    async with aiohttp.ClientSession(timeout=_PATIENCE, connector=aiohttp.TCPConnector(limit=connections)) as session:
        await asyncio.gather(
            *[_ask_all(session, url, rest, (seconds, statuses, wrong)) for rest in [iter(questions)] * connections]
        )
    whole = time.perf_counter() - began
    return Asked(np.array(seconds), whole, statuses, wrong, processor_seconds(pid) - before)


async def _ask_all(
    session: aiohttp.ClientSession,
    url: str,
    questions: Iterator[Question],
    notes: tuple[list[float], Counter[int], Counter[tuple[str, int]]],
) -> None:
    seconds, statuses, wrong = notes
    for one in questions:
        began = time.perf_counter()
        try:
            async with session.post(url, data=one.body, headers=one.headers) as answer:
                await answer.read()
                status = answer.status
        except aiohttp.ClientError:
            status = 0
        else:
            seconds.append(time.perf_counter() - began)
        statuses[status] += 1
        if status != one.status:
            wrong[one.kind, status] += 1


def processor_seconds(pid: int) -> float:
    """What a process and those that it began have worked so far, on Linux."""
    return sum(_worked(one) for one in _family(pid)) / _TICKS


def resident_bytes(pid: int) -> int:
    """Memory of a process and those that it began."""
    lines = (line for one in _family(pid) for line in Path(f"/proc/{one}/status").read_text().splitlines())
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) * 1_024


def _family(pid: int) -> Iterable[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from _family(int(child))


def _worked(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
