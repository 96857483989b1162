"""Which days `image-assets run` is to run, and running one after the other."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from image_assets.answers.other_features import other_features
from image_assets.cli.day_report import DayReport
from image_assets.cli.options import DaysAsked
from image_assets.cli.printing import say
from image_assets.cli.summary import show_day
from image_assets.dataset import DatasetSpec
from image_assets.errors import UsageError
from image_assets.health.days import (
    chosen_partitions,
    got_files_since,
    landed_days,
    loaded_partitions,
    never_run,
    refuse_unknown,
)
from image_assets.ingest.registry import source_of
from image_assets.ingest.source import Source
from image_assets.schema import Partition
from image_assets.store.store import Store

PartitionsByDay = Mapping[dt.date, Sequence[Partition]]


def chosen_days(asked: DaysAsked, dataset: DatasetSpec, landing: str, store: str) -> PartitionsByDay:
    """The partitions to be run, by day.

    Raises:
        SourceError: the landing zone cannot be listed.
        ExtractorError, Damaged: it cannot be said which features are of another extractor.
        UsageError: a day that is not over or before the dataset begins, an unknown category, or there is none.
    """
    refuse_unknown(dataset, asked.categories)
    if asked.day:
        return {asked.day: chosen_partitions(dataset, asked.day, asked.categories)}
    if asked.extract_anew:
        return _of_another_extractor(asked, dataset, Store(store))
    source, opened, wanted = source_of(dataset, landing), Store(store), None
    over = dt.datetime.now(dataset.zone).date() - dt.timedelta(days=1)
    last = asked.last or over
    if asked.missing or asked.late:
        wanted = (never_run if asked.missing else got_files_since)(dataset, opened, source, over)
        days = sorted({one.date for one in wanted})
    elif asked.first:
        known = {one.date for one in loaded_partitions(dataset, opened)} | _landed(dataset, source, last)
        days = sorted(day for day in known if asked.first <= day <= last)
    else:
        days = [_newest(dataset, source, over)]
        say(f"day {days[0]}, the newest that landed", to_stderr=True)
    chosen = {day: chosen_partitions(dataset, day, asked.categories) for day in days}
    if wanted is not None:
        chosen = {day: [one for one in some if one in wanted] for day, some in chosen.items()}
        chosen = {day: some for day, some in chosen.items() if some}
    if not chosen and asked.first:
        raise UsageError(f"nothing of dataset {dataset.name} landed or was loaded from {asked.first} to {last}")
    return chosen


def _of_another_extractor(asked: DaysAsked, dataset: DatasetSpec, store: Store) -> PartitionsByDay:
    found = other_features(dataset, store).images
    if not found:
        say("no image has features of another extractor than the dataset file's", to_stderr=True)
    days = {day: chosen_partitions(dataset, day, asked.categories) for day in sorted({one.date for one in found})}
    days = {day: [one for one in some if one in found] for day, some in days.items()}
    return {day: some for day, some in days.items() if some}


def _landed(dataset: DatasetSpec, source: Source, last: dt.date) -> set[dt.date]:
    return {day for day, categories in landed_days(dataset, source, last).items() if categories}


def _newest(dataset: DatasetSpec, source: Source, over: dt.date) -> dt.date:
    days = [day for day in source.days() if dataset.start_day <= day <= over]
    newest = next((day for day in reversed(days) if {*source.categories(day)} & {*dataset.categories}), None)
    if newest is None:
        raise UsageError(
            f"nothing of dataset {dataset.name} landed from {dataset.start_day} to {over}, the last day that is over: "
            "bring images with image-assets land, or say which --day"
        )
    return newest


def run_days(
    dataset: DatasetSpec, days: PartitionsByDay, console: Console, run: Callable[[Sequence[Partition]], DayReport]
) -> list[DayReport]:
    """Run one day after the other, whatever becomes of each, and say after several how each ended."""
    reports: list[DayReport] = []
    begun, name = time.monotonic(), dataset.name
    for number, (day, partitions) in enumerate(days.items()):
        if len(days) > 1:
            left = (time.monotonic() - begun) / number * (len(days) - number) if number else None
            console.rule(f"{name}, {day}: {number + 1} of {len(days)}{_to_go(left)}")
        reports.append(run(partitions))
        show_day(reports[-1], console)
    if len(days) != 1:
        _show_days(reports, console)
    return reports


def _to_go(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {seconds / 60:,.0f} minutes to go" if seconds >= 90 else f", about {seconds:.0f} seconds to go"


def _show_days(reports: Sequence[DayReport], console: Console) -> None:
    failed = [report for report in reports if not report.result.ok]
    console.rule(f"{len(reports):,} days, {len(failed):,} of them failed")
    for report in failed:
        console.print(f"[bold red]failed:[/] {report.day}", highlight=False)
    if not reports:
        console.print("[green]there is nothing to run[/]")
