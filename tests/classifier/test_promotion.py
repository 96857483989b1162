"""The rule by which a challenger is promoted: on many images, on a handful, and on days of wrong labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import binom

from image_assets.classifier.promotion.gate import PairedComparison, agreement, compare_answers, judge
from image_assets.settings.promotion import Promotion

RULES = Promotion()
few = settings(max_examples=60)


@st.composite
def comparisons(draw: st.DrawFn, most: int = 400) -> PairedComparison:
    parts = draw(st.tuples(*(st.integers(0, most) for _ in range(4))))
    assume(sum(parts) > 0)
    gained, lost, both, neither = parts
    return PairedComparison(gained + lost + both + neither, gained, lost, both)


rules = st.builds(
    Promotion, margin=st.floats(0, 0.2), confidence=st.floats(0.51, 0.999), max_disagreement=st.floats(0.01, 0.9)
)


def better_by_one(one: PairedComparison) -> PairedComparison | None:
    """One image more is right: of those that were lost, else of those that neither had right."""
    if one.lost:
        return PairedComparison(one.images, one.gained, one.lost - 1, one.both + 1)
    if one.images > one.gained + one.lost + one.both:
        return PairedComparison(one.images, one.gained + 1, one.lost, one.both)
    return None


@few
@given(comparisons(), rules)
def test_one_more_right_answer_never_costs_the_promotion(one: PairedComparison, rules: Promotion) -> None:
    more = better_by_one(one)
    assume(more is not None and judge(one, rules).promoted)
    assert more is not None
    assert judge(more, rules).promoted


@few
@given(comparisons(), rules, st.floats(0, 0.2))
def test_a_larger_margin_never_costs_the_promotion(one: PairedComparison, rules: Promotion, more: float) -> None:
    assume(judge(one, rules).promoted)
    assert judge(one, rules.model_copy(update={"margin": rules.margin + more})).promoted


@few
@given(comparisons(), rules)
def test_who_has_as_many_right_is_promoted(one: PairedComparison, rules: Promotion) -> None:
    assume(one.gained >= one.lost)
    assert judge(one, rules).promoted
    assert judge(one, rules).reason == ("better" if one.gained > one.lost else "no worse")


@few
@given(comparisons(), rules)
def test_who_is_worse_by_more_than_the_margin_and_one_image_is_refused(one: PairedComparison, rules: Promotion) -> None:
    assume(one.lost - one.gained > max(1, rules.margin * one.images))
    verdict = judge(one, rules)
    assert not verdict.promoted
    assert verdict.reason == "worse"


@few
@given(st.integers(1, 30), rules)
def test_on_a_handful_of_images_one_lost_image_is_no_reason(images: int, rules: Promotion) -> None:
    assert judge(PairedComparison(images, 0, 1, images - 1), rules).promoted
    assert judge(PairedComparison(images, 0, 0, images), rules).promoted


@pytest.mark.parametrize(
    ("comparison", "promoted"),
    [
        (PairedComparison(10_000, 60, 40, 9_000), True),
        (PairedComparison(10_000, 40, 60, 9_000), True),  # significantly worse, but shown to be within the margin
        (PairedComparison(10_000, 30, 70, 9_000), False),  # within the margin, but significantly worse and not shown
        (PairedComparison(10_000, 430, 470, 9_000), True),  # as far behind, and chance
        (PairedComparison(10_000, 0, 51, 9_000), False),
        (PairedComparison(1_000_000, 1_000, 1_200, 900_000), True),  # a difference of 0.02 %
        (PairedComparison(20, 0, 2, 18), False),
    ],
)
def test_cases_of_the_rule(comparison: PairedComparison, promoted: bool) -> None:
    assert judge(comparison, RULES).promoted is promoted


def test_the_verdict_has_the_figures() -> None:
    said = judge(PairedComparison(200, 3, 30, 150), RULES).explanation
    for part in ("margin of 0.50%", "0.7650", "0.9000", "200 held-out", "+3 −30", "p = 1.4e-06"):
        assert part in said, said


@few
@given(comparisons(60))
def test_p_values_are_mcnemars_counted_out(one: PairedComparison) -> None:
    n = one.gained + one.lost
    tail = sum(binom.pmf(k, n, 0.5) for k in range(max(one.gained, one.lost), n + 1))
    assert one.p_value == pytest.approx(min(1.0, 2 * tail) if n and one.gained != one.lost else 1.0)
    assert one.p_worse == pytest.approx(sum(binom.pmf(k, n, 0.5) for k in range(one.lost, n + 1)) if n else 1.0)


@few
@given(comparisons(), st.floats(0.6, 0.99))
def test_the_lower_bound_lies_below_the_difference_and_falls_with_confidence(
    one: PairedComparison, level: float
) -> None:
    difference = (one.gained - one.lost) / one.images
    assert -1 <= one.lower_bound(level) <= difference + 1e-12
    assert one.lower_bound(level + 0.005) <= one.lower_bound(level) + 1e-12


@pytest.mark.parametrize(
    "one", [PairedComparison(44, 0, 1, 43), PairedComparison(30, 9, 3, 10), PairedComparison(200, 3, 12, 150)]
)
def test_the_bound_solves_the_equation_of_the_score_test(one: PairedComparison) -> None:
    """Independently: the most probable shares under the hypothesis are searched for, not solved for."""
    bound, n = one.lower_bound(0.95), one.images
    agree = n - one.gained - one.lost

    def unlikely(lost: float) -> float:
        shares = np.array([lost + bound, lost, 1 - 2 * lost - bound])
        return -float(xlogy([one.gained, one.lost, agree], np.maximum(shares, 1e-300)).sum())

    low, high = max(0.0, -bound), (1 - bound) / 2
    found: Any = minimize_scalar(unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    lost = found.x
    variance = n * (2 * lost + bound - bound**2)
    assert (one.gained - one.lost - n * bound) / np.sqrt(variance) == pytest.approx(1.6449, abs=1e-3)


def test_the_bound_holds_its_level() -> None:
    """Of 2,000 draws with a true difference of -3 %, the 95 % bound lies above it in about 5 %."""
    rng = np.random.default_rng(0)
    draws = rng.multinomial(300, [0.04, 0.07, 0.8, 0.09], size=400)
    wrong = np.mean([PairedComparison(300, *map(int, draw[:3])).lower_bound(0.95) > -0.03 for draw in draws])
    assert 0.02 < wrong < 0.085


def test_who_had_what_right_is_counted() -> None:
    labels, champion, challenger = (np.array(a) for a in ([0, 1, 2, 0, 1], [0, 1, 0, 1, 0], [0, 0, 2, 2, 1]))
    found = compare_answers(labels, champion, challenger)
    assert found == PairedComparison(images=5, gained=2, lost=1, both=1)
    assert (found.champion_accuracy, found.challenger_accuracy) == (0.4, 0.6)


def answered(rng: np.random.Generator, count: int, accuracy: float, classes: int = 3):
    labels = rng.integers(0, classes, count)
    wrong = rng.random(count) > accuracy
    return labels, np.where(wrong, (labels + rng.integers(1, classes, count)) % classes, labels)


def relabelled(rng: np.random.Generator, labels: np.ndarray, share: float, classes: int = 3) -> np.ndarray:
    return np.where(rng.random(len(labels)) < share, (labels + rng.integers(1, classes, len(labels))) % classes, labels)


@pytest.mark.parametrize("accuracy", [0.98, 0.85, 0.7])
@pytest.mark.parametrize("seed", range(3))
def test_a_day_with_a_third_of_its_labels_wrong_is_suspect_and_a_good_one_is_not(accuracy: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    old, (labels, answers) = answered(rng, 600, accuracy), answered(rng, 400, accuracy)
    good = agreement(old, (labels, answers), 0.15, 0.95)
    poisoned = agreement(old, (relabelled(rng, labels, 0.33), answers), 0.15, 0.95)
    assert good is not None
    assert poisoned is not None
    assert not good.is_suspect
    assert good.disagreement < 0.1
    assert poisoned.is_suspect
    assert 0.2 < poisoned.disagreement < 0.45


def test_a_day_with_more_of_a_difficult_class_is_not_suspect() -> None:
    """The champion has 95 % of one class right and half of the other; the new day brings only that other."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 500)
    right = rng.random(1_000) < np.where(labels == 0, 0.95, 0.5)
    old = labels, np.where(right, labels, 1 - labels)
    new = labels[500:], old[1][500:][rng.permutation(500)]
    found = agreement(old, new, 0.15, 0.95)
    assert found is not None
    assert not found.is_suspect
    assert found.expected == pytest.approx(0.5, abs=0.05)
    # Against the accuracy over all classes, it would be.
    assert found.accuracy < 0.85 * np.mean(old[0] == old[1])


@few
@given(st.integers(1, 6))
def test_a_handful_of_new_images_is_never_suspect(count: int) -> None:
    old = answered(np.random.default_rng(1), 300, 0.9)
    found = agreement(old, (np.zeros(count, int), np.array([1] + [0] * (count - 1))), 0.15, 0.95)
    assert found is None or not found.is_suspect


def test_classes_that_the_champion_was_never_judged_on_do_not_count() -> None:
    old = np.zeros(50, int), np.zeros(50, int)
    assert agreement(old, (np.ones(50, int), np.zeros(50, int)), 0.15, 0.95) is None
