"""`python -m benchmarks.thirty_days`: a month of champions, daily refinement beside full refits, and wrong labels.

Features are generated: classes around centres that wander a little every day. Every day brings new images; the daily
path adds them to its running totals, the full path trains on all images so far; each has a store of its own and is
judged by the same gate as the platform's models. What is right is known here, so that each model is also measured on
images whose labels are certain: the held-out images of a day of wrong labels have wrong labels too.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from obstore.store import MemoryStore
from rich.console import Console
from rich.table import Table

from image_assets.classifier.daily.discriminant import discriminant, discriminant_candidate
from image_assets.classifier.daily.statistics import ClassStatistics, class_statistics, merge
from image_assets.classifier.promotion.champion import LabelledImages, Trial, challenge
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.train import train
from image_assets.settings.promotion import Promotion
from image_assets.store.models.model import Model
from image_assets.store.models.model_files import ModelDescription, ids_digest

FIRST = dt.date(2026, 11, 1)
_PENALTY = 0.01
_SHRINKAGE = 0.05
Poison = Literal["", "scattered", "one class"]
Fit = Callable[[np.ndarray, np.ndarray, dict[str, int]], Model]
"""From training images, float32 [N, D] and int16 [N], to a challenger."""


@dataclass(frozen=True)
class Month:
    """What is simulated."""

    days: int = 30
    per_day: int = 600
    classes: int = 5
    width: int = 128
    separation: float = 0.32
    drift: float = 0.02  # of the centres, a day
    poisoned: dict[int, Poison] = field(default_factory=lambda: {12: "scattered", 20: "one class"})
    poisoned_share: float = 0.3
    rules: Promotion = field(default_factory=Promotion)
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What became of one path's challenger: accuracy on certain labels, of it and of the champion of before."""

    accuracy: float
    champion_before: float | None
    seconds: float
    promoted: bool
    reason: str


@dataclass(frozen=True)
class Day:
    """One day of both paths."""

    day: int
    poison: Poison
    daily: Outcome
    full: Outcome


class RunningTotals:
    """The platform's daily path: the day's images are added to the totals of all days, which make a discriminant."""

    def __init__(self) -> None:
        self.totals: ClassStatistics | None = None

    def __call__(self, features: np.ndarray, labels: np.ndarray, classes: dict[str, int]) -> Model:
        """The model of all days so far, of which only the day's images are looked at."""
        day = class_statistics(features, labels, sorted(classes.values()))
        self.totals = day if self.totals is None else merge(self.totals, day)
        return discriminant(self.totals, discriminant_candidate(_SHRINKAGE))


def fit_full(features: np.ndarray, labels: np.ndarray, classes: dict[str, int]) -> Model:
    """Train on everything."""
    return train(features, labels, logistic_regression(_PENALTY), classes)


def simulate(month: Month) -> list[Day]:
    """Run the month."""
    world, found = _World(month), []
    of_daily, of_full, totals = _Path(world), _Path(world), RunningTotals()
    for day in range(month.days):
        world.land(day)
        so_far = range(day + 1)
        refined = of_daily.challenge(partial(totals, *world.training([day]), world.classes), so_far)
        trained = of_full.challenge(partial(fit_full, *world.training(so_far), world.classes), so_far)
        found.append(Day(day, month.poisoned.get(day, ""), refined, trained))
    return found


class _Path:
    """One way to make challengers, with a store of its own."""

    def __init__(self, world: _World) -> None:
        self.world, self.store = world, MemoryStore()
        self.champion: Model | None = None

    def challenge(self, fit: Callable[[], Model], days: Sequence[int]) -> Outcome:
        """Make a challenger that knows these days, and have the gate decide."""
        began = time.perf_counter()
        model = fit()
        seconds = time.perf_counter() - began
        world, evidence = self.world, self.world.evidence()
        aside = evidence.held_out
        evaluation = evaluate(model, evidence.features[aside], evidence.labels[aside], world.classes)
        before = world.truth(self.champion) if self.champion else None
        trial = Trial(evaluation, evidence, world.month.rules)
        decision = challenge(self.store, "c", model, world.description(days), trial).decision
        if decision.promoted:
            self.champion = model
        return Outcome(world.truth(model), before, seconds, decision.promoted, decision.reason)


