"""What `image-assets run` would take up: the answer to `--dry-run`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from image_assets.answers.other_features import OtherFeatures, other_features
from image_assets.categories.record import check_agreement
from image_assets.cli.options import HowToRun
from image_assets.cli.printing import say
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import shared_extractor
from image_assets.health.days import loaded_partitions
from image_assets.ingest.archives.formats import is_archive_name
from image_assets.ingest.loss import LossRefused, refuse_to_lose
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import SourceFile
from image_assets.reports.tables import plain_table, show_table
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged


@dataclass(frozen=True)
class Planned:
    """What a run of some days would take up.

    Attributes:
        dataset: Its name.
        files: How many there are of each day and category, in the order of the run.
        loaded: Of which days and categories images are there already.
        others: Images whose features are of another extractor than the dataset file's; None where that is not known.
        refused: Why the run would leave days and categories as they are, and end with 1.
    """

    dataset: str
    files: Mapping[Partition, int]
    loaded: Collection[Partition]
    others: OtherFeatures | None
    refused: Mapping[Partition, str]

    @property
    def days(self) -> list[dt.date]:
        """The days, in the order of the run."""
        return list(dict.fromkeys(one.date for one in self.files))

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        left = self.others.besides(self.files) if self.others else None
        return {
            "dataset": self.dataset,
            "days": [
                {
                    "day": day.isoformat(),
                    "categories": {one.category: self._as_json(one) for one in self.files if one.date == day},
                }
                for day in self.days
            ],
            "left_of_other_extractor": left.as_json() if left else None,
        }

    def _as_json(self, one: Partition) -> dict[str, Any]:
        anew = self.others.of([one]) if self.others else None
        told = {"files": self.files[one], "loaded": one in self.loaded, "extracted_anew": anew}
        return {**told, "refused": self.refused.get(one)}

    def show(self, console: Console) -> None:
        """Print it for a person."""
        table = plain_table("day", "category", "files", "loaded before", numbers=("files",))
        for one, files in self.files.items():
            table.add_row(str(one.date), one.category, f"{files:,}", "yes" if one in self.loaded else "no")
        show_table(console, table)
        said = f"{len(self.days):,} days with {sum(self.files.values()):,} files would be run; nothing was changed"
        refused = [f"would be refused: {one}: {why}" for one, why in self.refused.items()]
        for line in (said, *self._extracted_anew(), *refused):
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _extracted_anew(self) -> list[str]:
        if self.others is None or not self.others.images:
            return []
        anew = self.others.of(self.files)
        said = f"{anew:,} images of these days would be extracted anew: their features are of another extractor"
        return [*([said] if anew else []), *self.others.besides(self.files).lines]


def planned(
    days: Mapping[dt.date, Sequence[Partition]], dataset: DatasetSpec, landing: str, store: str, how: HowToRun
) -> Planned:
    """What a run of these days would take up; nothing is changed.

    Args:
        days: Which, with their partitions.
        dataset: Whose days they are.
        landing: The landing zone.
        store: The store.
        how: How they are to be run.

    Raises:
        SourceError: the landing zone cannot be listed.
        CategoriesDiffer: the store means something else by the categories.
        UsageError: a day has no such asset as is to be the last to be made.
        ExtractorError: the dataset's extractor cannot be used.
    """
    source, opened = source_of(dataset, landing), Store(store)
    shared_extractor(dataset.extractor)
    if how.until:
        _refuse_unknown_asset(dataset, landing, store, how)
    check_agreement(dataset, opened)
    partitions = [one for some in days.values() for one in some]
    listed = {one: source.list_files(one.date, one.category).files for one in partitions}
    files = {one: len(there) for one, there in listed.items()}
    refused = {} if how.checks_only or how.since else _refused(listed, dataset, opened, allow_loss=how.allow_loss)
    others = _other_features(dataset, opened)
    return Planned(dataset.name, files, loaded_partitions(dataset, opened), others, refused)


def _refuse_unknown_asset(dataset: DatasetSpec, landing: str, store: str, how: HowToRun) -> None:
    # Only Dagster knows what is made of what, and takes a while to load.
    from image_assets.definitions import build_definitions, build_resources
    from image_assets.orchestration.runner import needed_for
    from image_assets.resources.landing import LandingResource
    from image_assets.resources.store import StoreResource

    resources = build_resources(LandingResource(url=landing), StoreResource(url=store))
    needed_for(how.until, dataset, build_definitions([dataset], resources), how.since)


def _refused(
    listed: Mapping[Partition, Sequence[SourceFile]], dataset: DatasetSpec, store: Store, *, allow_loss: bool
) -> dict[Partition, str]:
    """Why loading would refuse partitions by what their source lists now."""
    there, refused = store.table(dataset.name, RAW_IMAGES).snapshot(), {}
    for one, files in listed.items():
        if any(is_archive_name(file.source) for file in files):
            continue  # one that was not opened yet counts as one file, whatever is in it
        try:
            refuse_to_lose(there, one, len(files), 0 if allow_loss else dataset.limits.keep_share)
        except LossRefused as error:
            refused[one] = str(error)
    return refused


def _other_features(dataset: DatasetSpec, store: Store) -> OtherFeatures | None:
    try:
        return other_features(dataset, store)
    except Damaged as error:
        say(f"it is not known whether features of another extractor are there: {error}", to_stderr=True)
        return None
