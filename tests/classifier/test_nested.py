"""A family is judged on images that had no part in the choice of its settings, and a killed comparison goes on."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import StratifiedGroupKFold

from image_assets.classifier.comparing.nested import BEST_OF_ALL, Comparison, FamilyResult, OuterFold, nested
from image_assets.classifier.comparing.nested_report import nested_frame, nested_plot
from image_assets.classifier.training.families import Candidate, candidates_of, pipeline_of
from image_assets.classifier.training.selection import Score, TrainingRows, select
from image_assets.classifier.training.train import NotTrainableError
from image_assets.settings.classifier import (
    AnyFamily,
    LogisticRegressionFamily,
    ModelSelection,
    RandomForestFamily,
    SupportVectorFamily,
)
from tests.classifier.synthetic import clusters, image_ids

STUMP = RandomForestFamily(kind="random_forest", trees=(1,), max_depth=(1,))
FAMILIES: list[AnyFamily] = [LogisticRegressionFamily(regularisation=(100.0, 0.01)), STUMP]
SPEC = ModelSelection(folds=3)


class Book:
    """Keeps scores in memory, gives up after so many, and counts what was computed."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Candidate], Score] = {}
        self.written: Counter[tuple[str, Candidate]] = Counter()
        self.most = 10_000

    def read(self, key: str, candidate: Candidate) -> Score | None:
        return self.kept.get((key, candidate))

    def write(self, key: str, score: Score) -> None:
        if len(self.kept) == self.most:
            raise KeyboardInterrupt
        self.kept[key, score.candidate] = score
        self.written[key, score.candidate] += 1


def rows_of(count: int, separation: float = 0.4) -> TrainingRows:
    features, labels = clusters(count, width=12, separation=separation)
    return TrainingRows(features, labels, pl.Series("group", image_ids(count)))


@pytest.fixture(scope="module")
def judged() -> list[FamilyResult]:
    return nested(candidates_of(FAMILIES), rows_of(240), SPEC, Comparison(4, workers=1))


def test_every_family_is_judged_in_every_fold_the_best_first(judged: list[FamilyResult]) -> None:
    assert [one.family for one in judged] == ["logistic_regression", "random_forest", BEST_OF_ALL]
    assert all(len(one.folds) == 4 for one in judged)
    assert judged[0].mean > judged[1].mean + 0.1
    assert judged[2].folds == judged[0].folds
    assert dict(judged[0].chosen()[0][0].values)["regularisation"] == 0.01


def test_the_scores_are_those_of_the_definition(judged: list[FamilyResult]) -> None:
    rows = rows_of(240)
    splitter = StratifiedGroupKFold(4, shuffle=True, random_state=SPEC.seed)
    candidates = candidates_of(FAMILIES[:1])
    for found, (training, aside) in zip(
        judged[0].folds, splitter.split(rows.features, rows.labels, rows.groups.to_numpy()), strict=True
    ):
        chosen = select(candidates, rows.take(training), SPEC, workers=1)[0]
        model = pipeline_of(chosen.candidate, len(training), SPEC.seed)
        accuracy = model.fit(rows.features[training], rows.labels[training]).score(
            rows.features[aside], rows.labels[aside]
        )
        assert found == OuterFold(chosen.candidate, chosen.mean, accuracy, len(training), converged=True)
    outer = [fold.outer for fold in judged[0].folds]
    assert judged[0].mean == pytest.approx(np.mean(outer))
    assert judged[0].deviation == pytest.approx(np.std(outer, ddof=1))


def test_a_choice_among_many_looks_better_than_it_is_and_the_outer_folds_say_so() -> None:
    # Labels at random: the best of many settings is above chance in the folds that it was chosen by, and nowhere else.
    many = candidates_of(
        [SupportVectorFamily(kind="support_vector_machine", c=(1, 30), gamma=(0.003, 0.03, 0.1, 0.3, 1, 3))]
    )
    found = []
    for seed in range(3):
        features = np.random.default_rng(seed).normal(size=(48, 6)).astype(np.float32)
        rows = TrainingRows(features, np.arange(48, dtype=np.int16) % 2, pl.Series("group", image_ids(48)))
        found.append(nested(many, rows, SPEC, Comparison(3, workers=1))[0])
    assert np.mean([one.optimism for one in found]) > 0.04
    assert abs(np.mean([one.mean for one in found]) - 0.5) < 0.1


