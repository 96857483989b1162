"""Thirty simulated days: the daily path keeps up with full refits, and days of wrong labels come to nothing."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from benchmarks.thirty_days import Day, Month, month_table, simulate
from image_assets.settings.promotion import Promotion

SMALL = Month(per_day=200, classes=4, width=24, separation=0.6, poisoned={9: "scattered", 19: "one class"})
POISONED = tuple(SMALL.poisoned)


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return simulate(SMALL)


def test_days_of_wrong_labels_are_not_promoted(days: list[Day]) -> None:
    for number in POISONED:
        for path in (days[number].daily, days[number].full):
            assert not path.promoted
            assert path.reason == "labels disagree"


def test_what_follows_recovers(days: list[Day]) -> None:
    """Within three days a new model is promoted, and it is as good as before."""
    for number in POISONED:
        before = days[number - 1]
        for path in ("daily", "full"):
            after = [getattr(days[number + more], path) for more in (1, 2, 3)]
            assert any(one.promoted for one in after)
            assert after[-1].accuracy > getattr(before, path).accuracy - 0.04


def test_good_days_are_promoted_and_the_daily_path_keeps_up(days: list[Day]) -> None:
    good = [one for one in days if not one.poison]
    for path in ("daily", "full"):
        assert sum(getattr(one, path).promoted for one in good) >= 0.5 * len(good)
    differences = [one.daily.accuracy - one.full.accuracy for one in good]
    assert sum(differences) / len(differences) > -0.02
    assert days[-1].daily.accuracy > 0.8


def test_without_the_gate_the_model_of_wrong_labels_would_be_promoted_and_is_worse() -> None:
    """The negative control: nothing is refused, on the same days."""
    never = Promotion(margin=0.99, max_disagreement=None)
    ungated = simulate(replace(SMALL, days=2, rules=never, poisoned={1: "one class"}))
    poisoned = ungated[-1].daily
    assert poisoned.promoted
    assert poisoned.champion_before is not None
    assert poisoned.accuracy < poisoned.champion_before - 0.03


def test_the_table_has_a_line_per_day(days: list[Day]) -> None:
    console = Console(file=io.StringIO(), width=200)
    console.print(month_table(days))
    printed = str(console.file.getvalue())  # pyright: ignore[reportAttributeAccessIssue]  # it is a StringIO
    assert printed.count("yes: ") + printed.count("no: ") == 2 * SMALL.days
    assert "labels disagree" in printed
