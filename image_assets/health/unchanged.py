"""Whether anything has changed since a day was last run; where nothing has, what that run gave can be told again.

A run rests on the program, the settings, what landed, what people decided, and the time by which data is due; of these
there is a digest from before it began, and one of the dataset's files in the store from after it ended. Where a run
cannot be judged by these, because it asks a server or reads annotations that lie elsewhere, none is kept.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_assets.dataset import DatasetSpec
from image_assets.environment import VARIABLES
from image_assets.features.onnx_file import files_beside
from image_assets.health.day_result import DayResult
from image_assets.health.days import due_day
from image_assets.ingest.day_book import DayBook
from image_assets.ingest.source import Source
from image_assets.program import files_below, program_digest
from image_assets.schema import REVIEWS, Partition
from image_assets.settings.sources import BucketSource, FolderSource
from image_assets.store.objects import state_below
from image_assets.store.records import Records
from image_assets.store.store import Store

DAY_RESULTS = "day_results"
"""The folder of a dataset that holds them."""


@dataclass(frozen=True)
class DayAsked:
    """A day that is to be run.

    Attributes:
        dataset: Whose it is.
        store: Where its tables are.
        source: Where its images arrive.
        partitions: The categories that are to be run.
        home: The folder in which Dagster records runs.
        until: The last asset to be made of it, or None.
        allow_loss: Whether images may go that were loaded.
    """

    dataset: DatasetSpec
    store: Store
    source: Source
    partitions: Sequence[Partition]
    home: Path
    until: str | None = None
    allow_loss: bool = False

    @property
    def day(self) -> dt.date:
        """The day."""
        return self.partitions[0].date

    @property
    def can_be_known(self) -> bool:
        """Whether listing shows all that a run of it would find."""
        return bool(self.partitions) and isinstance(self.dataset.source, FolderSource | BucketSource)


@dataclass(frozen=True)
class Told:
    """What a run gave when everything was as it is now, but for what it made and how long it took; when that was."""

    result: DayResult
    at: dt.datetime


@dataclass(frozen=True)
class DayResults:
    """The results of a day that is to be run, or was.

    Made before the run, it knows what the run rests on.

    Raises:
        SourceError: the landing zone cannot be listed.
    """

    asked: DayAsked
    rests_on: dict[str, Any] = field(init=False)
    began: dt.datetime = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "began", dt.datetime.now(dt.UTC))
        object.__setattr__(self, "rests_on", _rests_on(self.asked, self.began))

    def told(self) -> Told | None:
        """What the last run of the day gave, where everything is as it was."""
        kept = self._records.read(self.asked.day.isoformat())
        try:
            if kept is None or kept["rests_on"] != self.rests_on or kept["left"] != self._left():
                return None
            result, at = DayResult.of_record(kept["result"]), dt.datetime.fromisoformat(kept["at"])
            return Told(dataclasses.replace(result, made=set(), seconds={}), at)
        except (LookupError, TypeError, ValueError):  # of another version, or damaged: the day is run
            return None

    def keep(self, result: DayResult) -> None:
        """Keep what a run gave, where it came to a good end and nobody else changed anything meanwhile."""
        alone = _decided(self.asked) == self.rests_on["decided"] and not self._others()
        if not (result.ok and result.sound and alone):
            return
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {"rests_on": self.rests_on, "left": self._left(), "at": now, "result": result.as_record()}
        self._records.write(self.asked.day.isoformat(), record)

    @property
    def _records(self) -> Records:
        return Records(self.asked.store, self.asked.dataset.name, DAY_RESULTS)

    def _left(self) -> list[str]:
        name = self.asked.dataset.name
        return [
            state_below(self.asked.store.objects(name), besides=f"{DAY_RESULTS}/"),
            *_state_of_home(self.asked.home),
        ]

    def _others(self) -> bool:
        """Whether other days, or other categories, were run since."""
        runs = DayBook(self.asked.store, self.asked.dataset.name).runs()
        others = (run for partition, run in runs.items() if partition not in self.asked.partitions)
        return any(dt.datetime.fromisoformat(run.at) >= self.began for run in others)


def _rests_on(asked: DayAsked, now: dt.datetime) -> dict[str, Any]:
    dataset = asked.dataset
    return {
        "program": program_digest(),
        "settings": _digest([dataset.model_dump_json(), *(one.value for one in VARIABLES), *_files_named_by(dataset)]),
        "asked": [asked.until, asked.allow_loss, [one.category for one in asked.partitions]],
        "places": [asked.store.url, str(asked.home)],
        "due": [due_day(dataset, now).isoformat(), now.astimezone(dataset.zone).date().isoformat()],
        "landed": _digest(_landed(asked)),
        "decided": _decided(asked),
    }


def _landed(asked: DayAsked) -> Iterator[str]:
    """Everything that arrived on the day, also under names that are no categories."""
    yield repr(asked.source.unplaced(asked.day, asked.dataset.categories))
    for one in asked.partitions:
        listing = asked.source.list_files(one.date, one.category)
        yield f"{one.category}\0{listing.ignored}\0{listing.unselected}"
        for file in listing.files:
            yield f"{file.source}\0{file.bytes}\0{file.version}"


def _decided(asked: DayAsked) -> str:
    """The state of what people say of images."""
    return state_below(asked.store.objects(asked.dataset.name), f"{REVIEWS.name}/")


def _files_named_by(dataset: DatasetSpec) -> Iterator[str]:
    """The local files that the dataset file names, and those beside a model, by size and time; not what lands."""
    for text in _texts(dataset.model_dump(mode="json", exclude={"source", "categories"})):
        if os.path.exists(text):
            yield from files_below(Path(text))
    for text in _texts(dataset.model_dump(mode="json", include={"extractor"})):
        if os.path.isfile(text):
            yield from (line for file in files_beside(Path(text)) for line in files_below(file))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for one in value.values():
                yield from _texts(one)
        case list():
            for one in value:
                yield from _texts(one)


def _state_of_home(home: Path) -> Iterator[str]:
    """A home that was thrown away and made anew is another one, which knows of no run."""
    settings = home / "dagster.yaml"
    if settings.is_file():
        yield f"{settings.stat().st_ino} {settings.stat().st_mtime_ns}"


def _digest(lines: Sequence[str] | Iterator[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(json.dumps(line).encode() + b"\n")
    return digest.hexdigest()