def test_lookalikes_are_judged_by_no_model_that_saw_their_double() -> None:
    # Pictures with labels at random, six nearly equal copies of each: only who has seen a copy can know the label.
    draw = np.random.default_rng(0)
    pictures, labels = draw.normal(size=(60, 30)), draw.integers(0, 2, 60).astype(np.int16)
    copies = np.repeat(pictures, 6, axis=0) + draw.normal(size=(360, 30)) * 0.01
    nearest = candidates_of([SupportVectorFamily(kind="support_vector_machine", c=(100,), gamma=(0.1,))])
    kept = TrainingRows(
        copies.astype(np.float32), np.repeat(labels, 6), pl.Series("group", np.repeat(image_ids(60), 6))
    )
    apart = TrainingRows(kept.features, kept.labels, pl.Series("group", image_ids(360)))
    assert nested(nearest, kept, SPEC, Comparison(workers=1))[0].mean < 0.7
    assert nested(nearest, apart, SPEC, Comparison(workers=1))[0].mean > 0.95


def test_a_killed_comparison_goes_on_where_it_was(judged: list[FamilyResult]) -> None:
    rows, book = rows_of(240), Book()
    book.most = 10
    with pytest.raises(KeyboardInterrupt):
        nested(candidates_of(FAMILIES), rows, SPEC, Comparison(4, workers=1), book)
    assert len(book.kept) == 10
    book.most = 10_000
    assert nested(candidates_of(FAMILIES), rows, SPEC, Comparison(4, workers=1), book) == judged
    # In each of four folds three candidates, and the best of two families on the outer fold; none of them twice.
    assert len(book.written) == 4 * (3 + 2)
    assert set(book.written.values()) == {1}


def test_other_rows_are_judged_anew() -> None:
    rows, book = rows_of(150), Book()
    nested(candidates_of([STUMP]), rows, SPEC, Comparison(3, workers=1), book)
    before = len(book.written)
    changed = TrainingRows(rows.features + np.float32(1), rows.labels, rows.groups)
    nested(candidates_of([STUMP]), changed, SPEC, Comparison(3, workers=1), book)
    assert len(book.written) == 2 * before


def test_progress_grows_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    nested(
        candidates_of(FAMILIES), rows_of(150), SPEC, Comparison(3, workers=1), progress=lambda *step: steps.append(step)
    )
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert {total for _, total in steps} == {9}
    assert steps[-1] == (9, 9)


def test_a_class_with_too_few_pictures_is_refused() -> None:
    rows = rows_of(100)
    labels = np.where(np.arange(100) < 97, 0, 1).astype(np.int16)
    with pytest.raises(NotTrainableError, match="label 1"):
        nested(
            candidates_of([STUMP]),
            TrainingRows(rows.features, labels, rows.groups),
            ModelSelection(),
            Comparison(workers=1),
        )


def test_more_images_than_the_selection_takes_are_sampled() -> None:
    (result, _) = nested(
        candidates_of([STUMP]), rows_of(300), ModelSelection(folds=2, max_rows=120), Comparison(3, workers=1)
    )
    assert all(fold.images == pytest.approx(80, abs=3) for fold in result.folds)


def test_csv_and_plot_hold_what_was_found(judged: list[FamilyResult]) -> None:
    compared = {"efficientnet_lite0": judged, "colour_statistics": judged}
    frame = nested_frame(compared)
    assert frame.height == 2 * 3 * 4
    means = frame.filter(features="colour_statistics", family="random_forest")["outer"].mean()
    assert means == pytest.approx(judged[1].mean)
    assert nested_plot(compared, "accuracy") == nested_plot(compared, "accuracy")
    assert nested_plot(compared, "accuracy")[:4] == b"\x89PNG"
