"""What Ray costs on a cluster of two workers: units that do nothing, and what a worker does before its first unit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
import ray
from ray.cluster_utils import Cluster

from benchmarks.scale.measuring.photos import Photos
from benchmarks.scale.measuring.spent import Spent, none_ends, now, positive
from benchmarks.scale.measuring.units import CATEGORY, KINDS, loaded_and_extracted, units_of
from image_assets.engines.engine import Unit
from image_assets.engines.ray_engine import RayEngine
from image_assets.workers import Progress, no_progress

R = TypeVar("R")
WORKERS = 2
_EMPTY, _ALONE = 200, 8
_FEW, _UNITS, _DRIVERS = 64, 16, 3
_TRIES = 4  # of a machine that others keep busy
# An address of this machine that cannot be reached from others; Ray replaces 127.0.0.1 by one that can.
_LOOPBACK = "127.0.0.2"


@contextmanager
def two_workers() -> Iterator[None]:
    """Be a driver of `two_machines`."""
    with two_machines() as address, _driver_at(address):
        yield


@contextmanager
def two_machines() -> Iterator[str]:
    """A Ray cluster of a head that does no units and two machines of one core, all of them processes here.

    Gives its address.
    """
    machine = {"node_ip_address": _LOOPBACK, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **machine})
    try:
        for _ in range(WORKERS):
            _begin(cluster, num_cpus=1, **machine)
        yield str(cluster.address)
    finally:
        cluster.shutdown()


@contextmanager
def _driver_at(address: str) -> Iterator[None]:
    ray.init(address=address, log_to_driver=False, _node_ip_address=_LOOPBACK)
    try:
        yield
    finally:
        ray.shutdown()


def _begin(cluster: Cluster, **machine: Any) -> None:
    for left in reversed(range(_TRIES)):
        try:
            cluster.add_node(**machine)
            return
        except Exception:  # Ray raises nothing narrower where a node is not there within 30 seconds
            if not left:
                raise


def ray_costs() -> dict[str, Spent]:
    """What a unit costs that does nothing, among many and by itself; `two_workers` have to be there."""
    RayEngine().run(_units(2 * WORKERS), no_progress)  # processes are started once in a cluster's life
    with none_ends():
        began = now()
        RayEngine().run(_units(_EMPTY), no_progress)
        among_many = (now() - began) / _EMPTY
        began = now()
        for _ in range(_ALONE):
            RayEngine().run(_units(1), no_progress)
        alone = (now() - began) / _ALONE
    return {"ray_driver": among_many, "ray_call": positive(alone - among_many)}


def worker_costs(photos: Photos, drivers: int = _DRIVERS) -> dict[str, Spent]:
    """What each worker takes to start and to load the model, which every driver finds undone; the median of workers.

    Args:
        photos: To work on.
        drivers: How many come, one after the other.
    """
    start, model = list[float](), list[float]()
    with two_machines() as address:
        for _ in range(drivers):
            for told in _workers_of_a_driver(photos, address):
                hashing, loading, extraction = (told.get(kind, []) for kind in ("hashing", "loading", "the features"))
                began = min(one.before for one in [*hashing, *loading, *extraction])
                start.append(began + _first_less_later(hashing) + _first_less_later(loading))
                if len(extraction) > 1:
                    model.append(_first_less_later(extraction))
    # By the clock they would tell of each other: two workers, their driver and their head are on these cores.
    return {"worker_start": np.full(2, np.median(start)), "worker_model": np.full(2, np.median(model))}


@dataclass(frozen=True)
class _InWorker:
    """A unit as its worker saw it: seconds of the processor that this process had taken before it, and after."""

    kind: str
    worker: str
    before: float
    after: float

    @property
    def took(self) -> float:
        return self.after - self.before


def _first_less_later(units: Sequence[_InWorker]) -> float:
    """What the first unit of a kind took more than later ones in the same worker; nothing where there is no other."""
    if len(units) < 2:
        return 0.0
    first, *later = sorted(units, key=lambda one: one.before)
    return max(0.0, first.took - float(np.median([one.took for one in later])))


def _workers_of_a_driver(photos: Photos, address: str) -> list[dict[str, list[_InWorker]]]:
    """By the workers that a driver which has just come begins: their units, by kind."""
    engine = _Watched([])
    with _driver_at(address), units_of(_FEW // _UNITS):
        loaded_and_extracted(photos.day("workers", {CATEGORY: _FEW}), engine)
    found: dict[str, dict[str, list[_InWorker]]] = {}
    for one in engine.seen:
        found.setdefault(one.worker, {}).setdefault(one.kind, []).append(one)
    return list(found.values())


@dataclass(frozen=True)
class _Watched:
    """The engine of Ray, which is told by each unit what its worker had taken until then."""

    seen: list[_InWorker]

    def run(self, units: Sequence[Unit[R]], progress: Progress) -> list[R]:
        """Do all units; see `Engine`."""
        watched = [Unit(one.name, one.size, partial(_watched, one.work), one.memory, one.gpus) for one in units]
        results = RayEngine().run(watched, progress)
        for unit, (_, worker, before, after) in zip(units, results, strict=True):
            kind = next(kind for kind in KINDS if unit.name.startswith(kind))
            self.seen.append(_InWorker(kind, worker, before, after))
        return [result for result, *_ in results]


def _watched(work: Callable[[int, Progress], R], threads: int, progress: Progress) -> tuple[R, str, float, float]:
    before = time.process_time()
    result = work(threads, progress)
    return result, ray.get_runtime_context().get_worker_id(), before, time.process_time()


def _units(count: int) -> list[Unit[None]]:
    return [Unit(str(number), 1, _nothing) for number in range(count)]


def _nothing(threads: int, progress: Progress) -> None:
    del threads, progress
