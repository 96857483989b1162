"""What the model says of one, a hundred and ten thousand times the kingdoms' million images.

What belongs here: which plans are simulated, and their figures. What does not: how they are shown (`page.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks.scale.costs import UnitCosts
from benchmarks.scale.limits import Shortage, first_short
from benchmarks.scale.model import Outcome, simulate
from benchmarks.scale.money import Prices, bill
from benchmarks.scale.places import Nodes, Plan, Work
from image_assets.workers import cores

KINGDOMS = 1_000_000
TIMES = 1, 100, 10_000
NODES = 1, 10, 100, 1_000
CHANGED_ON = {1: 10, 100: 100, 10_000: 1_000}
"""Nodes that the changes of the design are simulated on, by how many times the images."""


@dataclass(frozen=True)
class Change:
    """A change of the design.

    Attributes:
        name: For files and links.
        said: What is changed.
        how: What makes it: a setting that is there, or a change of the code.
        design: What the model is told.
    """

    name: str
    said: str
    how: str
    design: Mapping[str, Any]


CHANGES = (
    Change(
        "runs",
        "90 runs at once, of any category",
        "`max_concurrent_runs` and `tag_concurrency_limits` of deploy/dagster.yaml",
        {"runs_at_once": 90, "runs_of_category": 30},
    ),
    Change(
        "archives",
        "images land in archives of 1,000",
        "how images are delivered; archives are accepted as they are",
        {"images_per_object": 1_000},
    ),
    Change("ahead", "16 reads under way for each core", "`IMAGE_ASSETS_READS_AT_ONCE=16`", {"gets_ahead": 16}),
    Change(
        "pairs",
        "an exact index of hashes takes a fifth of the time of comparing all pairs",
        "a change of the code; measured by `python -m benchmarks.scale.measuring.pairs`",
        {"pairs_looked_at": 0.2},
    ),
    Change(
        "shared",
        "checks, near-duplicates and shards are units on all nodes",
        "a change of the code",
        {"serial_shared_out": True},
    ),
    Change(
        "subpartitions",
        "four partitions inside each category of a day",
        "categories that are named so in the dataset file, or a change of the code",
        {"subpartitions": 4, "runs_at_once": 360, "runs_of_category": 30},
    ),
    Change("tables", "a table for each category", "a change of the code", {"table_per_category": True}),
    Change(
        "checkpoints",
        "a checkpoint of the log every 100 commits instead of every 25",
        "`tables: {checkpoint_commits: 100}` in the dataset file",
        {"checkpoint_commits": 100},
    ),
)


def plan_of(times: int, nodes: int, **design: Any) -> Plan:
    """So many times the kingdoms' images, on so many nodes."""
    return Plan(Work(times * KINGDOMS), Nodes(nodes)).but(**design)


def figures(plan: Plan, costs: UnitCosts, prices: Prices, *, short: bool = True) -> dict[str, Any]:
    """What is said of a plan: hours, dollars, images a second of a core and, where asked for, what is short."""
    outcome = simulate(plan, costs)
    paid, first = bill(plan, outcome, costs, prices), first_short(plan, costs) if short else Shortage(None, 0.0)
    return {
        "nodes": plan.nodes.count,
        "hours": outcome.seconds / 3600,
        "images_core_second": plan.work.images / (outcome.seconds * plan.nodes.count * plan.nodes.cores),
        "compute": paid.compute,
        "requests": paid.requests,
        "storage_month": paid.storage_month,
        "per_million": paid.per_million(plan.work.images),
        "short": first.resource,
        "saves": first.saves,
        **_records(plan, outcome, costs),
    }


def _records(plan: Plan, outcome: Outcome, costs: UnitCosts) -> dict[str, Any]:
    kept = outcome.runs / plan.work.days * plan.design.retention_days
    return {
        "driver_gb": outcome.driver_bytes / 1e9,
        "log_files": outcome.log_files,
        "lost_commits": outcome.lost_commits,
        "runs": outcome.runs,
        "events_gb_kept": kept * costs.run_bytes / 1e9,
        "events_gb_year": outcome.runs / plan.work.days * 365 * costs.run_bytes / 1e9,
        "partitions_ten_years": 3_650 * plan.work.categories * plan.design.subpartitions,
    }


def predict(costs: UnitCosts, prices: Prices) -> dict[str, Any]:
    """All predictions: as it is by nodes, the changes one after the other, and all of them but one."""
    jobs: dict[tuple[str, int, str], Plan] = {}
    for times in TIMES:
        everything: dict[str, Any] = {}
        for nodes in NODES:
            jobs["as it is", times, str(nodes)] = plan_of(times, nodes)
        for change in CHANGES:
            everything = {**everything, **change.design}
            jobs["step", times, change.name] = plan_of(times, CHANGED_ON[times], **everything)
        for nodes in NODES:
            jobs["all changes", times, str(nodes)] = plan_of(times, nodes, **everything)
        for left_out in CHANGES:
            others: dict[str, Any] = {}
            for change in CHANGES:
                others |= change.design if change is not left_out else {}
            jobs["all but", times, left_out.name] = plan_of(times, CHANGED_ON[times], **others)
    say = partial(_said, costs, prices)
    with ProcessPoolExecutor(cores()) as pool:
        said = list(pool.map(say, jobs.values(), [kind for kind, *_ in jobs], chunksize=1))
    return _nested(dict(zip(jobs, said, strict=True)))


def _said(costs: UnitCosts, prices: Prices, plan: Plan, kind: str) -> dict[str, Any]:
    return figures(plan, costs, prices, short=kind in ("as it is", "step"))


def _nested(said: Mapping[tuple[str, int, str], dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for (kind, times, name), one in said.items():
        found.setdefault(kind, {}).setdefault(str(times), {})[name] = one
    return found
