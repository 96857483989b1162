"""The command `image-assets repair`: what `verify` finds is made good, as far as that can be."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from image_assets.cli.options import HowToRun, Places, json_option, places_options
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import Command

if TYPE_CHECKING:
    from image_assets.cli.deployment import Deployment
    from image_assets.dataset import DatasetSpec
    from image_assets.health.day_result import DayResult
    from image_assets.store.store import Store
    from image_assets.verification.finding import Verified
    from image_assets.verification.mending import Mending

_ROUNDS = 3  # what a damaged log names is seen once it can be read, and what is made of that after


@click.command(
    cls=Command,
    examples=["image-assets repair --dry-run", "image-assets repair"],
    failed="something is still wrong",
)
@places_options
@click.option("--dry-run", is_flag=True, help="only say what would be done")
@json_option
def repair(places: Places, *, dry_run: bool, as_json: bool) -> int:
    """Move damaged files aside and make again what they held, from what is left or landed. Nothing is deleted.

    What was loaded is only given up where the landing zone holds that day; otherwise it stays as it is and is named:
    then only a copy of the store helps.
    """
    from image_assets.cli.deployment import Deployment
    from image_assets.dataset import load_dataset
    from image_assets.resources.progress import terminal_console
    from image_assets.store.store import Store

    console = terminal_console(sys.stderr if as_json else sys.stdout)
    spec = load_dataset(places.dataset)
    repairs = _Repairs(spec, places, console)
    found = repairs.look()
    plan = repairs.plan(found)
    if dry_run or found.is_sound or plan.is_nothing:
        return repairs.told(found, plan, {"dry_run": dry_run, "errors": []}, as_json=as_json)
    errors = list[str]()
    with Deployment(spec, places.landing, places.store, console) as deployment:
        for _ in range(_ROUNDS):
            errors = [*repairs.carry_out(plan, deployment, Store.to_write(places.store))]
            found = repairs.look()
            plan = repairs.plan(found)
            if found.is_sound or plan.is_nothing:
                break
    for error in errors:
        say(error, to_stderr=True)
    return repairs.told(found, plan, {"dry_run": False, "errors": errors}, as_json=as_json)


class _Repairs:
    """Looks at a store, and makes good what it finds."""

    def __init__(self, dataset: DatasetSpec, places: Places, console: Console) -> None:
        from image_assets.ingest.registry import source_of

        self._dataset, self._places, self._console = dataset, places, console
        self._source = source_of(dataset, places.landing)
        self.moved: list[str] = []

    def look(self) -> Verified:
        """What is wrong now."""
        from image_assets.resources.progress import TerminalProgress
        from image_assets.store.store import Store
        from image_assets.verification.whole_store import verify_store

        return verify_store(Store.to_read(self._places.store), self._dataset, TerminalProgress(self._console).track)

    def plan(self, found: Verified) -> Mending:
        """What is to be done about it."""
        from image_assets.verification.mending import mending_of

        return mending_of(found.findings, lambda one: bool(self._source.list_files(one.date, one.category).files))

    def carry_out(self, plan: Mending, deployment: Deployment, store: Store) -> Iterator[str]:
        """Do it; what went wrong with a run, in words."""
        from image_assets.verification.mending import set_aside

        self.moved += set_aside(store.objects(self._dataset.name), plan.aside, dt.datetime.now(dt.UTC))
        for partition, firsts in sorted(plan.anew.items()):
            for first in firsts:
                how = HowToRun(since=first or None, refresh=False)
                report = deployment.run(partition.date, [partition.category], how)
                yield from _errors(report.result)
        if plan.whole:
            yield from _errors(deployment.refresh())

    def told(self, found: Verified, plan: Mending, more: dict[str, Any], *, as_json: bool) -> int:
        """Say how it stands, and give the exit status."""
        if as_json:
            print_json({**found.as_json(), "plan": plan.as_json(), "moved": self.moved, **more})
            return 0 if found.is_sound else 1
        for line in (*(f"moved aside: {path}" for path in self.moved), *_planned(plan), *_left(plan)):
            say(line)
        if found.is_sound:
            say(f"{found.dataset}: every file is as it was written")
        elif found.findings:
            say(f"{found.dataset}: {len(found.findings):,} things are wrong")
        else:
            say(f"there is nothing of dataset {found.dataset} in {self._places.store}: run a day first", to_stderr=True)
        return 0 if found.is_sound else 1


def _errors(result: DayResult) -> list[str]:
    return [*result.errors, *(str(one) for one in result.checks if not one.passed and one.severity == "ERROR")]


def _planned(plan: Mending) -> Iterator[str]:
    for path in plan.aside:
        yield f"to be moved aside: {path}"
    for partition, firsts in sorted(plan.anew.items()):
        yield f"to be made again: {partition}, from {' and '.join(one or 'the landing zone' for one in firsts)} on"
    if plan.whole:
        yield "to be made again: what is made of the whole dataset"


def _left(plan: Mending) -> Iterator[str]:
    for one in plan.left:
        yield f"cannot be made again: {one}; restore it from a copy of the store"
