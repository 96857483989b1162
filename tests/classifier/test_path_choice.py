"""Which path a day takes, and that the reason is said."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from image_assets.classifier.daily.path_choice import (
    DAILY,
    FULL,
    Drifted,
    LastRefit,
    Today,
    Trust,
    choose_path,
    setup_digest,
)
from image_assets.settings.classifier import Classifier, LogisticRegressionFamily, ModelSelection, Refinement
from tests.platform import small_dataset

MONDAY = dt.date(2026, 11, 2)
CLASSES = {"owl": 0, "duck": 1, "swan": 2}
TRUST = Trust(
    images=1_000, daily_accuracy=0.97, full_accuracy=0.975, daily_log_loss=0.12, full_log_loss=0.10, p_value=0.4
)
LAST = LastRefit(
    day=MONDAY,
    setup="s",
    extractor_digest="e",
    classes=CLASSES,
    learnt=(0, 1),
    candidate="logistic_regression",
    trust=TRUST,
)
SPEC = Refinement(from_rows=100)


def today(days: int = 1, **changes: object) -> Today:
    return replace(Today(MONDAY + dt.timedelta(days=days), 500, "s", "e", CLASSES, (0, 1)), **changes)


def test_an_ordinary_day_takes_the_daily_path_and_says_why_it_may() -> None:
    for days in range(1, 7):
        decision = choose_path(LAST, today(days), SPEC)
        assert decision.path == DAILY
        assert f"{days} of 7 days since the full refit of 2026-11-02" in decision.reason
        assert "on 1,000 held-out images, the daily path's accuracy was 0.9700 and the full refit's 0.9750" in (
            decision.reason
        )


@pytest.mark.parametrize(
    ("last", "now", "spec", "reason"),
    [
        (LAST, today(), Refinement(from_rows=100, enabled=False), "refinement is switched off"),
        (LAST, today(training_rows=99), SPEC, "99 training images are few: refinement begins at 100"),
        (None, today(), SPEC, "there was none yet"),
        (LAST, today(7), SPEC, "one is due every 7 days"),
        (LAST, today(40), SPEC, "one is due every 7 days"),
        (LAST, today(1), Refinement(from_rows=100, full_every_days=1), "one is due every 1 days"),
        (LAST, today(0), SPEC, "this day had one before"),
        (LAST, today(-3), SPEC, "later than the latest day now"),
        (LAST, today(drifted=Drifted(("duck", "owl"), ("gull",))), SPEC, "the images drifted: duck, owl, gull"),
        (LAST, today(extractor_digest="f"), SPEC, "the extractor changed since the last one, of 2026-11-02"),
        (LAST, today(classes={"owl": 0}), SPEC, "the categories changed"),
        (LAST, today(learnt=(0, 1, 2)), SPEC, "the categories that have training images changed"),
        (LAST, today(setup="t", extractor_digest="f"), SPEC, "the extractor, the classifier's settings changed"),
        (LAST.model_copy(update={"trust": None}), today(), SPEC, "the daily path could not be measured on 2026-11-02"),
    ],
)
def test_a_full_refit_is_made_for_a_reason(last: LastRefit | None, now: Today, spec: Refinement, reason: str) -> None:
    decision = choose_path(last, now, spec)
    assert decision.path == FULL
    assert reason in decision.reason


def test_what_came_slowly_and_was_trained_on_asks_for_nothing_more() -> None:
    trained = LAST.model_copy(update={"drifted": ("owl", "duck")})
    assert choose_path(trained, today(drifted=Drifted(slowly=("duck", "owl"))), SPEC).path == DAILY
    assert (
        choose_path(trained, today(drifted=Drifted(slowly=("duck", "gull"))), SPEC).reason == "the images drifted: gull"
    )
    assert choose_path(trained, today(drifted=Drifted(lately=("duck",))), SPEC).reason == "the images drifted: duck"
    older = LastRefit.model_validate_json(trained.model_dump_json(exclude={"drifted"}))
    assert older.drifted == ()


@pytest.mark.parametrize(
    ("changes", "trusted"),
    [
        ({"daily_accuracy": 0.965}, True),
        ({"daily_accuracy": 0.9649}, False),
        ({"daily_accuracy": 0.99}, True),
        ({"daily_log_loss": 0.2}, True),
        ({"daily_log_loss": 0.2001}, False),
        ({"daily_log_loss": 0.01}, True),
    ],
)
def test_the_daily_path_is_trusted_within_the_margins_only(changes: dict[str, float], trusted: bool) -> None:
    trust = TRUST.model_copy(update=changes)
    decision = choose_path(LAST.model_copy(update={"trust": trust}), today(), SPEC)
    assert (decision.path == DAILY) == trusted
    assert trusted or "the daily path is not trusted: on 2026-11-02 its" in decision.reason


def test_a_setting_that_makes_another_model_is_noticed_and_one_that_does_not_is_not() -> None:
    before = setup_digest(Classifier())
    for other in (
        Classifier(candidates=(LogisticRegressionFamily(regularisation=(0.5,)),)),
        Classifier(selection=ModelSelection(folds=3)),
        Classifier(held_out=0.3),
        Classifier(max_fit_rows=500),
        Classifier(refinement=Refinement(shrinkage=0.3)),
    ):
        assert setup_digest(other) != before
    assert setup_digest(Classifier(refinement=Refinement(full_every_days=3, accuracy_margin=0))) == before


def test_the_example_in_the_documentation_is_a_usable_part_of_a_dataset_file() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "your-own-dataset.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(classifier:\n  refinement: .*?)^```", page, re.MULTILINE | re.DOTALL)
    spec = small_dataset(**yaml.safe_load(example)).classifier.refinement
    assert (spec.full_every_days, spec.accuracy_margin, spec.enabled) == (14, 0.005, True)
