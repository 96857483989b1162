"""Running days, but for those of which nothing has changed since they were run: these are told again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console

from image_assets.cli.day_report import DayReport, report_of
from image_assets.cli.options import HowToRun
from image_assets.dataset import DatasetSpec
from image_assets.health.unchanged import DayAsked, DayResults
from image_assets.importing import much_imported
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import SourceError
from image_assets.places import PlaceError, home_of
from image_assets.schema import Partition
from image_assets.store.store import Store

if TYPE_CHECKING:
    from image_assets.cli.deployment import Deployment


class DayRunner:
    """Runs days of a dataset. A context manager. What runs them is loaded when the first day is to be run.

    Args:
        dataset: Whose days they are.
        landing: The landing zone.
        store: The store.
        console: Where progress is shown.
        how: How they are to be run.
    """

    def __init__(self, dataset: DatasetSpec, landing: str, store: str, console: Console, how: HowToRun) -> None:
        self._dataset, self._landing, self._store, self._console = dataset, landing, store, console
        self._how = how
        self._opened = ExitStack()

    def __call__(self, partitions: Sequence[Partition]) -> DayReport:
        """Run some partitions of a day, or tell what their last run gave. Raises as `Deployment`, and its `run`."""
        if self._how.checks_only:
            return self._deployment.check(partitions)
        asked = self._asked(partitions)
        results = None
        if asked is not None and asked.can_be_known:
            with suppress(SourceError, PlaceError, OSError):  # the run says so
                results = DayResults(asked)
        told = results.told() if results and not self._how.verify else None
        if asked is not None and told is not None:
            return report_of(self._dataset, asked.store, asked.source, partitions, told.result, told.at)
        categories = [one.category for one in partitions]
        report = self._deployment.run(partitions[0].date, categories, self._how)
        if results is not None:
            results.keep(report.result)
        return report

    def _asked(self, partitions: Sequence[Partition]) -> DayAsked | None:
        """None where no run can be told again: of a part of a day, or where it is not said where runs are recorded."""
        home = home_of(self._store)
        if home is None or self._how.since:
            return None
        source, store = source_of(self._dataset, self._landing), Store.to_read(self._store)
        return DayAsked(self._dataset, store, source, partitions, home, self._how.until, self._how.allow_loss)

    @cached_property
    def _deployment(self) -> Deployment:
        with much_imported():
            from image_assets.cli.deployment import Deployment

            opened = Deployment(self._dataset, self._landing, self._store, self._console)
        return self._opened.enter_context(opened)

    def __enter__(self) -> DayRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)
