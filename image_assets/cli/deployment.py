"""A dataset with its places and a Dagster instance, as the command line uses them, and the runs made there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console

from image_assets.categories.record import agree
from image_assets.cli.day_report import DayReport, report_of
from image_assets.cli.options import HowToRun
from image_assets.dataset import DatasetSpec
from image_assets.definitions import build_definitions, build_resources
from image_assets.health.day_result import DayResult
from image_assets.health.days import chosen_partitions
from image_assets.ingest.known_files import VERIFY_TAG
from image_assets.ingest.loss import ALLOW_LOSS_TAG
from image_assets.orchestration.dagster_home import open_instance, usable_home
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import check_day, needed_for, run_day
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.progress import TerminalProgress
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition
from image_assets.store.store import Store


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
        self._jobs = JobRunner(build_definitions([dataset], resources), open_instance(store))

    def run(self, day: dt.date, categories: Sequence[str] = (), how: HowToRun | None = None) -> DayReport:
        """Run a day, of all categories or of some.

        Raises:
            UsageError: a day has no such asset as is to be the first or the last to be made.
            CategoriesDiffer: the store means something else by the categories; nothing was written.
        """
        partitions = chosen_partitions(self.dataset, day, categories)
        how = how or HowToRun()
        # Nothing is written where there are no such assets.
        assets = needed_for(how.until, self.dataset, self._jobs.definitions, how.since)
        agree(self.dataset, self.store)
        tags = {tag: "true" for tag, asked in ((ALLOW_LOSS_TAG, how.allow_loss), (VERIFY_TAG, how.verify)) if asked}
        result = run_day(
            self._jobs, self.dataset, partitions, assets=assets, refresh=how.refresh and not how.until, tags=tags
        )
        return report_of(self.dataset, self.store, self._source, partitions, result)

    def refresh(self) -> DayResult:
        """Make what is made of the whole dataset. Raises as `run`."""
        agree(self.dataset, self.store)
        return run_day(self._jobs, self.dataset, [])

    def check(self, partitions: Sequence[Partition]) -> DayReport:
        """Evaluate the checks of partitions of a day, and of the whole dataset; nothing is loaded or made.

        Raises:
            CategoriesDiffer: the store means something else by the categories.
        """
        agree(self.dataset, self.store)
        result = check_day(self._jobs, self.dataset, partitions)
        return report_of(self.dataset, self.store, self._source, partitions, result)

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.instance.dispose()
