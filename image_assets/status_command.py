"""The command `image-assets status`: what is loaded, how recent it is, what wants somebody, what it takes."""

from __future__ import annotations

import argparse
import json
import os

from rich.console import Console

from image_assets.dataset import DatasetSpec
from image_assets.ingest.source import Source
from io_managers.store import Store

_DAYS_SHOWN, _PARTITIONS_SHOWN = 7, 10


def run_status(options: argparse.Namespace) -> int:
    """Print it; the last days and one line per cause, all with `--all`, as one object with `--json`."""
    from asset_checks import check_keys, checks_of
    from image_assets.dataset import load_dataset
    from image_assets.facts import partition_facts
    from image_assets.quality.health import health_of
    from image_assets.quality.health_report import show_health
    from image_assets.runner import existing_instance
    from image_assets.summary import partition_table

    dataset = load_dataset(options.dataset)
    store, instance = Store(options.store), existing_instance(options.store)
    facts = partition_facts(dataset, store)
    source = _source(dataset, store, options.landing)
    health = health_of(dataset, store, instance, check_keys(checks_of(dataset)), source=source)
    if instance is not None:
        instance.dispose()
    if options.json:
        loaded = [{"day": str(f.partition.date), "category": f.partition.category, **f.as_json()} for f in facts]
        report = {"dataset": dataset.name, "partitions": loaded, **health.as_json()}
        print(json.dumps(report, ensure_ascii=False))  # noqa: T201
        return 0
    console = Console()
    if not facts:
        console.print(f"nothing is loaded of {dataset.name} in {options.store}", highlight=False)
        if not health.open_days:
            return 0
    show_health(console, health, everything=options.all)
    if facts:
        days = sorted({one.partition.date for one in facts})
        shown = facts if options.all else [one for one in facts if one.partition.date in days[-_DAYS_SHOWN:]]
        many = not options.all and len(shown) > _PARTITIONS_SHOWN
        title = f"the last {_DAYS_SHOWN} of {len(days)} days (--all shows all)" if len(shown) < len(facts) else None
        if many and title is None:
            title = "by day (--all shows categories)"
        console.print(partition_table(shown, title, by_day=many))
    return 0


def _source(dataset: DatasetSpec, store: Store, landing: str | None) -> Source | None:
    """Where images arrive: as was said, as the environment says, or where the last run found it."""
    from image_assets.definitions import LANDING_VARIABLE
    from image_assets.ingest.day_book import DayBook
    from resources.landing import LandingResource

    place = landing or os.environ.get(LANDING_VARIABLE)
    if not place:
        runs = DayBook(store, dataset.name).runs().values()
        place = max(runs, key=lambda run: run.at).landing if runs else ""
    return LandingResource(url=place).source(dataset) if place else None
