"""Options that several commands have, kinds of values, and what they open: each is said here once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from image_assets.cli.words import Setting
from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.model_assets import MODEL_ASSETS
from image_assets.wording import did_you_mean, some

if TYPE_CHECKING:
    from image_assets.dataset import DatasetSpec
    from image_assets.environment import Variable
    from image_assets.store.store import Store

FILE = click.Path(readable=False, path_type=Path)
"""A file that need not be there yet."""


class DatasetFile(click.ParamType[str]):
    """A dataset file, or the name of a bundled one."""

    name = "file"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """What the shell offers: bundled datasets, and else files."""
        from click.shell_completion import CompletionItem

        from image_assets.dataset import bundled_names

        del ctx, param
        bundled = [name for name in bundled_names() if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type="file"), *map(CompletionItem, bundled)]


class Day(click.ParamType[dt.date]):
    """A day, as 2026-11-20."""

    name = "day"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """The day of a text."""
        try:
            return dt.datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is no day; expected one such as 2026-11-20", param, ctx)


class WholeNumber(click.ParamType[int]):
    """A number of something, from some number on."""

    name = "number"

    def __init__(self, least: int, of: str) -> None:
        self.least, self.of = least, of

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of a text, or of itself."""
        if not str(value).isdecimal() or int(value) < self.least:
            self.fail(f"{value!r} is no number of {self.of}; expected at least {self.least}", param, ctx)
        return int(value)


def _setting(variable: Variable, name: str, metavar: str, *, required: bool = True, **more: Any) -> Any:
    return click.option(name, cls=Setting, variable=variable, required=required, metavar=metavar, **more)


dataset_option = _setting(
    DATASETS, "--dataset", "FILE", type=DatasetFile(), help="dataset file, or the name of a bundled one"
)
datasets_option = _setting(
    DATASETS,
    "--dataset",
    "FILE",
    type=DatasetFile(),
    multiple=True,
    help="dataset file, or the name of a bundled one; may be repeated",
)
store_option = _setting(STORE, "--store", "URL", help="a folder or s3://bucket/prefix")
landing_option = _setting(LANDING, "--landing", "URL", help="the landing zone")
dataset_if_known_option = _setting(
    DATASETS, "--dataset", "FILE", required=False, type=DatasetFile(), help="dataset file, or the name of a bundled one"
)
store_if_known_option = _setting(STORE, "--store", "URL", required=False, help="a folder or s3://bucket/prefix")
landing_if_known_option = _setting(
    LANDING, "--landing", "URL", required=False, help="the landing zone; default: that of the last run"
)
landing_for_files_option = _setting(
    LANDING, "--landing", "URL", required=False, help="the landing zone: files are named as they lie there"
)
model_option = click.option(
    "--model",
    "asset",
    metavar="ASSET",
    type=click.Choice(MODEL_ASSETS),
    help="whose model: classifier goes by features, cnn_classifier by pixels; default: predictions.model",
)
json_option = click.option("--json", "as_json", is_flag=True, help="print one JSON object")

_Decorator = Callable[[Callable[..., Any]], Any]


def together(name: str, make: Callable[..., object], *options: _Decorator) -> _Decorator:
    """Several options that a command takes as one argument: what `make` makes of their values, given by their names.

    Args:
        name: Of the argument.
        make: Called when the command is; it may refuse them with `click.UsageError`.
        options: As `click.option` gives them.
    """
    parts = [param.name or "" for param in click.command("parts")(_with(options, lambda: None)).params]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def called(**given: object) -> object:
            whole = make(**{part: given.pop(part) for part in parts})
            return command(**given, **{name: whole})

        return _with(options, called)

    return decorate


