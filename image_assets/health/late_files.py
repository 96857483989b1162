"""Which days got files after they were run, or others under the same name: asked of the landing zone.

What is read when a day is run is in `arrivals`, with its size. Only the last days are looked into, as each is listed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.ingest.archives.closed import closed_archive
from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.day_book import DayRun
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.source import Source, SourceFile
from image_assets.removal.tombstones import HIDDEN, TombstoneBook, Tombstones, hidden
from image_assets.schema import ARRIVALS, Partition
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion

DAYS = 28
"""So many days back it is looked at most."""
FILES = 50_000
"""Of so many files altogether, the last days first: to list them takes a second on a disk, 50 requests of a bucket."""


@dataclass(frozen=True)
class _Arrived:
    """What a day's run found.

    Attributes:
        sizes: Of the category's files, by provenance.
        archives: Sizes of the archives, by provenance; of runs by earlier versions none.
        of_day: Provenance of the files of all categories.
        tombstones: Of removed images.
    """

    sizes: Mapping[str, int]
    archives: Mapping[str, int]
    of_day: Collection[str]
    tombstones: Tombstones

    def knows(self, file: SourceFile) -> bool:
        """Whether a file that lies there was there when its day was run, as large as it is now."""
        if file.source in self.archives:
            return self.archives[file.source] == file.bytes
        if is_archive_name(file.source):  # known by what came out of it
            return self._has_removed or any(_is_of(source, file.source) for source in self.of_day)
        if self.tombstones.of_source(file.source) or hidden(file.source) in self.sizes:
            return True
        if closed_archive(file.source.rpartition("/")[2]):  # listed without a size
            return file.source in self.sizes
        return self.sizes.get(file.source) == file.bytes

    @property
    def _has_removed(self) -> bool:
        """An archive of nothing but removed images has no member left by its name."""
        return any(source.startswith(HIDDEN) for source in self.of_day)


def late_partitions(
    dataset: DatasetSpec, store: Store, source: Source, until: dt.date, runs: Mapping[Partition, DayRun]
) -> set[Partition]:
    """The partitions with files that their last run did not find, or found of another size.

    Those of sources whose files lie in folders of days; others have no days that could grow. Nothing is said where
    `arrivals` cannot be read: who asks is told of that elsewhere.

    Args:
        dataset: Whose partitions they are.
        store: What was found is asked of it.
        source: What lies there is asked of it.
        until: The last day that counts.
        runs: What was run.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    if not isinstance(source, DayFolders):
        return set()
    try:
        arrived = _arrived(store, dataset, until)
        tombstones = TombstoneBook(store, dataset.name).all()
    except (Damaged, OtherVersion, pl.exceptions.PolarsError):
        return set()
    late = set()
    for day, same in groupby(sorted(arrived), key=lambda one: one.date):
        partitions = list(same)
        of_day = {name for one in partitions for name in arrived[one]}
        unplaced = any(run.unplaced for one, run in runs.items() if one.date == day)
        archives = [] if unplaced else source.archives(day)  # of those that hold no category others tell
        for one in partitions:
            known = _Arrived(arrived[one], runs[one].archives if one in runs else {}, of_day, tombstones)
            lies_there = [*source.lying(day, one.category), *archives] if one.category in dataset.categories else []
            if not all(known.knows(file) for file in lies_there):
                late.add(one)
    return late


def _arrived(store: Store, dataset: DatasetSpec, until: dt.date) -> dict[Partition, dict[str, int]]:
    """Sizes of the files of the last days by provenance, of each partition that has any."""
    first = max(dataset.start_day, until - dt.timedelta(days=DAYS - 1))
    counted = rows_per_partition(store, dataset.name, ARRIVALS).filter(pl.col("date").is_between(first, until))
    of_days = counted.group_by("date").agg(pl.col("rows").sum()).sort("date", descending=True)
    days = of_days.filter(pl.col("rows").cum_sum() <= FILES)["date"]
    shown = counted.filter(pl.col("date").is_in(days.implode())).select("date", "category")
    partitions = [Partition(*one) for one in shown.iter_rows()]
    found: dict[Partition, dict[str, int]] = {one: {} for one in partitions}
    rows = store.table(dataset.name, ARRIVALS).scan(partitions).select("date", "category", "source", "bytes").collect()
    for day, category, source, size in rows.iter_rows():
        found[Partition(day, category)][source] = size
    return found


def _is_of(source: str, archive: str) -> bool:
    return source == archive or source.startswith(f"{archive}/")
