"""Which images a request means: by their ids, or all of a query; and what it says of them."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from image_assets.answers.conditions import conditions_in
from image_assets.answers.gallery import QUEUES, Query, images_of
from image_assets.answers.map.selection import selection_in
from image_assets.console.refusals import Refused
from image_assets.dataset import DatasetSpec
from image_assets.marks.record import located
from image_assets.model_assets import ModelAsset
from image_assets.settings.section import Sha256, Strict, faults_of
from image_assets.store.store import Store

T = TypeVar("T", bound=Strict)
_ONE_OF_BOTH: list[JsonValue] = [
    {"required": [name], "properties": {name: {"type": kind}, other: {"type": "null"}}}
    for name, kind, other in (("images", "array", "query"), ("query", "object", "images"))
]
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
WHERE = (
    "Words such as source~owls, width>=1000, day=2026-11-20 or predicted_category!=plant, of any column of raw_images "
    "or predictions; a word alone is in the source, the category, or begins an id. Quoted where it has spaces."
)
"""How conditions are said."""
_PLACE = ["image_id", "date", "category"]


def _as_written(day: object) -> object:
    """A day is written as 2026-11-20; by itself pydantic also takes seconds since 1970 for one."""
    if isinstance(day, str) and not _DAY.fullmatch(day):
        raise ValueError(f"{day!r} is no day; expected one such as 2026-11-20")
    return day


Day = Annotated[dt.date, BeforeValidator(_as_written)]
"""A day, as a request names it."""


def _with_a_zone(moment: object) -> object:
    """A moment is written as 2026-11-20T07:00:00+00:00; by itself pydantic also takes seconds since 1970 for one."""
    try:
        zone = dt.datetime.fromisoformat(moment).tzinfo if isinstance(moment, str) else None
    except ValueError:
        zone = None
    if zone is None and moment is not None:
        raise ValueError(f"{moment!r} is no moment with a time zone; expected one such as 2026-11-20T07:00:00+00:00")
    return moment


Moment = Annotated[dt.datetime, BeforeValidator(_with_a_zone)]
"""A moment, as a request names it."""


def _printed(name: object) -> object:
    """A name is read by others: without space around it, and with nothing in it that does not print."""
    if isinstance(name, str):
        name = name.strip()
        if not name.isprintable():
            raise ValueError("a name has only signs that can be printed")
    return name


Name = Annotated[str, BeforeValidator(_printed)]
"""What somebody is called."""


class QuerySaid(Strict):
    """A query, as a request names it."""

    queue: str = Field(default="all", json_schema_extra={"enum": [*QUEUES]})
    day: Day | None = None
    category: str | None = None
    map: str | None = Field(default=None, description="Only these of the map, as the address of its page has them.")
    where: str | None = Field(
        default=None, max_length=2_000, description=f"Only those that fulfil all of this. {WHERE}"
    )

    @model_validator(mode="after")
    def _queue_is_known(self) -> QuerySaid:
        if self.queue not in QUEUES:
            raise ValueError(f"there is no queue {self.queue!r}; there are {', '.join(QUEUES)}")
        return self

    @field_validator("map")
    @classmethod
    def _map_is_understood(cls, said: str | None) -> str | None:
        if said is not None:
            selection_in(said)
        return said

    @field_validator("where")
    @classmethod
    def _where_is_understood(cls, said: str | None) -> str | None:
        conditions_in(said or "")
        return said

    def query(self) -> Query:
        """The query."""
        on_map = None if self.map is None else selection_in(self.map)
        return Query(self.queue, self.day, self.category, on_map, conditions_in(self.where or ""))


class Selection(Strict):
    """Images: these, or all of a query."""

    model_config = ConfigDict(json_schema_extra={"oneOf": _ONE_OF_BOTH})

    images: list[Sha256] | None = None
    query: QuerySaid | None = None
    expected: int | None = Field(default=None, description="Refused where a query has another number of images by now.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Selection:
        if (self.images is None) == (self.query is None):
            raise ValueError("give either images or query")
        if self.images is not None and self.expected is not None:
            raise ValueError("expected is said of a query; images are just those that are named")
        return self

    def rows(self, dataset: DatasetSpec, store: Store) -> pl.DataFrame:
        """image_id, date and category of the images. Raises `Refused` where one is not loaded, or there are others."""
        if self.query is not None:
            found = images_of(dataset, store, self.query.query()).rows.select(_PLACE)
            if self.expected is not None and found.height != self.expected:
                said = f"the query has {found.height:,} images by now, not {self.expected:,}; look at them again"
                raise Refused(409, "changed_meanwhile", said)
            return found
        wanted = set(self.images or ())
        found = located(dataset, store, pl.Series(sorted(wanted), dtype=pl.String))
        if missing := wanted - set(found["image_id"]):
            said = f"{len(missing)} of {len(wanted)} images are not loaded, such as {min(missing)}"
            raise Refused(404, "unknown_image", said)
        return found.select(_PLACE)


class MapSaid(Strict):
    """Points of the map."""

    map: str = Field(default="", description="Filters and lassos, as the address of the map's page has them.")
    version: str | None = Field(default=None, description="Refused where the map is another one by now.")

    @field_validator("map")
    @classmethod
    def _is_understood(cls, said: str) -> str:
        selection_in(said)
        return said


class MarksSaid(Selection):
    """What is said of images."""

    what: Literal["label", "exclude", "check"]
    category: str | None = Field(default=None, description="Of a label, and of nothing else.")
    reviewer: Name | None = Field(default=None, min_length=1, max_length=100)
    since: Moment | None = Field(
        default=None, description="When the images were shown: the answer tells who has marked some of them after that."
    )

    @model_validator(mode="after")
    def _category_is_of_a_label(self) -> MarksSaid:
        if (self.what == "label") != (self.category is not None):
            raise ValueError("a category belongs to a label, and every label has one")
        return self


class Exported(Selection):
    """What is to be downloaded."""

    format: Literal["csv", "parquet"] = "csv"


def said_in(kind: type[T], body: bytes) -> T:
    """What a JSON body says. Raises `Refused`."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise Refused(400, "bad_request", f"the body is not as expected: {faults_of(error)}") from None