def _with(options: tuple[_Decorator, ...], command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Places:
    """The dataset, where its images arrive and where its tables are, as they were given or found."""

    dataset: str
    landing: str
    store: str


places_options = together("places", Places, dataset_option, landing_option, store_option)


@dataclass(frozen=True)
class DaysAsked:
    """Which days: one, a range, those that are missing, came late or are of another extractor; else the newest."""

    day: dt.date | None
    first: dt.date | None
    last: dt.date | None
    categories: tuple[str, ...]
    missing: bool
    late: bool
    extract_anew: bool

    def __post_init__(self) -> None:
        if sum((self.day is not None, self.first is not None, self.missing, self.late, self.extract_anew)) > 1:
            said = "give one of --day, --from, --missing, --late and --extract-anew"
            raise click.UsageError(said, click.get_current_context())
        if self.last and not self.first:
            raise click.UsageError("--to is the end of a range: give --from too", click.get_current_context())

    @property
    def several(self) -> bool:
        """Whether it may be any number of days."""
        return self.missing or self.late or self.extract_anew or self.first is not None


@dataclass(frozen=True)
class HowToRun:
    """How days are to be run.

    Attributes:
        until: The last asset to be made of a day; None for all, and what is made of the whole dataset.
        allow_loss: Whether images may go that were loaded and are no longer there.
        verify: Whether to run days of which nothing seems to have changed, too.
        checks_only: Whether to load and make nothing, and only look whether what is there is well.
        since: The first asset to be made of a day: what it is made of stays as it is. None for all.
        refresh: Whether to go on to what is made of the whole dataset.
    """

    until: str | None = None
    allow_loss: bool = False
    verify: bool = False
    checks_only: bool = False
    since: str | None = None
    refresh: bool = True

    def __post_init__(self) -> None:
        if self.checks_only and (self.until or self.allow_loss):
            said = "--checks-only makes nothing: it goes with neither --until nor --allow-loss"
            raise click.UsageError(said, click.get_current_context())

    def extracting_anew(self) -> HowToRun:
        """The same from the features on. Nothing is loaded: what asks for that is refused with `click.UsageError`."""
        if self.allow_loss or self.verify or self.checks_only:
            said = "--extract-anew loads nothing: it goes with none of --allow-loss, --verify and --checks-only"
            raise click.UsageError(said, click.get_current_context())
        from image_assets.schema import IMAGE_FEATURES

        return replace(self, since=IMAGE_FEATURES.name)


def to_read(dataset: str, store: str) -> tuple[DatasetSpec, Store]:
    """The dataset of a file and the store at a place. Raises `DatasetError` and `PlaceError`."""
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store

    return load_dataset(dataset), Store.to_read(store)


def refuse_nothing(dataset: DatasetSpec, store: Store, *, may_be_new: bool = False) -> bool:
    """For what would say "done" of a place that was mistyped.

    Args:
        dataset: Which is asked about.
        store: Where.
        may_be_new: Whether a store that holds nothing at all may be asked about.

    Returns:
        Whether something of the dataset lies there.

    Raises:
        UsageError: nothing does, and the message says which other datasets do.
    """
    from image_assets.errors import UsageError
    from image_assets.migrations.plan import datasets_of
    from image_assets.store.objects import holds_something

    if holds_something(store.objects(dataset.name)):
        return True
    nothing = f"there is nothing of dataset {dataset.name} in {store.url}"
    if others := [one for one in datasets_of(store) if holds_something(store.objects(one))]:
        meant = did_you_mean(dataset.name, others)
        raise UsageError(
            f"{nothing}, which holds {some(others, 10)}: {f'{meant} ' if meant else ''}"
            "say by --dataset which is meant or by --store where it is, or run a day of it first"
        )
    if not may_be_new:
        raise UsageError(f"{nothing} yet: run a day first, or say by --store where it is")
    return False


def to_look_at(dataset: str, store: str) -> tuple[DatasetSpec, Store]:
    """As `to_read`, for what tells of what a store holds. Raises `UsageError` where it holds nothing of the dataset."""
    opened = to_read(dataset, store)
    refuse_nothing(*opened)
    return opened


def to_write(dataset: str, store: str) -> tuple[DatasetSpec, Store]:
    """As `to_read`; a store that may only be read is refused."""
    from image_assets.dataset import load_dataset
    from image_assets.store.store import Store

    return load_dataset(dataset), Store.to_write(store)
