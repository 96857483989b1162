"""A dataset with its places and a Dagster instance, as the command line uses them, and the runs made there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import dagster as dg
from obstore.exceptions import BaseError as ObjectStoreError
from rich.console import Console

from image_assets.answers.loaded import PartitionFacts, partition_facts
from image_assets.categories.record import agree
from image_assets.classifier.places import CLASSIFIER, current_manifest, why_not_promoted
from image_assets.classifier.unseen import UNSEEN, unseen_of
from image_assets.cli.summary import show_day
from image_assets.dataset import DatasetSpec
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.days import open_days
from image_assets.ingest.source import SourceError
from image_assets.orchestration.dagster_home import open_instance, usable_home
from image_assets.orchestration.recorded_run import DayResult
from image_assets.orchestration.runner import chosen_partitions, needed_for, run_day
from image_assets.reports.health import misnamed_lines, open_day_lines
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import TerminalProgress
from image_assets.resources.store import StoreResource
from image_assets.store.models.model_store import ModelManifest
from image_assets.store.store import Store


@dataclass(frozen=True)
class DayReport:
    """What a day's run gave, with the figures that the tables hold now."""

    dataset: DatasetSpec
    day: dt.date
    facts: list[PartitionFacts]
    result: DayResult
    model: ModelManifest | None
    held_back: str = ""  # why the model that was trained last is not the current one; empty where it is

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        checks, seconds = self.result.checks, self.result.seconds
        not_passed = [check for check in checks if not check.passed]
        return {
            "dataset": self.dataset.name,
            "day": self.day.isoformat(),
            "categories": {one.partition.category: one.as_json() for one in self.facts},
            "checks": {
                "passed": sum(check.passed and check.evaluated for check in checks),
                "not_evaluated": sum(not check.evaluated for check in checks),
                "warned": [str(check) for check in not_passed if check.severity == "WARN"],
                "failed": [str(check) for check in not_passed if check.severity == "ERROR"],
            },
            "classifier": self._classifier(),
            "seconds": {stage: round(taken, 3) for stage, taken in seconds.items()},
            "errors": self.result.errors,
            "warnings": self.result.warnings,
        }

    def _classifier(self) -> dict[str, Any] | None:
        """What is said of the current model, where the run came so far."""
        if not self.model or not self.result.refreshed:
            return None
        trained = CLASSIFIER in self.result.made
        figures = {name: self.model.metrics[name] for name in ("accuracy", "macro_f1", "held_out")}
        held = self.held_back or None if trained else None
        unseen = unseen_of(self.model)
        told = {UNSEEN: unseen.figures() if unseen else None}
        return {**figures, **told, "data_day": str(self.model.data_day), "trained": trained, "held_back": held}

    def show(self, console: Console) -> None:
        """Print the summary for a person."""
        show_day(console, self.dataset, self.day, self.facts, self.result, self.model, self.held_back)


class Deployment:
    """Runs days of a dataset. A context manager: it closes the instance.

    Raises:
        PlaceError, SourceError, UsageError, ExtractorError: a place or a model that cannot be used, before anything
            is run.
    """

    def __init__(self, dataset: DatasetSpec, landing: str, store: str, console: Console) -> None:
        self.dataset = dataset
        Store(store)
        ExtractorResource().extractor(dataset)
        landing_zone = LandingResource(url=landing)
        self._source = landing_zone.source(dataset)
        self._source.days()
        usable_home(store)
        self.store = Store.to_write(store)
        resources = build_resources(landing_zone, StoreResource(url=store))
        resources["progress"] = TerminalProgress(console)
        self._definitions = build_definitions([dataset], resources)
        self._instance: dg.DagsterInstance = open_instance(store)

    def run(
        self,
        day: dt.date,
        categories: Sequence[str] = (),
        until: str | None = None,
        *,
        allow_loss: bool = False,
    ) -> DayReport:
        """Run a day, of all categories or of some; `until` and `allow_loss` as `run_day`.

        Raises:
            CategoriesDiffer: the store means something else by the categories; nothing was written.
        """
        partitions = chosen_partitions(self.dataset, day, categories)
        if until:
            needed_for(until, self.dataset, self._definitions)  # nothing is written where there is no such asset
        agree(self.dataset, self.store)
        result = run_day(
            self._definitions, self.dataset, partitions, self._instance, until=until, allow_loss=allow_loss
        )
        result.warnings += self._left_out(day)
        facts = partition_facts(self.dataset, self.store, partitions)
        model = current_manifest(self.dataset, self.store)
        return DayReport(self.dataset, day, facts, result, model, why_not_promoted(self.dataset, self.store))

    def _left_out(self, day: dt.date) -> list[str]:
        """The days before this one that landed and were not run, or whose run failed: nobody else may be told."""
        try:
            open_before = open_days(self.dataset, self.store, self._source, day - dt.timedelta(days=1))
            return [*misnamed_lines(self._source.misnamed()), *open_day_lines(open_before)]
        except (SourceError, ObjectStoreError, OSError) as error:
            return [f"whether days before {day} were left out is not known: {error}"]

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._instance.dispose()
