"""How a model does on sources that it never saw: measured, said, and asked for when a model is promoted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.intervals import wilson
from image_assets.classifier.promotion.unseen_gate import compare_unseen
from image_assets.classifier.training.evaluate import Evaluation, evaluate
from image_assets.classifier.training.families import fit, logistic_regression
from image_assets.classifier.training.leave_out import effective_images, measure_unseen
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.unseen import SourceShare, UnseenSources, said_of_unseen, short_unseen
from image_assets.settings.classifier import Classifier
from image_assets.settings.promotion import Promotion
from image_assets.store.models.model import Model
from tests.classifier.synthetic import image_ids

CLASSES = {"plant": 0, "animal": 1}


def learn(rows: TrainingRows) -> Model:
    return fit(logistic_regression(0.001), 0, rows.features, rows.labels, probabilities=True)


def pictures_of(sources: int, each: int, *, background: bool) -> TrainingRows:
    """Features of pictures whose subject shows a little; where told, each source's background gives the label away."""
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], sources * each // 2).astype(np.int16)
    of = np.repeat(np.arange(sources), each)
    features = random.normal(size=(len(labels), 12)).astype(np.float32)
    features[:, 0] += (0.5 if background else 3) * (2 * labels - 1)
    if background:
        # Every source has a colour of its own for each label, which says nothing of another source's.
        colours = random.normal(size=(sources, 2, 12)) * 6
        features += colours[of, labels].astype(np.float32)
    sets = pl.Series([f"supplier {one}" for one in of])
    return TrainingRows(features, labels, pl.Series(image_ids(len(labels))), sets)


def at_random(rows: TrainingRows) -> Evaluation:
    """The figures by a random split."""
    aside = np.random.default_rng(1).random(len(rows.labels)) < 0.25
    model = learn(rows.take(np.flatnonzero(~aside)))
    return evaluate(model, rows.features[aside], rows.labels[aside], CLASSES)


def measured(rows: TrainingRows) -> UnseenSources:
    return measure_unseen(learn, rows, CLASSES, at_random(rows), len(rows.labels))


def test_a_background_that_gives_the_label_away_is_found_out() -> None:
    rows = pictures_of(6, 60, background=True)
    found = measured(rows)
    assert at_random(rows).accuracy > 0.95
    assert found.known_accuracy is not None
    assert found.known_accuracy > 0.95
    assert found.accuracy is not None
    assert found.accuracy < 0.8
    assert found.certain_mistakes > 0
    assert found.images == 360
    assert found.folds == found.sources == 6
    assert f"On sources it never saw: {found.accuracy:.1%}" in said_of_unseen(found)
    assert "Expect the first for new suppliers" in said_of_unseen(found)


def test_where_the_subject_shows_both_figures_are_alike() -> None:
    found = measured(pictures_of(6, 60, background=False))
    assert found.accuracy is not None
    assert found.known_accuracy is not None
    assert found.accuracy > 0.95
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.known_accuracy <= found.high


def test_of_one_source_that_is_said_instead_of_a_number() -> None:
    rows = pictures_of(1, 60, background=False)
    without = TrainingRows(rows.features, rows.labels, rows.groups)
    for one in (rows, without):
        found = measured(one)
        assert found.accuracy is None
        assert said_of_unseen(found) == "On sources it never saw: not known, for all images come from one source."
        assert short_unseen(found) == "one source"


def test_categories_with_a_source_each_cannot_be_judged() -> None:
    rows = pictures_of(2, 60, background=False)
    own = TrainingRows(rows.features, rows.labels, rows.groups, pl.Series([f"s{label}" for label in rows.labels]))
    assert measured(own).why == "every category comes from a source of its own"
    assert short_unseen(measured(own)) == "cannot be told"


def test_a_category_of_one_source_is_named() -> None:
    rows = pictures_of(3, 60, background=False)
    named = rows.source_sets
    assert named is not None
    sets = pl.Series([name if label else "only" for name, label in zip(named, rows.labels, strict=True)])
    found = measured(TrainingRows(rows.features, rows.labels, rows.groups, sets))
    assert found.unjudged == ("plant",)
    assert found.images == 90
    assert said_of_unseen(found).endswith("Not judged, as all of it is from one source: plant.")


