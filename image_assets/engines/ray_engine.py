"""Units of work on a Ray cluster; needs the extra `ray`.

Which cluster that is, `ray_cluster` says. Every machine of it needs this package, the same versions, and the same paths
or buckets for landing zone and store. Only names and figures travel: workers read from the store and write into it, and
the commit is the driver's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future
from contextlib import contextmanager
from math import inf
from typing import Any, TypeAlias, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from image_assets.engines.engine import Unit, UnitLost, UnitTooLarge
from image_assets.engines.flight import Flight
from image_assets.engines.ray_cluster import connect, machines, machines_by_name
from image_assets.workers import Progress

R = TypeVar("R")
Actor: TypeAlias = Any
"""Ray's own type of an actor says nothing of what it can be asked for."""

# Times a unit is begun again after its worker was lost: machines that are taken back or run out of memory.
_RETRIES = 2
_REPORT_SECONDS = 0.5
_COUNT_SECONDS = 5.0
# Units that are begun for each that can run: the next is there when one ends, and no more wait in the cluster.
_WINDOW = 2


class RayEngine:
    """Runs units as tasks of a cluster, as many at once as it has cores for."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `image_assets.engines.engine.Engine`."""
        if not units:
            return []
        connect()
        _check_fit(units)
        threads = _threads_of_a_unit(len(units))
        board, places = _Reported(_board()), _Places(threads)
        flight = Flight(units, _Starter(units, threads, board), _result)
        with _stopped_on_error(board.actor):
            while not flight.all_ended:
                flight.begin(_WINDOW * places.now)
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

    def __init__(self, units: Sequence[Unit], threads: int, board: _Reported) -> None:
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
        return task.remote(unit, self._threads, number, self._board.actor)

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
    ready, _ = ray.wait(refs, timeout=_REPORT_SECONDS)
    if ready:
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
    return ready


class _Board:
    """Where the units that are being worked on leave how far they are, and learn that they need not go on."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._begun: dict[int, float] = {}
        self._where: dict[int, set[str]] = {}
        self._stopped = False
        self._given_up: set[int] = set()

    def report(self, number: int, done: int, machine: str) -> bool:
        self._begun.setdefault(number, time.monotonic())
        self._where.setdefault(number, set()).add(machine)
        self._done[number] = max(done, self._done.get(number, 0))
        return self._stopped or number in self._given_up

    def told(self, over: Sequence[int]) -> dict[int, tuple[int, float, set[str]]]:
        """By the number of a unit its steps, the seconds that it has run, and where; what is over is forgotten."""
        now = time.monotonic()
        for number in over:
            self._done.pop(number, None)
            self._begun.pop(number, None)
            self._where.pop(number, None)
        return {number: (done, now - self._begun[number], self._where[number]) for number, done in self._done.items()}

    def give_up(self, number: int) -> None:
        """Whoever still works on this unit need not go on: another copy of it has ended."""
        self._given_up.add(number)

    def stop(self) -> None:
        self._stopped = True


class _Reported:
    """The board as the driver asks it, from time to time.

    Attributes:
        where: By the number of a unit that is being worked on the machines that have begun it, when last asked.
    """

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.where: dict[int, set[str]] = {}
        self._over: list[int] = []
        self._asked = time.monotonic()

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self._asked >= _REPORT_SECONDS

    def over(self, numbers: Sequence[int], copied: AbstractSet[int]) -> None:
        """These have ended: nothing more is to be told of them, and other copies of them need not go on."""
        self._over += numbers
        for number in copied & set(numbers):
            self.actor.give_up.remote(number)

    def told(self) -> dict[int, tuple[int, float]]:
        """What the board has; nothing where it is away: progress is shown again when there is some."""
        self._asked = time.monotonic()
        try:
            told: dict[int, tuple[int, float, set[str]]] = ray.get(
                self.actor.told.remote(self._over), timeout=_REPORT_SECONDS
            )
        except RayError:
            return {}
        self._over = []
        self.where = {number: where for number, (_, _, where) in told.items()}
        return {number: (done, age) for number, (done, age, _) in told.items()}


class _Stopped(RuntimeError):
    """Another unit has failed, or another copy of this one has ended: whatever it made would not be used."""


def _work(unit: Unit[R], threads: int, number: int, board: Actor) -> R | None:
    """Do a unit; None where nobody waits for it any more, for which Ray would print an error."""
    machine = ray.get_runtime_context().get_node_id()
    # No answer is ever waited for: Ray hands the cores of a task that waits to another one, and begins a worker for it:
    # two units would be worked on where there is room for one.
    answer, said = board.report.remote(number, 0, machine).future(), time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal answer, said
        now = time.monotonic()
        if answer.done() and (now - said >= _REPORT_SECONDS or done == total):
            said = now
            _stop_if_told(answer)
            answer = board.report.remote(number, done, machine).future()

    try:
        return unit.work(threads, report)
    except _Stopped:
        return None


def _stop_if_told(answer: Future[bool]) -> None:
    try:
        stopped = answer.result()
    except RayError:  # the board is away; the work is not
        return
    if stopped:
        raise _Stopped


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


def _board() -> Actor:
    # Beside the driver, so that it is not lost with a machine that only works; but the work waits for it nowhere.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(_Board).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()


@contextmanager
def _stopped_on_error(board: Actor) -> Iterator[None]:
    """Leave nothing running behind a failed or interrupted run.

    Ray's own `cancel` takes the driver down where a task ends at the same moment (a failed check in its task manager,
    seen with 2.60), so the units are asked to stop.
    """
    try:
        yield
    except BaseException:
        board.stop.remote()
        raise
