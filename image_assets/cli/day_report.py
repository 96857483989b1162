"""What `image-assets run` says of a day: plain data and JSON; `summary` prints it for a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from obstore.exceptions import BaseError as ObjectStoreError

from image_assets.answers.loaded import PartitionFacts, partition_facts
from image_assets.classifier.places import current_manifest, why_not_promoted
from image_assets.classifier.unseen import UNSEEN, unseen_of
from image_assets.dataset import DatasetSpec
from image_assets.health.accounting import in_no_category
from image_assets.health.day_result import DayResult
from image_assets.health.days import days_never_run, open_days
from image_assets.ingest.source import Source, SourceError
from image_assets.model_assets import MODEL_ASSETS, ModelAsset
from image_assets.reports.health import ahead_lines, beside_lines, misnamed_lines, open_day_lines
from image_assets.schema import Partition
from image_assets.store.models.model_store import ModelManifest
from image_assets.store.store import Store


@dataclass(frozen=True)
class CurrentModel:
    """The current model of an asset, and why it is not the one that was trained last; empty where it is."""

    asset: ModelAsset
    manifest: ModelManifest | None
    held_back: str = ""


@dataclass(frozen=True)
class DayReport:
    """What a day's run gave, with the figures that the tables hold now, and the current models of all assets.

    Attributes:
        unchanged_since: When the run was whose result this is, where none had to be made.
        in_no_category: Files of the day that are in no category of the dataset, of all categories that were run.
    """

    dataset: DatasetSpec
    day: dt.date
    facts: list[PartitionFacts]
    result: DayResult
    models: tuple[CurrentModel, ...]
    unchanged_since: dt.datetime | None = None
    in_no_category: int = 0

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        checks, seconds = self.result.checks, self.result.seconds
        not_passed = [check for check in checks if not check.passed]
        return {
            "dataset": self.dataset.name,
            "day": self.day.isoformat(),
            "categories": {one.partition.category: one.as_json() for one in self.facts},
            "in_no_category": self.in_no_category,
            "checks": {
                "passed": sum(check.passed and check.evaluated for check in checks),
                "not_evaluated": sum(not check.evaluated for check in checks),
                "warned": [str(check) for check in not_passed if check.severity == "WARN"],
                "failed": [str(check) for check in not_passed if check.severity == "ERROR"],
            },
            **dict.fromkeys(MODEL_ASSETS),
            **{model.asset: self._figures_of(model) for model in self.models},
            "seconds": {stage: round(taken, 3) for stage, taken in seconds.items()},
            "errors": self.result.errors,
            "warnings": self.result.warnings,
            "unchanged_since": self.unchanged_since.isoformat() if self.unchanged_since else None,
        }

    def _figures_of(self, model: CurrentModel) -> dict[str, Any] | None:
        """What is said of a current model, where the run came so far."""
        if not model.manifest or not self.result.refreshed:
            return None
        trained = model.asset in self.result.made
        figures = {name: model.manifest.metrics[name] for name in ("accuracy", "macro_f1", "held_out")}
        held = model.held_back or None if trained else None
        unseen = unseen_of(model.manifest)
        told = {UNSEEN: unseen.figures() if unseen else None}
        return {**figures, **told, "data_day": str(model.manifest.data_day), "trained": trained, "held_back": held}


def report_of(
    dataset: DatasetSpec,
    store: Store,
    source: Source,
    partitions: Sequence[Partition],
    result: DayResult,
    unchanged_since: dt.datetime | None = None,
) -> DayReport:
    """What a run gave, with the figures that the tables hold now, and a word of earlier days that want one."""
    day = partitions[0].date
    result.warnings += left_out(dataset, store, source, day)
    facts = partition_facts(dataset, store, partitions)
    models = tuple(
        CurrentModel(asset, current_manifest(dataset, store, asset), why_not_promoted(dataset, store, asset))
        for asset in dataset.model_assets
    )
    return DayReport(dataset, day, facts, result, models, unchanged_since, in_no_category(store, dataset.name, day))


def left_out(dataset: DatasetSpec, store: Store, source: Source, day: dt.date) -> list[str]:
    """The days before this one that landed and were not run, or whose run failed: nobody else may be told."""
    try:
        open_before = open_days(dataset, store, source, day - dt.timedelta(days=1))
        never_run = days_never_run(dataset, source, dt.datetime.now(dt.UTC))
        beside = beside_lines(source.beside_days(dataset.categories))
        return [
            *misnamed_lines(source.misnamed()),
            *beside,
            *ahead_lines(never_run),
            *open_day_lines(open_before),
        ]
    except (SourceError, ObjectStoreError, OSError) as error:
        return [f"whether days before {day} were left out is not known: {error}"]
