"""Baselines: colours are measured on the same images; labels that mean nothing are learnt only through a leak."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
import pytest

from image_assets.classifier.report.baselines import (
    calibration_chance,
    colour_baseline,
    fewer_errors,
    label_shuffle,
    measure_baselines,
)
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.families import candidates_of, fit
from image_assets.settings.classifier import Baselines, RandomForestFamily
from tests.classifier.report.made import made_subject, thumbnails_of


def sides(subject: ReportSubject) -> tuple[np.ndarray, np.ndarray]:
    return np.flatnonzero(~subject.aside), subject.held_out


@pytest.fixture(scope="module")
def subject() -> ReportSubject:
    return made_subject(300, 200)


# Shuffled labels


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_labels_fall_to_chance(subject: ReportSubject, seed: int) -> None:
    found = label_shuffle(subject, *sides(subject), seed)
    assert found is not None
    assert found.accuracy <= found.chance
    assert found.chance < 0.65


def test_images_of_the_one_side_on_the_other_do_not(subject: ReportSubject) -> None:
    training, judged = sides(subject)
    found = label_shuffle(subject, np.concatenate([training, judged]), judged, 0)
    assert found is not None
    assert found.accuracy > found.chance


def test_lookalikes_that_are_torn_do_not(subject: ReportSubject) -> None:
    """Every image twice, with a grain of noise; halves of the pairs on either side."""
    noise = np.random.default_rng(0).normal(0, 0.01, subject.features.shape).astype(np.float32)
    count = len(subject.labels)
    groups = pl.Series("group", [str(number % count) for number in range(2 * count)])
    doubled = replace(
        subject,
        features=np.concatenate([subject.features, subject.features + noise]),
        labels=np.tile(subject.labels, 2),
        images=pl.concat([subject.images, subject.images]).with_columns(group=groups),
        aside=np.repeat([False, True], count),
    )
    found = label_shuffle(doubled, *sides(doubled), 0)
    assert found is not None
    assert found.accuracy > found.chance
    # Kept together they tell nothing: the same pairs, whole ones on either side.
    whole = np.arange(count) % 2 == 0
    kept = replace(doubled, aside=np.concatenate([whole, whole]))
    fair = label_shuffle(kept, *sides(kept), 0)
    assert fair is not None
    assert fair.accuracy <= fair.chance


def test_another_kind_of_model_is_trained_as_itself() -> None:
    (candidate,) = candidates_of([RandomForestFamily(kind="random_forest", trees=(8,))])
    made = replace(made_subject(120, 10), learn=partial(fit, candidate, 0))
    training, judged = sides(made)
    leaking = label_shuffle(made, np.concatenate([training, judged]), judged, 0)
    assert leaking is not None
    assert leaking.accuracy > leaking.chance


# Colours


def test_colours_are_measured_on_the_images_that_have_thumbnails(subject: ReportSubject) -> None:
    pictures = thumbnails_of(subject, coloured=True)
    missing = str(subject.images["image_id"][int(subject.held_out[0])])
    del pictures[missing]
    found = colour_baseline(subject, *sides(subject), lambda wanted: {i: pictures[i] for i in wanted & set(pictures)})
    assert found is not None
    assert found.images == len(subject.held_out) - 1
    assert found.trained == int((~subject.aside).sum())
    assert found.right == found.images  # every category has a colour of its own
    assert found.model_right == int(np.sum((subject.predicted == subject.truth)[1:]))


def test_colours_that_say_nothing_are_no_match(subject: ReportSubject) -> None:
    grey = thumbnails_of(subject)
    found = colour_baseline(subject, *sides(subject), lambda wanted: {i: grey[i] for i in wanted})
    assert found is not None
    assert found.right < found.model_right
    assert found.right / found.images < 0.6


def test_what_is_not_measured_is_said(subject: ReportSubject) -> None:
    measured = measure_baselines(subject, lambda _: {}, "0" * 64, Baselines(), of_colours=False)
    assert measured.colours is None
    assert "thumbnails" in measured.without_colours
    measured = measure_baselines(subject, lambda _: {}, "0" * 64, Baselines(), of_colours=True)
    assert "colour statistics" in measured.without_colours
    assert measured.shuffled is not None


def test_the_cost_is_bounded_by_the_sample(subject: ReportSubject) -> None:
    asked: list[set[str]] = []

    def pictures(wanted: set[str]) -> dict[str, bytes]:
        asked.append(wanted)
        return {}

    measured = measure_baselines(subject, pictures, "0" * 64, Baselines(max_rows=100), of_colours=False)
    assert measured.shuffled is not None
    assert measured.shuffled.trained <= 150
    assert len(asked[0]) < len(subject.labels)


# Comparisons


@pytest.mark.parametrize(
    ("right", "other", "of", "share"),
    [(95, 90, 100, 0.5), (90, 90, 100, 0.0), (80, 90, 100, -1.0), (100, 100, 100, 1.0), (100, 50, 100, 1.0)],
)
def test_share_of_errors_avoided(right: int, other: int, of: int, share: float) -> None:
    assert fewer_errors(right, other, of) == pytest.approx(share)


def test_errors_where_the_other_makes_none() -> None:
    assert fewer_errors(99, 100, 100) == float("-inf")


@pytest.mark.parametrize("images", [12, 100, 3_000])
def test_probabilities_that_are_right_stay_below_what_chance_gives(images: int) -> None:
    random = np.random.default_rng(images)
    for _ in range(8):
        certainty = random.uniform(0.4, 1, images)
        bins = reliability(certainty, random.uniform(size=images) < certainty)
        chance = calibration_chance([one.certainty for one in bins], [one.images for one in bins])
        assert calibration_error(bins) <= chance
    assert calibration_chance([], []) == 0


def test_with_many_images_chance_leaves_little_room() -> None:
    assert calibration_chance([0.9], [10_000]) < 0.02
    assert calibration_chance([0.9], [10]) > 0.2
