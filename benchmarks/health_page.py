"""`python -m benchmarks.health_page`: what the console's first page takes with a year of days and all their checks.

A page is asked for the first time, again, and after a check said something else. Times are processor time of this
process, which serves the pages too: what else the machine does is not in them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.history import make_history
from image_assets.answers.now import Now
from image_assets.asset_checks.check import Check
from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.console.app import ConsoleSettings
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.health.check_book import CheckBook, CheckStatus, Measure
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.orchestration.current_status import current_status
from image_assets.schema import Partition
from image_assets.shards.manifest import ShardFile, ShardManifest, put_manifest, shards_prefix
from image_assets.store.store import Store
from tests.console.served import served

_CATEGORIES = ("plant", "animal", "human")
_PAGES = ("/", "/v1/status", "/v1/days", "/v1/quality", "/over-time/quarantined", "/days/whole/all")


def main() -> None:
    """Make the store, unless it is there, ask for every page several times, and print the quickest of each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.health_page", description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--store", type=Path, help="kept there; otherwise made anew and removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = options.store or Path(folder)
        dataset, store = _dataset(options.days), Store(str(root))
        if not (root / dataset.name).is_dir():
            make_history(store, dataset, options.days * len(_CATEGORIES))
            _write_days(store, dataset, options.days)
            print(f"{_write_checks(store, dataset, options.days):,} results of checks")
        _measure(dataset, store, options.times)


def _dataset(days: int) -> DatasetSpec:
    begun = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days + 1)
    categories = {name: number for number, name in enumerate(_CATEGORIES)}
    content = {
        "name": "drawn",
        "categories": categories,
        "start_day": begun,
        "extractor": {"kind": "colour_statistics"},
    }
    return parse_dataset(content, "dataset.yaml")


def _partitions(dataset: DatasetSpec, days: int) -> list[Partition]:
    return [Partition(dataset.start_day + dt.timedelta(days=day), name) for day in range(days) for name in _CATEGORIES]


def _write_days(store: Store, dataset: DatasetSpec, days: int) -> None:
    """That each day was run, and what is published of it."""
    book, objects = DayBook(store, dataset.name), store.objects()
    digest = shared_extractor(dataset.extractor).digest
    for one in _partitions(dataset, days):
        book.end(one, DayRun("a run", "", "nowhere", listed=6))
        shard = ShardFile(file="0.parquet", rows=4, columns=20, bytes=1_000, sha256="0" * 64)
        manifest = ShardManifest(
            dataset=dataset.name,
            date=one.date,
            category=one.category,
            label=dataset.label_of(one.category),
            extractor=digest,
            width=18,
            shard_rows=10_001,
            rows=4,
            shards=[shard],
        )
        put_manifest(objects, shards_prefix(dataset, one), manifest, None)


def _write_checks(store: Store, dataset: DatasetSpec, days: int) -> int:
    """A result of each check of each day, one in fifty warned of."""
    random, book, written = np.random.default_rng(0), CheckBook(store, dataset.name), 0
    keys = _partitions(dataset, days)
    found: dict[tuple[str, bool], list[Check]] = {}
    for group in CHECK_GROUPS:
        if group.has(dataset):
            found.setdefault((group.asset, group.partitioned), []).extend(group.checks)
    for (asset, partitioned), checks in found.items():
        for key in keys if partitioned else [None]:
            bad = {one.name: bool(random.random() < 1 / 50) for one in checks}
            results: dict[str, tuple[CheckStatus, str]] = {
                name: ("warned", "planted") if is_bad else ("passed", "") for name, is_bad in bad.items()
            }
            measures = {
                one.name: {name: Measure(float(random.random()) / 10 + bad[one.name], 0.1) for name in one.over_time}
                for one in checks
            }
            book.write(asset, key, results, "a run", measures)
            written += len(results)
    return written


def _measure(dataset: DatasetSpec, store: Store, times: int) -> None:
    def ask() -> Now:
        return current_status(dataset, store, None)

    with tempfile.TemporaryDirectory() as index, served(_settings(dataset, store, ask, index), ready=False) as client:
        _wait_until_it_rests()
        for page in _PAGES:
            taken, size = [], 0
            for _ in range(times + 1):
                begun, clock = time.process_time(), time.perf_counter()
                answer = client.get(page)
                taken.append((time.process_time() - begun, time.perf_counter() - clock))
                assert answer.status_code == 200, answer.text
                size = len(answer.content)
            CheckBook(store, dataset.name).write("raw_images", None, {"planted": ("passed", page)}, "a run")
            begun = time.process_time()
            client.get(page)
            changed = time.process_time() - begun
            (first, first_clock), rest = taken[0], taken[1:]
            best, clock = min(one for one, _ in rest), min(one for _, one in rest)
            print(
                f"{page}: {1000 * best:.0f} ms of processor time, {1000 * clock:.0f} ms by the clock, the first time "
                f"{1000 * first:.0f} and {1000 * first_clock:.0f}, after a change {1000 * changed:.0f}; "
                f"{size / 1000:.0f} kB"
            )


def _wait_until_it_rests() -> None:
    """What the console does after its start is not the pages'."""
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(0.5)
        busy = time.process_time() - before > 0.02


def _settings(dataset: DatasetSpec, store: Store, ask: object, index: str) -> ConsoleSettings:
    return ConsoleSettings(dataset, store, ask, "a token", search_folder=Path(index))  # pyright: ignore[reportArgumentType]


if __name__ == "__main__":
    main()
