"""`python -m benchmarks.cluster_units`: what the engine of a Ray cluster costs, with units that do nothing.

Two parts, each by itself with `--only`:

- `empty`: many units that do nothing, on two machines of one core; milliseconds for each, and how much the driver's
  memory grows from the first thousand to the end.
- `slow`: units that wait, on machines that are all alike, and again where one takes ten times as long; how much longer
  it takes with it. Waiting takes no cores, so eight machines fit on one.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.cluster_utils import Cluster
from rich.console import Console

from image_assets.engines.engine import Unit
from image_assets.engines.ray_engine import RayEngine
from image_assets.workers import Progress, no_progress

# An address of this machine that cannot be reached from others; Ray replaces 127.0.0.1 by one that can.
_LOOPBACK = "127.0.0.2"
PARTS = ("empty", "slow")


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster_units", description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be given several times")
    parser.add_argument("--empty", type=int, default=100_000, help="how many units do nothing")
    parser.add_argument("--machines", type=int, default=8, help="of which one is slow")
    parser.add_argument("--units", type=int, default=20, help="for each machine")
    parser.add_argument("--seconds", type=float, default=6.0, help="of a unit")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found: dict[str, Any] = {}
    parts = options.only or PARTS
    if "empty" in parts:
        found["empty"] = _empty(options.empty)
    if "slow" in parts:
        found["slow"] = _slow(options.machines, options.units, options.seconds)
    Console().print_json(data=found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


@contextmanager
def _cluster(machines: int) -> Iterator[None]:
    machine = {"node_ip_address": _LOOPBACK, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **machine})
    try:
        for _ in range(machines):
            cluster.add_node(num_cpus=1, **machine)
        ray.init(address=cluster.address, log_to_driver=False, _node_ip_address=_LOOPBACK)
        # Processes are started once in a cluster's life: not what a unit costs.
        RayEngine().run([Unit("warm up", 1, partial(_waits, 1.0, ""))] * 2 * machines, no_progress)
        yield
    finally:
        ray.shutdown()
        cluster.shutdown()


def _does_nothing(threads: int, progress: Progress) -> None:
    del threads, progress


def _waits(seconds: float, slow: str, threads: int, progress: Progress) -> None:
    del threads
    here = ray.get_runtime_context().get_node_id()
    steps = 100 if here == slow else 10
    for step in range(steps):
        time.sleep(seconds / 10)
        progress(step // (steps // 10), 10)


def _empty(units: int) -> dict[str, Any]:
    process, memory = psutil.Process(), []

    def note(done: int, total: int) -> None:
        del total
        memory.append((done, process.memory_info().rss))

    with _cluster(2):
        work = [Unit(str(number), 1, _does_nothing) for number in range(units)]
        began = time.perf_counter()
        RayEngine().run(work, note)
        seconds = time.perf_counter() - began
    first = next(size for done, size in memory if done >= 1_000)
    return {
        "units": units,
        "seconds": seconds,
        "milliseconds for each": 1_000 * seconds / units,
        "driver's memory after 1,000, MB": first / 1e6,
        "driver's memory at the end, MB": memory[-1][1] / 1e6,
    }


def _slow(machines: int, units: int, seconds: float) -> dict[str, Any]:
    with _cluster(machines):
        workers = [node["NodeID"] for node in ray.nodes() if node["Resources"].get("CPU")]
        took = []
        for slow in ("", workers[0]):
            work = [Unit(str(n), 10, partial(_waits, seconds, slow)) for n in range(machines * units)]
            began = time.perf_counter()
            RayEngine().run(work, no_progress)
            took.append(time.perf_counter() - began)
    return {"machines": machines, "alike s": took[0], "one of them slow s": took[1], "times": took[1] / took[0]}


if __name__ == "__main__":
    main()