def query_in(parameters: Mapping[str, str]) -> Query:
    """The query that an address names. Raises `Refused`."""
    named = {name: parameters[name] for name in ("queue", "day", "category", "map", "where") if parameters.get(name)}
    try:
        return QuerySaid.model_validate(named).query()
    except ValidationError as error:
        raise Refused(400, "bad_query", f"the address is not as expected: {faults_of(error)}") from None


def name_in(parameters: Mapping[str, str], name: str) -> str | None:
    """What somebody is called, as an address names them; None where it names nobody. Raises `Refused`."""
    said = parameters.get(name, "").strip()
    if len(said) > 100 or not said.isprintable():
        raise Refused(400, "bad_name", f"{name}: expected at most 100 signs that can be printed")
    return said or None


def number_in(parameters: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    """A whole number that an address names. Raises `Refused`."""
    said = parameters.get(name, str(usual))
    if not said.isascii() or not said.isdecimal() or len(said) > 13 or not least <= int(said) <= most:
        raise Refused(400, "bad_number", f"{name}={said!r}: expected a number from {least:,} to {most:,}")
    return int(said)


def asset_in(parameters: Mapping[str, str], dataset: str, assets: Sequence[ModelAsset]) -> ModelAsset | None:
    """The asset whose model an address names by `model`; None where it names none. Raises `Refused`."""
    said = parameters.get("model")
    if said is None:
        return None
    for asset in assets:
        if asset == said:
            return asset
    raise Refused(400, "bad_model", f"model={said!r}: {dataset} has {' and '.join(assets)}")
