"""What Ray costs: units that do nothing, many of them and one by itself, on a cluster of two workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.cluster_utils import Cluster

from benchmarks.scale.measuring.spent import Spent, now, positive
from image_assets.engines.engine import Unit
from image_assets.engines.ray_engine import RayEngine
from image_assets.workers import Progress, no_progress

WORKERS = 2
_EMPTY, _ALONE = 200, 8
_TRIES = 4  # of a machine that others keep busy
# An address of this machine that cannot be reached from others; Ray replaces 127.0.0.1 by one that can.
_LOOPBACK = "127.0.0.2"


@contextmanager
def two_workers() -> Iterator[None]:
    """A Ray cluster of a head that does no units and two machines of one core, all of them processes here."""
    machine = {"node_ip_address": _LOOPBACK, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **machine})
    try:
        for _ in range(WORKERS):
            _begin(cluster, num_cpus=1, **machine)
        ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=_LOOPBACK)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


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
    began = now()
    RayEngine().run(_units(_EMPTY), no_progress)
    among_many = (now() - began) / _EMPTY
    began = now()
    for _ in range(_ALONE):
        RayEngine().run(_units(1), no_progress)
    alone = (now() - began) / _ALONE
    return {"ray_driver": among_many, "ray_call": positive(alone - among_many)}


def _units(count: int) -> list[Unit[None]]:
    return [Unit(str(number), 1, _nothing) for number in range(count)]


def _nothing(threads: int, progress: Progress) -> None:
    del threads, progress
