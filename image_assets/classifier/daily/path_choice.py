"""Whether a day gets the cheap model or a full training, and why. Nothing here reads or writes."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from image_assets.settings.classifier import Classifier, Refinement
from image_assets.settings.section import Frozen

# A figure that is exactly at its margin is within it, though 0.975 - 0.965 is more than 0.01 in binary.
_ROUNDING = 1e-9

DAILY, FULL = "daily", "full refit"
PathName = Literal["daily", "full refit"]


class Trust(Frozen):
    """The model of the daily path beside that of the full refit: same day, same held-out images."""

    images: int = Field(description="Held-out images.")
    daily_accuracy: float
    full_accuracy: float
    daily_log_loss: float = Field(description="Nats.")
    full_log_loss: float = Field(description="Nats.")
    p_value: float = Field(description="Exact McNemar test, two-sided: how likely such a difference is by chance.")

    @property
    def difference(self) -> float:
        """Accuracy of the daily path minus that of the full refit."""
        return self.daily_accuracy - self.full_accuracy

    def distrust(self, spec: Refinement) -> str:
        """Why the daily path may not be taken until the next full refit; empty where it may."""
        if -self.difference > spec.accuracy_margin + _ROUNDING:
            return (
                f"its accuracy was {self.daily_accuracy:.4f} and that of the full refit {self.full_accuracy:.4f}, "
                f"more than {spec.accuracy_margin:g} better"
            )
        if self.daily_log_loss - self.full_log_loss > spec.log_loss_margin + _ROUNDING:
            return (
                f"its log loss was {self.daily_log_loss:.4f} and that of the full refit {self.full_log_loss:.4f}, "
                f"more than {spec.log_loss_margin:g} better"
            )
        return ""


class LastRefit(Frozen):
    """What is remembered of the last full refit."""

    day: dt.date = Field(description="Latest day of its images.")
    setup: str = Field(description="Digest of the settings that it was made with, see `setup_digest`.")
    extractor_digest: str
    classes: dict[str, int] = Field(description="Category → label.")
    learnt: tuple[int, ...] = Field(description="Labels that had training images.")
    candidate: str = Field(description="What was fitted.")
    trust: Trust | None = Field(description="null where the daily path could not be measured.")
    drifted: tuple[str, ...] = Field(default=(), description="What drifted then; it was trained on.")


@dataclass(frozen=True)
class Drifted:
    """What drifted, by name, such as `features_drift of plant`.

    Attributes:
        lately: What differs from the days just before.
        slowly: What differs only from a category's first days, as it goes on doing after it was trained on.
    """

    lately: tuple[str, ...] = ()
    slowly: tuple[str, ...] = ()

    def untrained(self, last: LastRefit) -> list[str]:
        """What the last full refit does not settle: all that came lately, and what came slowly and is new."""
        return [*self.lately, *(one for one in self.slowly if one not in last.drifted)]


NOTHING_DRIFTED = Drifted()


@dataclass(frozen=True)
class Today:
    """What the decision depends on, beside what is remembered.

    Attributes:
        day: The latest day of the images: the data's day, never the clock's.
        training_rows: Images to train on.
        setup: See `setup_digest`.
        extractor_digest: The dataset's extractor.
        classes: Category → label.
        learnt: Labels that have training images, ascending.
        drifted: What drifted.
    """

    day: dt.date
    training_rows: int
    setup: str
    extractor_digest: str
    classes: Mapping[str, int]
    learnt: tuple[int, ...]
    drifted: Drifted = NOTHING_DRIFTED


@dataclass(frozen=True)
class PathChoice:
    """Which path, and why in words."""

    path: PathName
    reason: str


def choose_path(last: LastRefit | None, today: Today, spec: Refinement) -> PathChoice:
    """Take the daily path only where the last full refit gives reason to trust it.

    Args:
        last: The last full refit; none where there was none, or it cannot be read.
        today: The circumstances.
        spec: What the dataset file says.
    """
    why = _why_full(last, today, spec)
    if why or last is None or last.trust is None:
        return PathChoice(FULL, why)
    ago = (today.day - last.day).days
    return PathChoice(
        DAILY,
        f"{ago} of {spec.full_every_days} days since the full refit of {last.day}; measured then on "
        f"{last.trust.images:,} held-out images, the daily path's accuracy was {last.trust.daily_accuracy:.4f} and "
        f"the full refit's {last.trust.full_accuracy:.4f}",
    )


def _why_full(last: LastRefit | None, today: Today, spec: Refinement) -> str:
    """The first of the reasons for a full refit; empty where there is none."""
    if not spec.enabled:
        return "refinement is switched off"
    if today.training_rows < spec.from_rows:
        return f"{today.training_rows:,} training images are few: refinement begins at {spec.from_rows:,}"
    if last is None:
        return "there was none yet"
    if changed := _changed(last, today):
        return f"{changed} changed since the last one, of {last.day}"
    if drifted := today.drifted.untrained(last):
        return f"the images drifted: {', '.join(drifted)}"
    if last.trust is None:
        return f"the daily path could not be measured on {last.day}"
    if distrust := last.trust.distrust(spec):
        return f"the daily path is not trusted: on {last.day} {distrust}"
    if today.day < last.day:
        return f"the last one was of {last.day}, later than the latest day now"
    # The same day again is to give the same model again.
    if today.day == last.day:
        return "this day had one before"
    if (today.day - last.day).days >= spec.full_every_days:
        return f"the last one was of {last.day}; one is due every {spec.full_every_days} days"
    return ""


def _changed(last: LastRefit, today: Today) -> str:
    differences = {
        "the extractor": last.extractor_digest != today.extractor_digest,
        "the categories": last.classes != dict(today.classes),
        "the categories that have training images": last.learnt != today.learnt,
        "the classifier's settings": last.setup != today.setup,
    }
    return ", ".join(name for name, differs in differences.items() if differs)


def setup_digest(spec: Classifier) -> str:
    """Names the settings that decide what a full refit is, and what the daily path was measured as."""
    decisive = {"candidates", "transform", "selection", "held_out", "max_fit_rows", "by_sources"}
    parts = spec.model_dump_json(include=decisive)
    return hashlib.sha256(f"{parts} {spec.refinement.shrinkage}".encode()).hexdigest()[:16]
