"""Units of work on a Ray cluster; needs the extra `ray`.

Which cluster that is, `ray_cluster` says. Every machine of it needs this package, the same versions, and the same paths
or buckets for landing zone and store. Only names and figures travel: workers read from the store and write into it, and
the commit is the driver's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import closing
from math import inf
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from image_assets.engines.engine import Unit, UnitLost, UnitTooLarge
from image_assets.engines.flight import Flight
from image_assets.engines.ray_board import REPORT_SECONDS, Actor, StageBoard, Stopped, reported
from image_assets.engines.ray_cluster import connect, machines, machines_by_name
from image_assets.workers import Progress

R = TypeVar("R")

# Times a unit is begun again after its worker was lost: machines that are taken back or run out of memory.
_RETRIES = 2
_COUNT_SECONDS = 5.0
# Units that are begun for each that can run: the next is there when one ends, and no more wait in the cluster. Of short
# units more do: where hardly any wait, Ray gives a worker back after each and asks for it again, half of all its work.
_WINDOW, _WINDOW_OF_SHORT = 2, 8
_SHORT_SECONDS = 0.1


class RayEngine:
    """Runs units as tasks of a cluster, as many at once as it has cores for."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `image_assets.engines.engine.Engine`."""
        if not units:
            return []
        connect()
        _check_fit(units)
        threads = _threads_of_a_unit(len(units))
        places = _Places(threads)
        with closing(StageBoard()) as board:
            flight = Flight(units, _Starter(units, threads, board), _result)
            while not flight.all_ended:
                short = flight.seconds_between * places.now < _SHORT_SECONDS
                flight.begin((_WINDOW_OF_SHORT if short else _WINDOW) * places.now)
                board.over(flight.take(_ended(flight.refs)), flight.copied)
                if board.is_due:
                    progress(flight.steps(board.told()), flight.total)
                    flight.begin_copies(places.now)
        progress(flight.total, flight.total)
        return flight.results


def _threads_of_a_unit(units: int) -> int:
    """Few units on a large cluster get several cores each, but never more than a machine has."""
    cores = [int(machine["CPU"]) for machine in machines()]
    return max(1, min(max(cores, default=1), sum(cores) // units))


class _Starter:
    """Begins units. Ray is told of a kind of task once: telling it of each takes longer than a short task."""

    def __init__(self, units: Sequence[Unit], threads: int, board: StageBoard) -> None:
        self._units, self._threads, self._board = units, threads, board
        self._task = ray.remote(_work)
        self._kinds: dict[tuple[int, float], Any] = {}
        self._sent: dict[int, set[str]] = {}  # by the numbers of units the machines that copies were sent to

    def __call__(self, number: int, is_copy: bool) -> ray.ObjectRef:
        unit = self._units[number]
        if is_copy:
            task = self._task_of(unit, scheduling_strategy=self._elsewhere(number))
        elif (kind := (unit.memory, unit.gpus)) in self._kinds:
            task = self._kinds[kind]
        else:
            task = self._kinds[kind] = self._task_of(unit)
        return task.remote(unit, self._threads, self._board.stage, number, self._board.actor)

    def _task_of(self, unit: Unit, **where: Any) -> Any:
        needs = {"num_cpus": self._threads, "num_gpus": unit.gpus, "memory": unit.memory or None}
        return self._task.options(**needs, **where, max_retries=_RETRIES, retry_exceptions=False)

    def _elsewhere(self, number: int) -> NodeAffinitySchedulingStrategy | str:
        """Where a copy goes: to a machine that has the unit not yet; by itself Ray may put it behind that very unit."""
        sent = self._sent.setdefault(number, set())
        has_it = sent | self._board.where.get(number, set())
        large = [name for name, has in machines_by_name().items() if has["CPU"] >= self._threads]
        others = [name for name in large if name not in has_it]
        if not others:
            return "SPREAD"
        # Of several units that are late each goes to another one.
        chosen = others[number % len(others)]
        sent.add(chosen)
        # Soft: where it lacks what the unit needs, or is gone by then, Ray chooses.
        return NodeAffinitySchedulingStrategy(chosen, soft=True)


def _check_fit(units: Sequence[Unit]) -> None:
    """See that some machine of the cluster has what each unit needs: Ray would wait for one without a word."""
    unlike = {(unit.memory, unit.gpus): unit for unit in units if unit.memory or unit.gpus}
    if not unlike:
        return
    there = machines()
    for (memory, gpus), unit in unlike.items():
        if not any(one.get("memory", 0) >= memory and one.get("GPU", 0) >= gpus for one in there):
            largest = {name: max((one.get(name, 0) for one in there), default=0) for name in ("memory", "GPU")}
            raise UnitTooLarge(
                f"{unit.name} needs {memory:,} bytes of memory and {gpus:g} GPUs on one machine of the Ray "
                f"cluster; at most there are {largest['memory']:,.0f} bytes and {largest['GPU']:g} GPUs"
            )


class _Places:
    """How many units run at once; a cluster may grow and shrink while it works.

    Args:
        threads: Of a unit.
    """

    def __init__(self, threads: int) -> None:
        self._threads, self._counted, self._places = threads, -inf, 1

    @property
    def now(self) -> int:
        """At least one."""
        if time.monotonic() - self._counted > _COUNT_SECONDS:
            self._places = max(1, sum(int(machine["CPU"]) // self._threads for machine in machines()))
            self._counted = time.monotonic()
        return self._places


def _ended(refs: list[ray.ObjectRef]) -> list[ray.ObjectRef]:
    """Those that have ended, as soon as one has; none where that takes long."""
    ready, _ = ray.wait(refs, timeout=REPORT_SECONDS)
    if ready:
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
    return ready


def _work(unit: Unit[R], threads: int, stage: int, number: int, board: Actor) -> R | None:
    """Do a unit; None where nobody waits for it any more, for which Ray would print an error."""
    try:
        with reported(board, stage, number) as progress:
            return unit.work(threads, progress)
    except Stopped:
        return None


def _result(task: ray.ObjectRef, unit: Unit[R]) -> R:
    try:
        return ray.get(task)
    except RayTaskError as error:
        cause = error.cause
        cause.add_note(f"while working on {unit.name}, on the Ray cluster")
        raise cause from error
    except RayError as error:
        raise UnitLost(
            f"{unit.name}: begun {_RETRIES + 1} times on the Ray cluster, and each time its worker was lost "
            f"({type(error).__name__}: {error}); see the logs of the cluster, often a machine has too little memory"
        ) from error
