"""Where a model is mistaken: how often by source, by what is wrong with a picture and by its size, and how surely.

What belongs here: counting, and what is kept of it beside the page as JSON. How it is shown is said by
`mistake_sections`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from pydantic import Field

from image_assets.classifier.intervals import Interval, wilson
from image_assets.classifier.report.galleries import Shown
from image_assets.classifier.report.subject import ReportSubject
from image_assets.images.issues import ISSUES
from image_assets.schema import METRIC_COLUMNS, RAW_IMAGES, Partition
from image_assets.settings.quality import Quality
from image_assets.settings.section import Frozen
from image_assets.store.store import Store

FEW_IMAGES = 10
"""Of fewer images no share is given: one mistake more would change it by a tenth."""
FIRST = 10
"""Of the most certain mistakes those that come first."""
FLAWLESS = "none of these"
_NO_SIZE = "size not known"
_MOST_SOURCES = 500
_SIDES = (96, 224, 512, 1_024, 2_048)


class Part(Frozen):
    """Some of the images held out, such as those of one source."""

    name: str
    images: int
    mistakes: int
    example: str = Field(default="", description="Id of the most certain of the mistakes; empty where there is none.")

    @property
    def title(self) -> str:
        """The name, also of images of no source."""
        return self.name or "(no source named)"

    @property
    def share(self) -> float | None:
        """Of mistakes; None of too few images."""
        return None if self.images < FEW_IMAGES else self.mistakes / self.images

    @property
    def interval(self) -> Interval:
        """The 95 % interval of that share, of however many images."""
        return wilson(self.mistakes, self.images)


class Mistake(Frozen):
    """An image held out that the model takes for something else."""

    image_id: str
    source: str = Field(description="Where the file came from; empty where it is not loaded any more.")
    date: str
    category: str = Field(description="What it was delivered as.")
    answer: str
    probability: float
    second: str
    second_probability: float
    like: str = Field(description="Id of the image of the answer that it is most like; empty where there is none.")
    width: int | None
    height: int | None
    flags: tuple[str, ...] = Field(description="What is wrong with the picture, see `quality` in the dataset file.")


class Mistakes(Frozen):
    """The mistakes of a model on the images held out."""

    images: int = Field(description="Images held out.")
    mistakes: int
    sources: int = Field(description="Source sets that these come from.")
    by_source: tuple[Part, ...] = Field(
        description="The largest share of mistakes first, few images last; of very many sources the last together."
    )
    by_flag: tuple[Part, ...] = Field(description="An image may have several flags.")
    by_size: tuple[Part, ...] = Field(description="By the shorter side in pixels, small ones first.")
    most_certain: tuple[Mistake, ...] = Field(description="The most probable answers among the wrong ones first.")


def looks_of(store: Store, dataset: str, images: pl.DataFrame, quality: Quality) -> pl.DataFrame:
    """What is known of pictures beside their features; only their partitions are read, and no content.

    Args:
        store: Where the tables are.
        dataset: Its name.
        images: `image_id`, `date` and `category` of N images.
        quality: What counts as poor.

    Returns:
        N rows in that order: `image_id`, `source`, `width`, `height`, null where an image is not loaded any more, and
        a boolean column for every flag.
    """
    partitions = sorted(Partition(*key) for key in images.select("date", "category").unique().iter_rows())
    columns = ["image_id", "date", "category", "source", "width", "height", *(one.name for one in METRIC_COLUMNS)]
    rows = store.table(dataset, RAW_IMAGES).scan(partitions).select(columns)
    # The median that a size is odd beside is that of the partition.
    flags = [issue.found(quality).over("date", "category").alias(issue.name) for issue in ISSUES]
    looks = rows.select("image_id", "source", "width", "height", *flags)
    return images.lazy().select("image_id").join(looks, on="image_id", how="left", maintain_order="left").collect()


def mistakes_of(subject: ReportSubject, looks: pl.DataFrame, shown: Iterable[Shown]) -> Mistakes:
    """Count the mistakes of a model.

    Args:
        subject: Model and images.
        looks: Of the images held out, in their order, see `looks_of`.
        shown: The mistakes to name, in their order.
    """
    wrong = subject.predicted != subject.truth
    rows = looks.with_columns(
        subject.images["source_set"].gather(subject.held_out),
        wrong=pl.Series(wrong),
        certainty=pl.Series(subject.probabilities.max(axis=1)),
        side=pl.min_horizontal("width", "height"),
    )
    names = [issue.name for issue in ISSUES]
    flawed = pl.any_horizontal(names).fill_null(False)
    by_source = sorted(_parts(rows, rows["source_set"]), key=_worst_first)
    named, others = by_source[:_MOST_SOURCES], [part.name for part in by_source[_MOST_SOURCES:]]
    together = [_part(f"the other {len(others):,} sources", rows.filter(pl.col("source_set").is_in(others)))]
    return Mistakes(
        images=len(wrong),
        mistakes=int(wrong.sum()),
        sources=len(by_source),
        by_source=(*named, *(together if others else ())),
        by_flag=tuple(
            _part(name.replace("_", " "), rows.filter(found))
            for name, found in [*((name, pl.col(name)) for name in names), (FLAWLESS, ~flawed)]
        ),
        by_size=_by_size(rows),
        most_certain=tuple(_mistakes(shown, {row["image_id"]: row for row in looks.iter_rows(named=True)})),
    )


def _worst_first(part: Part) -> tuple[bool, float, int, str]:
    return part.share is None, -(part.share or 0), -part.mistakes, part.name


def _by_size(rows: pl.DataFrame) -> tuple[Part, ...]:
    limits = [f"under {_SIDES[0]}", *(f"{low:,} – {high - 1:,}" for low, high in pairwise(_SIDES))]
    names = [*limits, f"{_SIDES[-1]:,} and more", _NO_SIZE]
    places = np.searchsorted(_SIDES, rows["side"].fill_null(0).to_numpy(), side="right")
    places[rows["side"].is_null().to_numpy()] = len(names) - 1
    return tuple(_parts(rows, pl.Series(np.array(names)[places], dtype=pl.Enum(names))))


def _parts(rows: pl.DataFrame, names: pl.Series) -> list[Part]:
    """Of every name its part, in the order of the names."""
    named = rows.with_columns(part=names).sort("part", maintain_order=True)
    return [_part(str(name), part) for (name,), part in named.group_by("part", maintain_order=True)]


def _part(name: str, rows: pl.DataFrame) -> Part:
    wrong = rows.filter("wrong").sort("certainty", descending=True, maintain_order=True)
    example = wrong["image_id"][0] if wrong.height else ""
    return Part(name=name, images=rows.height, mistakes=wrong.height, example=example)


def _mistakes(shown: Iterable[Shown], looks: dict[str, dict]) -> Iterable[Mistake]:
    for one in shown:
        look = looks[one.image_id]
        yield Mistake(
            image_id=one.image_id,
            source=look["source"] or "",
            date=one.date,
            category=one.category,
            answer=one.answer,
            probability=one.certainty,
            second=one.second,
            second_probability=one.runner_up,
            like=one.like,
            width=look["width"],
            height=look["height"],
            flags=tuple(issue.name.replace("_", " ") for issue in ISSUES if look[issue.name]),
        )


def clearly_worse(parts: Sequence[Part], found: Mistakes) -> list[str]:
    """Titles of the parts with more mistakes than all images have, beyond what their number leaves open."""
    overall = found.mistakes / max(found.images, 1)
    return [part.title for part in parts if part.images >= FEW_IMAGES and part.interval.low > overall]


def worse_parts(found: Mistakes) -> dict[str, list[str]]:
    """Such parts by what the images were divided by; nothing of what has none."""
    ways = {"by source": found.by_source, "by quality flag": found.by_flag, "by shorter side": found.by_size}
    return {way: worse for way, parts in ways.items() if (worse := clearly_worse(parts, found))}
