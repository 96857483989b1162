"""What `image-assets run` would take up: the answer to `--dry-run`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from image_assets.answers.other_features import OtherFeatures, other_features
from image_assets.cli.printing import say
from image_assets.dataset import DatasetSpec
from image_assets.features.errors import ExtractorError
from image_assets.health.days import loaded_partitions
from image_assets.ingest.registry import source_of
from image_assets.reports.tables import plain_table, show_table
from image_assets.schema import Partition
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
    """

    dataset: str
    files: Mapping[Partition, int]
    loaded: Collection[Partition]
    others: OtherFeatures | None

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
        return {"files": self.files[one], "loaded": one in self.loaded, "extracted_anew": anew}

    def show(self, console: Console) -> None:
        """Print it for a person."""
        table = plain_table("day", "category", "files", "loaded before", numbers=("files",))
        for one, files in self.files.items():
            table.add_row(str(one.date), one.category, f"{files:,}", "yes" if one in self.loaded else "no")
        show_table(console, table)
        said = f"{len(self.days):,} days with {sum(self.files.values()):,} files would be run; nothing was changed"
        for line in (said, *self._extracted_anew()):
            console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _extracted_anew(self) -> list[str]:
        if self.others is None or not self.others.images:
            return []
        anew = self.others.of(self.files)
        said = f"{anew:,} images of these days would be extracted anew: their features are of another extractor"
        return [*([said] if anew else []), *self.others.besides(self.files).lines]


def planned(days: Mapping[dt.date, Sequence[Partition]], dataset: DatasetSpec, landing: str, store: str) -> Planned:
    """What a run of these days would take up; nothing is changed.

    Raises:
        SourceError: the landing zone cannot be listed.
    """
    source, opened = source_of(dataset, landing), Store(store)
    partitions = [one for some in days.values() for one in some]
    files = {one: len(source.list_files(one.date, one.category).files) for one in partitions}
    return Planned(dataset.name, files, loaded_partitions(dataset, opened), _other_features(dataset, opened))


def _other_features(dataset: DatasetSpec, store: Store) -> OtherFeatures | None:
    try:
        return other_features(dataset, store)
    except (ExtractorError, Damaged) as error:
        say(f"it is not known whether features of another extractor are there: {error}", to_stderr=True)
        return None
