"""Which images are meant by words: `source~owls width>=1000 predicted_category=plant`, any column of theirs."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

import polars as pl
import pyarrow as pa

from image_assets.answers.known_names import refuse_unknown_category, refuse_unknown_prediction
from image_assets.dataset import DatasetSpec
from image_assets.schema import PARTITION_COLUMNS, PREDICTIONS, RAW_IMAGES
from image_assets.store.store import Store
from image_assets.wording import did_you_mean

_BINARY = ("thumbnail", "content")
_OF_IMAGES = {
    column.name: column.type for column in (*PARTITION_COLUMNS, *RAW_IMAGES.columns) if column.name not in _BINARY
}
_OF_PREDICTIONS = {column.name: column.type for column in PREDICTIONS.columns if column.name not in _OF_IMAGES}
COLUMNS = {**_OF_IMAGES, **_OF_PREDICTIONS}
"""What may be asked for, with its Arrow type: what is known of every image, and what the classifier took it for."""
_ALSO = {"id": "image_id", "day": "date"}
_WORD = re.compile(r"([a-z_0-9]+)(!=|>=|<=|=|>|<|~)(.*)", re.DOTALL)
_ID = re.compile(r"[0-9a-f]{6,64}")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True)
class Condition:
    """What an image has to fulfil.

    Attributes:
        column: One of `COLUMNS`; empty: the beginning of its id, its category, or something in its source.
        operator: =, !=, >, >=, <, <=, or ~ for a text that has another in it, in capitals or not.
        value: As it was said.
    """

    column: str
    operator: str
    value: str

    def expression(self) -> pl.Expr:
        """Whether rows fulfil it. Raises `ValueError` where the column cannot be compared with such a value."""
        if not self.column:
            return self._anywhere()
        column, value = pl.col(self.column), self._value()
        if self.operator == "~":
            return _in_small_letters(column.cast(pl.String)).str.contains(_small(self.value), literal=True)
        if pa.types.is_string(COLUMNS[self.column]):
            column, value = column.str.normalize("NFC"), normalize("NFC", str(value))
        compared = {
            "=": column == value,
            "!=": column.ne_missing(value),
            ">": column > value,
            ">=": column >= value,
            "<": column < value,
            "<=": column <= value,
        }
        return compared[self.operator]

    def _anywhere(self) -> pl.Expr:
        source = _in_small_letters(pl.col("source")).str.contains(_small(self.value), literal=True)
        found = source | (pl.col("category") == self.value)
        begins = self.value.lower()  # tools of Windows write digests in capitals
        return found | pl.col("image_id").str.starts_with(begins) if _ID.fullmatch(begins) else found

    def _value(self) -> str | float | bool | dt.date:
        kind = COLUMNS[self.column]
        try:
            if pa.types.is_boolean(kind):
                return _TRUTH[self.value.lower()]
            if pa.types.is_integer(kind):
                return int(self.value) if self.operator != "~" else self.value
            if pa.types.is_floating(kind):
                return float(self.value) if self.operator != "~" else self.value
            if pa.types.is_date(kind):
                return dt.date.fromisoformat(self.value) if self.operator != "~" else self.value
        except (ValueError, KeyError):
            raise ValueError(f"{self.column}{self.operator}{self.value}: {self.column} is {_called(kind)}") from None
        return self.value


def conditions_in(text: str) -> tuple[Condition, ...]:
    """The conditions of a text: words between spaces, quoted where they hold such.

    Raises:
        ValueError: the message says which word is not understood, and what would be.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        raise ValueError("a quotation mark is missing") from None
    found = tuple(_condition(word) for word in words)
    for one in found:
        one.expression()
    return found


def text_of(conditions: Sequence[Condition]) -> str:
    """The text that `conditions_in` reads as these."""
    return shlex.join(f"{one.column}{one.operator}{one.value}" if one.column else one.value for one in conditions)


def _condition(word: str) -> Condition:
    match = _WORD.fullmatch(word)
    if match is None:
        return Condition("", "~", word)
    column, operator, value = match.groups()
    column = _ALSO.get(column, column)
    if column not in COLUMNS:
        meant = did_you_mean(column, list(COLUMNS)) or f"there are {', '.join(COLUMNS)}"
        raise ValueError(f"there is no column {column!r}; {meant}")
    return Condition(column, operator, value)


def fulfilling(dataset: DatasetSpec, store: Store, conditions: Sequence[Condition]) -> pl.LazyFrame:
    """image_id, date and category of the loaded images that fulfil all conditions, the newest first.

    An image that was not scored yet has no prediction. So `!=` is fulfilled by it, and nothing else that asks for one.

    Raises:
        UnknownName: a condition is about a category that there is not.
    """
    _refuse_unknown_names(dataset, store, conditions)
    rows = store.table(dataset.name, RAW_IMAGES).scan().select(*_OF_IMAGES)
    if any(one.column in _OF_PREDICTIONS for one in conditions):
        predicted = store.table(dataset.name, PREDICTIONS).scan().select("image_id", *_OF_PREDICTIONS)
        rows = rows.join(predicted, on="image_id", how="left")
    for one in conditions:
        rows = rows.filter(one.expression())
    found = rows.select("image_id", "date", "category")
    return found.sort("date", "category", "image_id", descending=[True, False, False])


def _refuse_unknown_names(dataset: DatasetSpec, store: Store, conditions: Sequence[Condition]) -> None:
    for one in conditions:
        if one.operator in ("=", "!=") and one.column == "category":
            refuse_unknown_category(dataset, store, normalize("NFC", one.value))
        if one.operator in ("=", "!=") and one.column == "predicted_category":
            refuse_unknown_prediction(dataset, store, normalize("NFC", one.value))


def _in_small_letters(text: pl.Expr) -> pl.Expr:
    """A text to look for another one in: macOS writes an accent in a file's name apart from its letter."""
    return text.str.normalize("NFC").str.to_lowercase()


def _small(text: str) -> str:
    return normalize("NFC", text).lower()


def _called(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "true or false"
    if pa.types.is_date(kind):
        return "a day such as 2026-11-20"
    return "a whole number" if pa.types.is_integer(kind) else "a number"
