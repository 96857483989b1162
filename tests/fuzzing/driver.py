"""Playing inputs in processes of their own, so that one that crashes or hangs is found and the others go on."""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import psutil

from tests.fuzzing.doors import DOORS, Door
from tests.fuzzing.mutation import mutated

HANG_SECONDS = 5
"""Of the processor: a busy machine is no hang."""
_WAITING_SECONDS = 60  # without using the processor
_MEMORY_BYTES = 6_000_000_000
_LOOK_SECONDS = 0.05
_MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """What an input did that it must not do: `mutated(seeds, number)` gives it again."""

    door: str
    number: int
    what: str


@dataclass
class Outcome:
    """What became of the inputs of a door."""

    played: int = 0
    taken: int = 0
    refused: int = 0
    faults: tuple[Fault, ...] = ()


def fuzz(name: str, inputs: int, doors: Mapping[str, Callable[[], Door]] = DOORS) -> Outcome:
    """Play the inputs 0 … n - 1 at a door."""
    outcome, first = Outcome(), 0
    while first < inputs and len(outcome.faults) < _MOST_FAULTS:
        first = _play_on(name, first, inputs, doors[name], outcome)
    return outcome


def _play_on(name: str, first: int, inputs: int, make: Callable[[], Door], outcome: Outcome) -> int:
    """Play until all is done or a process is lost; the number to go on with."""
    context = multiprocessing.get_context("spawn")
    at = context.Array("q", [first - 1, 0, 0], lock=False)  # the input in work, and how many were taken and refused
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(make, first, inputs, at, there), daemon=True)
    process.start()
    there.close()
    found = list[Fault]()
    lost = _watch(process, at, here, lambda number, what: found.append(Fault(name, number, what)))
    process.join()
    # What was raised in the meantime is all read by now.
    done = inputs if not lost else at[0] + 1
    if lost:
        found.append(Fault(name, at[0], lost))
    outcome.played += done - first
    outcome.taken += at[1]
    outcome.refused += at[2]
    outcome.faults += tuple(found)
    return max(done, first + 1)


def _watch(process: Any, at: Any, line: Connection, tell: Callable[[int, str], None]) -> str:
    """Wait for a process; why it was lost, or nothing where it came to its end."""
    number, used, since = -2, 0.0, time.monotonic()
    is_open = True
    while is_open:
        try:
            if line.poll(_LOOK_SECONDS):
                tell(*line.recv())
                continue
        except EOFError:
            is_open = False
            break
        now_used = _processor_seconds(process.pid)
        if at[0] != number:
            number, used, since = at[0], now_used, time.monotonic()
        elif number >= 0 and (now_used - used > HANG_SECONDS or time.monotonic() - since > _WAITING_SECONDS):
            process.kill()
            process.join()
            return f"hangs for more than {HANG_SECONDS} seconds"
    process.join()
    return "" if process.exitcode == 0 else f"ends the process with status {process.exitcode}"


def _processor_seconds(process: int) -> float:
    try:
        times = psutil.Process(process).cpu_times()
    except psutil.NoSuchProcess:
        return 0
    return times.user + times.system


def _work(make: Callable[[], Door], first: int, inputs: int, at: Any, line: Connection) -> None:
    door = make()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    for number in range(first, inputs):
        content = mutated(door.seeds, number)
        at[0] = number
        try:
            door.enter(content)
            at[1] += 1
        except door.refusals:
            at[2] += 1
        except Exception as error:  # noqa: BLE001  # whatever else it raises is what is looked for
            line.send((number, f"{type(error).__name__}: {error}"[:300]))