class _World:
    """Images as they arrive, with the labels that they come with; what is true is kept apart."""

    def __init__(self, month: Month) -> None:
        self.month = month
        self.rng = np.random.default_rng(month.seed)
        self.classes = {f"class_{label}": label for label in range(month.classes)}
        self.centres = self.rng.normal(size=(month.classes, month.width)) * month.separation
        self.features = np.empty((0, month.width), np.float32)
        self.labels = np.empty(0, np.int16)
        self.days = np.empty(0, np.int64)
        self.held_out = np.empty(0, bool)

    def land(self, day: int) -> None:
        """A day's images, a quarter of them held out; and the images with certain labels, which nobody trains on."""
        month = self.month
        self.centres += self.rng.normal(size=self.centres.shape) * month.drift
        features, labels = self._draw(month.per_day)
        self.certain = self._draw(2_000)
        poison = month.poisoned.get(day, "")
        given = self._poisoned(labels, poison) if poison else labels
        self.features = np.concatenate([self.features, features])
        self.labels = np.concatenate([self.labels, given])
        self.days = np.concatenate([self.days, np.full(month.per_day, day)])
        self.held_out = np.concatenate([self.held_out, self.rng.random(month.per_day) < 0.25])

    def training(self, days: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels of the days' images that are not held out."""
        chosen = ~self.held_out & np.isin(self.days, list(days))
        return self.features[chosen], self.labels[chosen]

    def evidence(self) -> LabelledImages:
        days = np.datetime64(FIRST, "D") + self.days
        return LabelledImages(self.features, self.labels, days, self.held_out, lambda _: self.held_out)

    def truth(self, model: Model) -> float:
        """Accuracy on today's images with certain labels."""
        features, labels = self.certain
        return float(np.mean(model.predict(features) == labels))

    def description(self, days: Sequence[int]) -> ModelDescription:
        return ModelDescription(
            dataset="month",
            kind="logistic_regression",
            classes=self.classes,
            extractor="generated",
            extractor_digest="generated",
            feature_width=self.month.width,
            partitions=[(FIRST + dt.timedelta(day), name) for day in days for name in self.classes],
            training_ids_sha256=ids_digest(map(str, days)),
            held_out=0.25,
            metrics={},
        )

    def _draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = self.rng.integers(0, self.month.classes, count)
        features = self.centres[labels] + self.rng.normal(size=(count, self.month.width))
        return features.astype(np.float32), labels.astype(np.int16)

    def _poisoned(self, labels: np.ndarray, poison: Poison) -> np.ndarray:
        count, classes = len(labels), self.month.classes
        if poison == "scattered":
            wrong = self.rng.random(count) < self.month.poisoned_share
            others = (labels + self.rng.integers(1, classes, count)) % classes
            return np.where(wrong, others, labels).astype(np.int16)
        # Whole classes, as many as it takes, are called the last one.
        order = np.argsort(labels, kind="stable")
        given = labels.copy()
        given[order[: int(count * self.month.poisoned_share)]] = classes - 1
        return given


def month_table(days: Sequence[Day]) -> Table:
    """A line per day."""
    table = Table(title="Accuracy on certain labels; the champion of the day before in brackets")
    for name in ("day", "wrong labels", "daily", "s", "promoted", "full", "s", "promoted", "daily − full"):
        table.add_column(name, justify="left" if name in ("wrong labels", "promoted") else "right")
    for one in days:
        cells = [str(one.day), one.poison]
        for path in (one.daily, one.full):
            before = "" if path.champion_before is None else f" ({path.champion_before:.3f})"
            verdict = f"{'yes' if path.promoted else 'no'}: {path.reason}"
            cells += [f"{path.accuracy:.3f}{before}", f"{path.seconds:.2f}", verdict]
        table.add_row(*cells, f"{one.daily.accuracy - one.full.accuracy:+.3f}", style="bold" if one.poison else None)
    return table


def main() -> None:
    """Run it, print it, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.thirty_days", description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    days = simulate(Month())
    console = Console(width=150)  # also where the output is kept in a file
    console.print(month_table(days))
    differences = [one.daily.accuracy - one.full.accuracy for one in days if not one.poison]
    seconds = [sum(getattr(one, path).seconds for one in days) for path in ("daily", "full")]
    console.print(
        f"daily − full on good days: mean {np.mean(differences):+.4f}, worst {min(differences):+.4f}; "
        f"seconds of all days: daily {seconds[0]:.1f}, full {seconds[1]:.1f}",
        highlight=False,
    )
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in days], indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
