"""How does the quality fare over time: what of each day was refused, was there already, was poor, had drifted?

A line is one figure of the dataset, or of one of its categories, day by day. A day without a figure has none: nothing
arrived, or no check looked, or it had too little to go by. It is never a zero.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from image_assets.answers.models import all_models
from image_assets.classifier.places import CLASSIFIER
from image_assets.classifier.promotion.by_hand import ModelCommandError
from image_assets.classifier.unseen import unseen_of
from image_assets.dataset import DatasetSpec
from image_assets.health.accounting import NO_CATEGORY, accounts_of
from image_assets.health.check_book import CheckState
from image_assets.model_assets import ModelAsset
from image_assets.schema import RAW_IMAGES
from image_assets.store.listing import Listing
from image_assets.store.models.model_files import DIGITS
from image_assets.store.models.model_history import Decision
from image_assets.store.store import Store

Kind = Literal["share", "number"]
Good = Literal["low", "high"]
Loaded = Mapping[tuple[dt.date, str | None], int]
_PLACE = ("date", "category")
_QUARANTINE = f"{RAW_IMAGES.name}/quarantine_rate"
_BAD = ("failed", "warned")
_REFUSED = ("worse", "labels disagree", "unfit", "withdrawn")


@dataclass(frozen=True)
class DayFigure:
    """What a line is at on a day.

    Attributes:
        day: The day.
        value: The figure.
        limit: What it should not be beyond, as it was told on that day; None where nothing says.
        judged: What found it bad, as asset/check or as what was decided of a model; empty where nothing did.
    """

    day: dt.date
    value: float
    limit: float | None = None
    judged: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"day": str(self.day), "value": self.value, "limit": self.limit, "judged": self.judged}


@dataclass(frozen=True)
class Line:
    """A figure over time.

    Attributes:
        measure: Its name, the same for all categories.
        category: Whose it is; None for the whole dataset.
        kind: A share of images, or another number.
        good: Whether it is well where it is low or where it is high.
        days: In their order; days that have no figure are not among them.
    """

    measure: str
    category: str | None
    kind: Kind
    good: Good
    days: tuple[DayFigure, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        days = [one.as_json() for one in self.days]
        return {"measure": self.measure, "category": self.category, "kind": self.kind, "good": self.good, "days": days}


@dataclass(frozen=True)
class QualityOverTime:
    """All lines of a dataset.

    Attributes:
        dataset: Its name.
        lines: By measure, the whole dataset's first.
        loaded: Images loaded by day and category, and by day with None: where there is something to look at.
    """

    dataset: str
    lines: tuple[Line, ...]
    loaded: Loaded = field(default_factory=dict)

    @property
    def measures(self) -> list[str]:
        """The names of the measures that have a figure of any day."""
        return list(dict.fromkeys(one.measure for one in self.lines if one.days))

    @property
    def last(self) -> dt.date | None:
        """The last day that has a figure."""
        return max((one.days[-1].day for one in self.lines if one.days), default=None)

    def since(self, first: dt.date | None, last: dt.date | None = None) -> QualityOverTime:
        """The same of some days; None where there is no bound."""
        low, high = first or dt.date.min, last or dt.date.max
        lines = (replace(one, days=tuple(day for day in one.days if low <= day.day <= high)) for one in self.lines)
        return replace(self, lines=tuple(lines))

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"dataset": self.dataset, "lines": [one.as_json() for one in self.lines if one.days]}


def quality_over_time(
    dataset: DatasetSpec, store: Store, checks: Sequence[CheckState], there: Listing | None = None
) -> QualityOverTime:
    """Gather it.

    Args:
        dataset: The dataset.
        store: Where its tables and models are.
        checks: What its checks last found.
        there: What lies in the dataset's folder, where that is known already.
    """
    rows = accounts_of(store, dataset.name, there).rows.filter(pl.col("category") != NO_CATEGORY)
    loaded: Loaded = {(day, name): number for day, name, number in rows.select(*_PLACE, "loaded").iter_rows()}
    sums = rows.group_by("date").agg(pl.col("loaded").sum())
    bad = {(one.partition.date, one.partition.category) for one in checks if _found_bad(one) and one.partition}
    lines = [*_of_accounts(dataset, rows, bad), *_of_checks(dataset, checks, loaded), *_of_models(dataset, store)]
    return QualityOverTime(
        dataset.name, tuple(lines), {**loaded, **{(day, None): number for day, number in sums.iter_rows()}}
    )


def _found_bad(check: CheckState) -> bool:
    return check.name == _QUARANTINE and check.state in _BAD


def _of_accounts(dataset: DatasetSpec, rows: pl.DataFrame, bad: set[tuple[dt.date, str]]) -> Iterable[Line]:
    """Of what arrived: refused, there already; of what was loaded: like another. As `status` and `accounting` count."""
    pictures = pl.col("listed") - pl.col("companions")
    parts = {
        "quarantined": ("quarantined", pictures),
        "duplicates": ("duplicates", pictures),
        "near-duplicates": ("near_duplicates", pl.col("loaded")),
    }
    limit = dataset.limits.quarantine_rate
    for measure, (column, of) in parts.items():
        counted = rows.select("date", "category", part=pl.col(column), whole=of).filter(pl.col("whole") > 0)
        judged = bad if column == "quarantined" else set[tuple[dt.date, str]]()
        bound = limit if column == "quarantined" else None
        whole = counted.group_by("date").agg(pl.col("part", "whole").sum()).sort("date")
        wrong = {day for day, _ in judged}
        yield _shares(measure, None, whole, bound, wrong)
        for category in dataset.categories:
            here = counted.filter(pl.col("category") == category).sort("date")
            yield _shares(measure, category, here, bound, {day for day, name in judged if name == category})


def _shares(measure: str, category: str | None, rows: pl.DataFrame, limit: float | None, bad: set[dt.date]) -> Line:
    days = (
        DayFigure(day, part / whole, limit, _QUARANTINE if day in bad else "")
        for day, part, whole in rows.select("date", "part", "whole").iter_rows()
    )
    return Line(measure, category, "share", "low", tuple(days))


def _of_checks(dataset: DatasetSpec, checks: Sequence[CheckState], loaded: Loaded) -> Iterable[Line]:
    """The figures that checks keep of each day; shares also of the whole dataset, weighed by the images of a day."""
    found: dict[tuple[str, Kind], dict[str, list[DayFigure]]] = defaultdict(lambda: defaultdict(list))
    for one in sorted((one for one in checks if one.measures and one.partition), key=lambda one: str(one.partition)):
        assert one.partition is not None
        if not loaded.get((one.partition.date, one.partition.category)):
            continue  # of no image a share is nothing, not 0
        judged = one.name if one.state in _BAD else ""
        for name, measure in one.measures.items():
            named = _called(one.check, name)
            found[named][one.partition.category].append(DayFigure(one.partition.date, *measure, judged))
    for (measure, kind), lines in sorted(found.items(), key=lambda one: (one[0][1] != "share", one[0][0])):
        if kind == "share":
            yield Line(measure, None, kind, "low", tuple(_weighed(lines, loaded)))
        for category in dataset.categories:
            yield Line(measure, category, kind, "low", tuple(lines.get(category, ())))


def _called(check: str, figure: str) -> tuple[str, Kind]:
    """What a line is called, and its kind: a check that keeps a share is named after it."""
    words = check.replace("_", " ")
    return (words, "share") if figure == "share" else (f"{words}: {figure.removeprefix('largest ')}", "number")


def _weighed(lines: Mapping[str, Sequence[DayFigure]], loaded: Loaded) -> Iterable[DayFigure]:
    by_day: dict[dt.date, list[tuple[int, DayFigure]]] = defaultdict(list)
    for category, days in lines.items():
        for one in days:
            by_day[one.day].append((loaded[one.day, category], one))
    for day, parts in sorted(by_day.items()):
        images = sum(number for number, _ in parts)
        value = sum(number * one.value for number, one in parts) / images
        judged = next((one.judged for _, one in parts if one.judged), "")
        yield DayFigure(day, value, parts[0][1].limit, judged)


def _of_models(dataset: DatasetSpec, store: Store) -> Iterable[Line]:
    """The accuracy of each day's model, of every asset that trains models, and of features on sources never seen."""
    try:
        found = all_models(dataset, store)
    except ModelCommandError:
        return
    for models in found:
        manifests = {one.digits: one.manifest for one in models.models if one.manifest}
        held_out: dict[dt.date, DayFigure] = {}
        unseen: dict[dt.date, DayFigure] = {}
        for decision in models.history:
            if decision.at is not None:
                continue  # what was done by hand made no model
            day, judged = decision.data_day, _judged(models.asset, decision)
            manifest = manifests.get(decision.challenger[:DIGITS])
            # Of models that are gone there is only what they did on the images that both were compared on.
            accuracy = manifest.metrics.get("accuracy") if manifest else decision.challenger_accuracy
            if isinstance(accuracy, int | float):
                held_out[day] = DayFigure(day, float(accuracy), None, judged)
            elsewhere = unseen_of(manifest) if manifest else None
            if elsewhere is not None and elsewhere.accuracy is not None:
                unseen[day] = DayFigure(day, elsewhere.accuracy, None, judged)
        lines = {"accuracy": held_out, "accuracy on sources never seen": unseen}
        if models.asset != CLASSIFIER:  # which alone is tried on sources that were left out
            lines = {f"accuracy of {models.asset}": held_out}
        for measure, days in lines.items():
            yield Line(measure, None, "share", "high", tuple(days[day] for day in sorted(days)))


def _judged(asset: ModelAsset, decision: Decision) -> str:
    return f"{asset}: {decision.reason}" if decision.reason in _REFUSED else ""
