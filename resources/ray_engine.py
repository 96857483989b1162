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
from typing import Any, TypeVar

from image_assets.engine import Unit, UnitLost
from image_assets.workers import Progress

# Where this is not set, Ray reports its use to its makers.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

R = TypeVar("R")

# Times a unit is begun again after its worker was lost: machines that are taken back or run out of memory.
_RETRIES = 2
_REPORT_SECONDS = 0.5


class RayEngine:
    """Runs units as tasks of a cluster, as many at once as it has cores for."""

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `image_assets.engine.Engine`."""
        if not units:
            return []
        _connect()
        threads = _threads_of_a_unit(len(units))
        board = _board()
        task = ray.remote(_work).options(num_cpus=threads, max_retries=_RETRIES, retry_exceptions=False)
        tasks = {task.remote(unit, threads, number, board): unit for number, unit in enumerate(units)}
        results: dict[Any, R] = {}
        with _cancelled_on_error(tasks):
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


class _Board:
    """Where the units that are being worked on leave how far they are."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}

    def report(self, number: int, done: int) -> None:
        self._done[number] = done

    def done(self) -> dict[int, int]:
        return self._done


def _work(unit: Unit[R], threads: int, number: int, board: Any) -> R:
    said = 0.0

    def report(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _REPORT_SECONDS or done == total:
            said = now
            board.report.remote(number, done)

    return unit.work(threads, report)


def _result(task: Any, unit: Unit[R]) -> R:
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


def _board() -> Any:
    # Beside the driver, so that it is not lost with a machine that only works; but the work waits for it nowhere.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(_Board).options(num_cpus=0, max_restarts=-1, scheduling_strategy=here).remote()


def _report(units: Sequence[Unit], board: Any, progress: Progress) -> None:
    try:
        done: dict[int, int] = ray.get(board.done.remote(), timeout=_REPORT_SECONDS)
    except RayError:  # progress is shown again when there is some
        return
    progress(sum(done.values()), sum(unit.size for unit in units))


@contextmanager
def _cancelled_on_error(tasks: dict[Any, Unit[R]]) -> Iterator[None]:
    """Leave nothing running behind a failed or interrupted run."""
    try:
        yield
    except BaseException:
        for task in tasks:
            ray.cancel(task, force=True)
        raise
