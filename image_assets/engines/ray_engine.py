"""Units of work on a Ray cluster; needs the extra `ray`.

`RAY_ADDRESS` says where the cluster is; without it Ray starts one on this machine. Every machine of the cluster needs
this package, the same versions, and the same paths or buckets for landing zone and store. Only names and figures
travel: workers read from the store and write into it, and the commit is the driver's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from image_assets.engines.engine import Unit, UnitLost, UnitTooLarge
from image_assets.workers import Progress

# Where this is not set, Ray reports its use to its makers.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

R = TypeVar("R")
Actor: TypeAlias = Any
"""Ray's own type of an actor says nothing of what it can be asked for."""

# Times a unit is begun again after its worker was lost: machines that are taken back or run out of memory.
_RETRIES = 2
_REPORT_SECONDS = 0.5


class RayEngine:
    """Runs units as tasks of a cluster, as many at once as it has cores for."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `image_assets.engines.engine.Engine`."""
        if not units:
            return []
        _connect()
        for unit in units:
            _check_fits(unit)
        threads = _threads_of_a_unit(len(units))
        board = _board()
        tasks = {_begun(unit, threads, number, board): unit for number, unit in enumerate(units)}
        results: dict[ray.ObjectRef, R] = {}
        with _stopped_on_error(board):
            while len(results) < len(tasks):
                ready, _ = ray.wait([one for one in tasks if one not in results], timeout=_REPORT_SECONDS)
                results |= {one: _result(one, tasks[one]) for one in ready}
                _report(units, board, progress)
        total = sum(unit.size for unit in units)
        progress(total, total)
        return [results[one] for one in tasks]


def _connect() -> None:
    if ray.is_initialized():
        return
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False, configure_logging=False)
    else:
        ray.init(log_to_driver=False, configure_logging=False, include_dashboard=False, _node_ip_address="127.0.0.1")


def _threads_of_a_unit(units: int) -> int:
    """Few units on a large cluster get several cores each, but never more than a machine has."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
    return max(1, min(max(machines, default=1), sum(machines) // units))


def _begun(unit: Unit, threads: int, number: int, board: Actor) -> ray.ObjectRef:
    needs = {"num_cpus": threads, "num_gpus": unit.gpus, "memory": unit.memory or None}
    return (
        ray.remote(_work)
        .options(**needs, max_retries=_RETRIES, retry_exceptions=False)
        .remote(unit, threads, number, board)
    )


def _check_fits(unit: Unit) -> None:
    """See that some machine of the cluster has what a unit needs: Ray would wait for one without a word."""
    if not unit.memory and not unit.gpus:
        return
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    if not any(one.get("memory", 0) >= unit.memory and one.get("GPU", 0) >= unit.gpus for one in machines):
        largest = {name: max((one.get(name, 0) for one in machines), default=0) for name in ("memory", "GPU")}
        raise UnitTooLarge(
            f"{unit.name} needs {unit.memory:,} bytes of memory and {unit.gpus:g} GPUs on one machine of the Ray "
            f"cluster; at most there are {largest['memory']:,.0f} bytes and {largest['GPU']:g} GPUs"
        )


class _Board:
    """Where the units that are being worked on leave how far they are, and learn that they need not go on."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._stopped = False

    def report(self, number: int, done: int) -> bool:
        self._done[number] = done
        return self._stopped

    def done(self) -> dict[int, int]:
        return self._done

    def stop(self) -> None:
        self._stopped = True


class _Stopped(RuntimeError):
    """Another unit has failed: whatever this one made would not be used in this run."""


def _work(unit: Unit[R], threads: int, number: int, board: Actor) -> R:
    answer, said = board.report.remote(number, 0), time.monotonic()
    _stop_if_told(answer)

    def report(done: int, total: int) -> None:
        nonlocal answer, said
        now = time.monotonic()
        if now - said >= _REPORT_SECONDS or done == total:
            said = now
            _stop_if_told(answer)
            answer = board.report.remote(number, done)

    return unit.work(threads, report)


def _stop_if_told(answer: ray.ObjectRef) -> None:
    try:
        stopped = ray.get(answer, timeout=_REPORT_SECONDS)
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


def _report(units: Sequence[Unit], board: Actor, progress: Progress) -> None:
    try:
        done: dict[int, int] = ray.get(board.done.remote(), timeout=_REPORT_SECONDS)
    except RayError:  # progress is shown again when there is some
        return
    progress(sum(done.values()), sum(unit.size for unit in units))


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
