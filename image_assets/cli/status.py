"""The command `image-assets status`: what is loaded, how recent it is, what wants somebody, what it takes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from image_assets.dataset import DatasetSpec
from image_assets.environment import LANDING
from image_assets.ingest.source import Source
from image_assets.store.store import Store

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from image_assets.facts import PartitionFacts
    from image_assets.health.health import Health

_DAYS_SHOWN, _PARTITIONS_SHOWN = 7, 10
_DAMAGED = 2


def run_status(options: argparse.Namespace) -> int:
    """Print it; the last days and one line per cause, all with `--all`, as one object with `--json`.

    Exit status 2 where files of the store are missing or cut: what can be told without them is told.
    """
    from image_assets.asset_checks import check_keys, checks_of
    from image_assets.dataset import load_dataset
    from image_assets.facts import partition_facts
    from image_assets.health.health import health_of
    from image_assets.store.tables.store_damage import damaged_files

    dataset, store = load_dataset(options.dataset), Store.to_read(options.store)
    instance, unknown = _instance(options.store)
    try:
        damaged = [str(one) for one in damaged_files(store, dataset.name)]
        facts, source = partition_facts(dataset, store), _source(dataset, store, options.landing)
        health = health_of(dataset, store, instance, check_keys(checks_of(dataset)), source=source)
    finally:
        if instance is not None:
            instance.dispose()
    if options.json:
        loaded = [{"day": str(f.partition.date), "category": f.partition.category, **f.as_json()} for f in facts]
        report = {"dataset": dataset.name, "partitions": loaded, **health.as_json(), "damaged": damaged}
        print(json.dumps(report, ensure_ascii=False))  # noqa: T201
    else:
        _show(options, facts, health)
    for line in (*unknown, *damaged):
        Console(stderr=True).print(line, markup=False, highlight=False, soft_wrap=True)
    return _DAMAGED if damaged else 0


def _instance(store: str) -> tuple[DagsterInstance | None, list[str]]:
    """Where runs are recorded, where that can be read; and what is not known otherwise."""
    from image_assets.orchestration.dagster_home import HomeReadOnly, existing_instance

    try:
        return existing_instance(store), []
    except HomeReadOnly as error:
        return None, [f"{error}; checks that a run planned and never came to are not told"]


def _show(options: argparse.Namespace, facts: Sequence[PartitionFacts], health: Health) -> None:
    from image_assets.cli.summary import partition_table
    from image_assets.health.health_report import show_health

    console = Console()
    if not facts:
        console.print(f"nothing is loaded of {health.dataset} in {options.store}", highlight=False)
        if not health.open_days and not health.misnamed:
            return
    show_health(console, health, everything=options.all)
    if facts:
        days = sorted({one.partition.date for one in facts})
        shown = facts if options.all else [one for one in facts if one.partition.date in days[-_DAYS_SHOWN:]]
        many = not options.all and len(shown) > _PARTITIONS_SHOWN
        title = f"the last {_DAYS_SHOWN} of {len(days)} days (--all shows all)" if len(shown) < len(facts) else None
        if many and title is None:
            title = "by day (--all shows categories)"
        console.print(partition_table(shown, title, by_day=many))


def _source(dataset: DatasetSpec, store: Store, landing: str | None) -> Source | None:
    """Where images arrive: as was said, as the environment says, or where the last run found it."""
    from image_assets.ingest.day_book import DayBook
    from image_assets.resources.landing import LandingResource

    place = landing or LANDING.said
    if not place:
        runs = DayBook(store, dataset.name).runs().values()
        place = max(runs, key=lambda run: run.at).landing if runs else ""
    return LandingResource(url=place).source(dataset) if place else None