def test_what_would_be_unknown_is_said_with_how_many_of_the_rest_are_right() -> None:
    rows = pictures_of(6, 60, background=False)
    features = rows.features.copy()
    # Of some it can hardly be told what they are.
    features[:, 0] = 1.6 * (2 * rows.labels - 1) + np.random.default_rng(5).normal(size=360)
    found = measured(TrainingRows(features, rows.labels, rows.groups, rows.source_sets))
    assert found.held_back == 0.1
    assert found.unknown == pytest.approx(0.1, abs=0.05)
    assert found.answered_accuracy is not None
    assert found.accuracy is not None
    assert found.answered_accuracy > found.accuracy
    said = f"It says unknown of {found.unknown:.1%} of them; of the others it has {found.answered_accuracy:.1%} right."
    assert said in said_of_unseen(found)


def test_what_is_unknown_of_the_images_held_out_is_said_too_and_where_the_limit_comes_from() -> None:
    found = measured(pictures_of(1, 60, background=False)).model_copy(
        update={"known_unknown": 0.08, "known_answered": 1}
    )
    record = FamiliarityRecord(images=60, of_new_sources=0, sources=1, folds=5, held_back=0.1, limit=0.2)
    assert said_of_unseen(found, record) == (
        "On sources it never saw: not known, for all images come from one source. Of the images held out it says "
        f"unknown of 8.0%; of the others it has 100.0% right. {record.sentence}"
    )


def test_the_limit_of_a_source_is_that_of_the_others() -> None:
    """A source that is like no other: by a limit that it had a say in, no more than the stated share were unknown."""
    rows = pictures_of(6, 60, background=False)
    features = rows.features.copy()
    features[-60:] = np.random.default_rng(3).normal(size=(60, 12)) * 10
    found = measured(TrainingRows(features, rows.labels, rows.groups, rows.source_sets))
    assert found.unknown is not None
    assert found.unknown > 0.15


def test_where_nothing_is_held_back_nothing_is_said_of_unknown() -> None:
    rows = pictures_of(6, 60, background=False)
    found = measure_unseen(learn, rows, CLASSES, at_random(rows), 360, Classifier(held_back=0))
    assert (found.unknown, found.answered_accuracy) == (None, None)
    assert "unknown" not in said_of_unseen(found)


def test_a_model_of_before_was_not_measured() -> None:
    assert short_unseen(None) == "not measured"
    assert said_of_unseen(None) == "On sources it never saw: not measured."


def test_where_sources_differ_the_interval_is_wider() -> None:
    alike = [SourceShare(name=str(one), images=100, right=90) for one in range(5)]
    apart = [SourceShare(name=str(one), images=100, right=right) for one, right in enumerate((100, 100, 100, 75, 75))]
    assert effective_images(alike) == 500
    assert effective_images(apart) < 100
    narrow, wide = wilson(0.9 * 500, 500), wilson(0.9 * effective_images(apart), effective_images(apart))
    assert wide.low < narrow.low
    assert wide.high > narrow.high


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=1, max_size=12))
def test_images_never_tell_more_than_there_are(sources: list[tuple[int, float]]) -> None:
    shares = [SourceShare(name=str(n), images=i, right=int(i * part)) for n, (i, part) in enumerate(sources)]
    images = sum(one.images for one in shares)
    assert 0 < effective_images(shares) <= images


def figures(**right: int) -> UnseenSources:
    """Of so many right of 100 images a source."""
    shares = tuple(SourceShare(name=name, images=100, right=number) for name, number in right.items())
    return UnseenSources(sources=len(shares), sampled=1, all_images=1, accuracy=0.5, per_source=shares)


@pytest.mark.parametrize(
    ("champion", "challenger", "worse"),
    [
        (figures(a=95, b=95), figures(a=80, b=82), True),
        (figures(a=95, b=95), figures(a=94, b=93), False),  # within chance
        (figures(a=95, b=95), figures(a=99, b=99), False),
        (figures(a=95, b=95), figures(a=95, b=95, c=10), False),  # new images are harder: no fault of the model
        (figures(a=95, b=95, c=99), figures(a=80, b=80, d=99), True),
    ],
)
def test_who_is_worse_on_the_same_sources_beyond_chance_is_worse(
    champion: UnseenSources, challenger: UnseenSources, worse: bool
) -> None:
    compared = compare_unseen(champion, challenger, Promotion())
    assert compared is not None
    assert compared.is_worse(Promotion()) is worse


def test_without_a_source_in_common_nothing_is_compared() -> None:
    assert compare_unseen(figures(a=95), figures(b=20), Promotion()) is None
    assert compare_unseen(None, figures(b=20), Promotion()) is None
    assert compare_unseen(figures(a=95), None, Promotion()) is None
