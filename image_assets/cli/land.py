"""The command `image-assets land`: files and folders are brought into the landing zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from image_assets.cli.options import (
    Day,
    dataset_if_known_option,
    json_option,
    landing_option,
    store_if_known_option,
    together,
)
from image_assets.cli.printing import print_json, say
from image_assets.cli.words import Command
from image_assets.terminal import terminal
from image_assets.wording import did_you_mean

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec

_DAY = "of arrival, such as 2026-11-20; default: the last day that is over, or today where that one was run already"


@dataclass(frozen=True)
class Arrival:
    """When files arrive and as what, as far as that was said."""

    day: dt.date | None
    category: str | None


@click.command(
    cls=Command,
    examples=["image-assets land photos", "image-assets land --day 2026-11-20 --category owl photos/owls"],
    failed="a file was refused",
)
@landing_option
@dataset_if_known_option
@store_if_known_option
@together(
    "arrival",
    Arrival,
    click.option("--day", metavar="DAY", type=Day(), help=_DAY),
    click.option(
        "--category", metavar="NAME", help="category of all of it; default: folders in it are named as categories"
    ),
)
@json_option
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(readable=False), help="file or folder"
)
def land(
    landing: str, dataset: str | None, store: str | None, arrival: Arrival, paths: tuple[str, ...], *, as_json: bool
) -> int:
    """Bring files and nested folders into the landing zone: of one category, or a folder for each."""
    from image_assets.dataset import load_dataset
    from image_assets.ingest.landing import land_files
    from image_assets.resources.progress import TerminalProgress

    spec = load_dataset(dataset) if dataset else None
    day = arrival.day or _day_of_arrival(spec, store)
    console = terminal(stderr=as_json)
    given = {arrival.category: paths} if arrival.category else _by_category(spec, paths, [landing, store, dataset])
    reports = {}
    for name, folders in given.items():
        with TerminalProgress(console).track(f"land {day} {name}", "files") as progress:
            reports[name] = land_files(folders, landing, day, name, progress)
    refused = [line for one in reports.values() for line in one.refused]
    figures = {
        key: sum(getattr(one, key) for one in reports.values())
        for key in ("copied", "already_there", "ignored", "bytes")
    }
    if as_json:
        categories = {name: one.copied + one.already_there for name, one in reports.items()}
        print_json({"day": day.isoformat(), "categories": categories, **figures, "refused": refused})
    else:
        say(
            f"{day}: {figures['copied']:,} files landed ({figures['bytes'] / 1e6:,.1f} MB), "
            f"{figures['already_there']:,} were there already, {figures['ignored']:,} ignored, {len(refused):,} refused"
        )
        for line in refused:
            say(f"  refused: {line}")
    for line in _not_to_be_loaded(spec, day, reports):
        say(f"warning: {line}", to_stderr=True)
    return 1 if refused else 0


def _not_to_be_loaded(dataset: DatasetSpec | None, day: dt.date, categories: Iterable[str]) -> Iterator[str]:
    """Why what was landed will not be loaded as the dataset file is now."""
    if dataset is None:
        return
    if day < dataset.start_day:
        yield f"{day} lies before start_day {dataset.start_day} of dataset {dataset.name}, and is never run"
    if day > dt.datetime.now(dataset.zone).date() + dt.timedelta(days=1):
        yield f"{day} is to come, and is not run until it is over; is it the right year?"
    # Elsewhere lists or annotations say what the categories are, and folders mean nothing.
    for name in categories if dataset.source.kind in ("folder", "bucket") else ():
        if name not in dataset.categories:
            meant = did_you_mean(name, dataset.categories)
            yield f"{name} is no category of dataset {dataset.name}, and is not loaded{f'; {meant}' if meant else ''}"


def _day_of_arrival(dataset: DatasetSpec | None, store: str | None) -> dt.date:
    """The last day that is over, so that it can be run at once; today where that was run, as by the run at 07:00."""
    from image_assets.ingest.day_book import DayBook
    from image_assets.store.store import Store

    today = dt.datetime.now(dataset.zone if dataset else dt.UTC).date()
    yesterday = today - dt.timedelta(days=1)
    if dataset is None or store is None or yesterday < dataset.start_day:
        return today
    ran = DayBook(Store(store), dataset.name).runs()
    return today if any(one.date == yesterday for one in ran) else yesterday


def _by_category(
    dataset: DatasetSpec | None, paths: Sequence[str], places: Sequence[str | None]
) -> Mapping[str, Sequence[Path]]:
    """The folders in the folders given, by the category that each is named as."""
    from image_assets.ingest.landing import LandingError
    from image_assets.ingest.own_folders import own_folders
    from image_assets.project import no_images

    if dataset is None:
        said = "give --category, or --dataset with the categories that the folders are named as"
        raise click.UsageError(said, click.get_current_context())
    found: dict[str, tuple[Path, ...]] = {}
    for path in paths:
        for name, folders in own_folders(path, no_images(places)).categories.items():
            if name not in dataset.categories:
                meant = did_you_mean(name, dataset.categories)
                raise LandingError(
                    f"{folders[0]}: {name} is no category of dataset {dataset.name}; {f'{meant} ' if meant else ''}"
                    f"it has {', '.join(dataset.categories)}. Give --category where all of {path} is of one"
                )
            found[name] = (*found.get(name, ()), *folders)
    return found
