"""The best candidate is found, lookalikes stay on one side, nothing leaks, and a killed search goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import obstore.store
import polars as pl
import pytest

from image_assets.classifier.training import selection
from image_assets.classifier.training.families import (
    Candidate,
    candidates_of,
    fit,
    logistic_regression,
)
from image_assets.classifier.training.score_book import StoredScores
from image_assets.classifier.training.selection import Score, TrainingRows, select, too_few_pictures
from image_assets.classifier.training.train import NotTrainableError
from image_assets.settings.classifier import (
    AnyFamily,
    GradientBoostingFamily,
    LogisticRegressionFamily,
    ModelSelection,
    NeuralNetworkFamily,
    RandomForestFamily,
    SupportVectorFamily,
)
from image_assets.store.models.skops_files import dump_model, parse_model
from tests.classifier.synthetic import clusters, image_ids, of_sources
from tests.store_files import python_path

FAMILIES: dict[str, AnyFamily] = {
    "logistic_regression": LogisticRegressionFamily(l1_ratio=(0.5,), regularisation=(0.001,)),
    "support_vector_machine": SupportVectorFamily(kind="support_vector_machine", c=(1,)),
    "random_forest": RandomForestFamily(kind="random_forest", trees=(20,)),
    "gradient_boosting": GradientBoostingFamily(kind="gradient_boosting", rounds=(20,)),
    "neural_network": NeuralNetworkFamily(kind="neural_network", hidden=((20,),)),
}


def rows_of(count: int, width: int = 16, separation: float = 0.5) -> TrainingRows:
    features, labels = clusters(count, width=width, separation=separation)
    return TrainingRows(features, labels, pl.Series("group", image_ids(count)))


def regressions(*strengths: float) -> list[Candidate]:
    return candidates_of([LogisticRegressionFamily(regularisation=strengths)])


class Book:
    """Keeps scores in memory, and counts what was asked of it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, Candidate], Score] = {}
        self.written: Counter[Candidate] = Counter()

    def read(self, key: str, candidate: Candidate) -> Score | None:
        return self.kept.get((key, candidate))

    def write(self, key: str, score: Score) -> None:
        self.kept[key, score.candidate] = score
        self.written[score.candidate] += 1


def test_a_grid_is_every_combination_once_in_the_order_of_the_file() -> None:
    family = LogisticRegressionFamily(regularisation=(0.1, 0.2, 0.1), l1_ratio=(0, 1))
    found = candidates_of([family, family])
    assert [dict(one.values)["regularisation"] for one in found] == [0.1, 0.1, 0.2, 0.2]
    assert [dict(one.values)["l1_ratio"] for one in found] == [0, 1, 0, 1]
    assert len({one.digest for one in found}) == 4


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_learns_gives_probabilities_and_can_be_kept(name: str) -> None:
    (candidate,) = candidates_of([FAMILIES[name]])
    rows = rows_of(300, separation=1.0)
    model = fit(candidate, 0, rows.features[:200], rows.labels[:200], probabilities=True)
    probabilities = model.predict_proba(rows.features[200:])
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (model.classes[probabilities.argmax(axis=1)] == rows.labels[200:]).mean() > 0.75
    kept = parse_model(dump_model(model))
    assert np.array_equal(kept.predict_proba(rows.features[200:]), probabilities)
    assert kept.converged == model.converged


def test_the_best_candidate_comes_first_and_is_as_good_as_it_looks() -> None:
    rows = rows_of(400, separation=0.3)
    scores = select(regressions(100.0, 0.01), rows, ModelSelection(), workers=1)
    assert [dict(one.candidate.values)["regularisation"] for one in scores] == [0.01, 100.0]
    assert scores[0].mean > scores[1].mean + 0.1
    assert len(scores[0].folds) == 5
    assert scores[0].deviation > 0


def test_of_several_sources_that_candidate_is_the_best_which_is_so_on_sources_left_out() -> None:
    rows = of_sources(10, seed=1)
    (by_source, _), (at_random, _) = (
        select(regressions(0.0001, 1.0), some, ModelSelection(), workers=1)
        for some in (rows, replace(rows, source_sets=None))
    )
    assert (by_source.candidate.strength, at_random.candidate.strength) == (1.0, 0.0001)
    assert by_source.mean < at_random.mean - 0.1


def test_shuffled_labels_fall_to_chance() -> None:
    rows = rows_of(600)
    shuffled = TrainingRows(rows.features, np.random.default_rng(0).permutation(rows.labels), rows.groups)
    assert select(regressions(0.01), shuffled, ModelSelection(), workers=1)[0].mean < 0.42


def test_lookalikes_are_judged_by_no_model_that_saw_their_double() -> None:
    # Pictures with labels at random, ten nearly equal copies of each: only who has seen a copy can know the label.
    draw = np.random.default_rng(0)
    pictures, labels = draw.normal(size=(60, 30)), draw.integers(0, 2, 60).astype(np.int16)
    copies = np.repeat(pictures, 10, axis=0) + draw.normal(size=(600, 30)) * 0.01
    groups = pl.Series("group", np.repeat(image_ids(60), 10))
    nearest = candidates_of([SupportVectorFamily(kind="support_vector_machine", c=(100,), gamma=(0.1,))])
    kept = TrainingRows(copies.astype(np.float32), np.repeat(labels, 10), groups)
    apart = TrainingRows(kept.features, kept.labels, pl.Series("group", image_ids(600)))
    assert select(nearest, kept, ModelSelection(), workers=1)[0].mean < 0.7
    assert select(nearest, apart, ModelSelection(), workers=1)[0].mean > 0.95


def test_processes_do_not_change_the_scores() -> None:
    rows = rows_of(300)
    candidates = [*regressions(0.1, 0.01), *candidates_of([FAMILIES["random_forest"]])]
    alone, together = (select(candidates, rows, ModelSelection(folds=3), workers=count) for count in (1, 2))
    assert [(one.candidate, one.folds) for one in alone] == [(one.candidate, one.folds) for one in together]


def test_large_grids_are_halved_and_the_best_is_still_found() -> None:
    rows = rows_of(3_000, separation=0.2)
    strengths = [10.0**power for power in np.linspace(3, -2, 30)]
    steps: list[tuple[int, int]] = []
    spec = ModelSelection(halving_above=10)
    scores = select(regressions(*strengths), rows, spec, progress=lambda *step: steps.append(step), workers=1)
    assert {one.rows for one in scores} >= {3_000, 333}
    assert [one.rows for one in scores] == sorted((one.rows for one in scores), reverse=True)
    assert {one.candidate for one in scores} == set(regressions(*strengths))
    assert steps[-1][0] == steps[-1][1]
    full = select(regressions(*strengths), rows, ModelSelection(halving_above=100), workers=1)
    assert scores[0].mean >= full[0].mean - 2 * full[0].deviation / 5**0.5


def test_halving_finds_the_candidate_that_is_known_to_be_best() -> None:
    # Two classes on either side of a circle: of all these only the radial kernel of a fitting width can tell.
    draw = np.random.default_rng(1)
    features = draw.normal(size=(900, 2)).astype(np.float32)
    labels = ((features**2).sum(axis=1) > 1.4).astype(np.int16)
    rows = TrainingRows(features, labels, pl.Series("group", image_ids(900)))
    hopeless = [SupportVectorFamily(kind="support_vector_machine", c=(1e-4, 1e-5, 1e-6), kernel=("linear", "rbf"))]
    best = SupportVectorFamily(kind="support_vector_machine", c=(10,), gamma=(1.0,))
    candidates = [*candidates_of(hopeless), *regressions(1.0, 0.1, 0.01), *candidates_of([best])]
    full = select(candidates, rows, ModelSelection(folds=3), workers=1)
    halved = select(candidates, rows, ModelSelection(folds=3, halving_above=4), workers=1)
    assert halved[0] == replace(full[0], seconds=halved[0].seconds)
    assert halved[0].candidate == candidates[-1]
    assert halved[0].mean > 0.95
    # It was worth it: of ten candidates, only a few were fitted to all images.
    assert Counter(one.rows for one in halved) == {100: 6, 300: 2, 900: 2}


def test_candidates_that_were_left_rank_below_those_that_went_on_however_good_they_looked() -> None:
    rows = rows_of(900, separation=0.3)
    scores = select(
        regressions(*(10.0**power for power in range(-2, 5))), rows, ModelSelection(folds=3, halving_above=4), workers=1
    )
    assert [one.rows for one in scores] == sorted((one.rows for one in scores), reverse=True)
    survivors = [one for one in scores if one.rows == 900]
    assert [one.mean for one in survivors] == sorted((one.mean for one in survivors), reverse=True)


def test_scores_of_other_data_or_of_another_comparison_are_not_used(tmp_path: Path) -> None:
    """Perfect scores for the worse candidate, planted where scores of other comparisons lie, decide nothing."""
    rows, candidates = rows_of(150, separation=0.5), regressions(0.01, 1000.0)
    objects = obstore.store.LocalStore(str(tmp_path))
    others = [
        (TrainingRows(rows.features * np.float32(1.001), rows.labels, rows.groups), ModelSelection(folds=2)),
        (TrainingRows(rows.features, np.roll(rows.labels, 1), rows.groups), ModelSelection(folds=2)),
        (TrainingRows(rows.features, rows.labels, rows.groups.reverse()), ModelSelection(folds=2)),
        (rows, ModelSelection(folds=3)),
        (rows, ModelSelection(folds=2, scoring="macro_f1")),
        (rows, ModelSelection(folds=2, seed=1)),
    ]
    for other, spec in others:
        select(candidates, other, spec, StoredScores(objects, "scores"), workers=1)
    for file in tmp_path.rglob(f"{candidates[1].digest}.json"):
        file.write_text(file.read_text().replace('"folds": [', '"folds": [1.0, 1.0], "were": ['))
    assert len(list(tmp_path.rglob("*.json"))) == 2 * len(others)
    scores = select(candidates, rows, ModelSelection(folds=2), StoredScores(objects, "scores"), workers=1)
    assert scores[0].candidate == candidates[0]
    assert scores[1].mean < 1
    # Negative control: planted among the scores of this very comparison, the forgery is believed.
    newest = max(tmp_path.rglob(f"{candidates[1].digest}.json"), key=lambda file: file.stat().st_mtime_ns)
    newest.write_text(newest.read_text().replace('"folds": [', '"folds": [1.0, 1.0], "were": ['))
    forged = select(candidates, rows, ModelSelection(folds=2), StoredScores(objects, "scores"), workers=1)
    assert forged[0].candidate == candidates[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("folds", [0.5, float("nan")]), ("folds", []), ("folds", "abc"), ("candidate", "another"), ("rows", None)],
)
def test_a_score_that_cannot_be_one_is_computed_again(tmp_path: Path, name: str, value: object) -> None:
    book = StoredScores(obstore.store.LocalStore(str(tmp_path)), "scores")
    candidate = logistic_regression(0.1)
    book.write("key", Score(candidate, 10, (0.5, 0.75), 1.5, True))
    (file,) = tmp_path.rglob("*.json")
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {name: value}))
    assert book.read("key", candidate) is None
    file.write_text(json.dumps(kept))
    assert book.read("key", candidate) is not None


def test_a_search_goes_on_where_it_was_and_other_rows_begin_anew() -> None:
    rows, book = rows_of(200), Book()
    whole = select(regressions(0.1, 0.01, 0.001), rows, ModelSelection(), book, workers=1)
    assert set(book.written.values()) == {1}
    assert select(regressions(0.1, 0.01, 0.001), rows, ModelSelection(), book, workers=1) == whole
    assert set(book.written.values()) == {1}
    changed = TrainingRows(rows.features, rows.labels[::-1].copy(), rows.groups)
    select(regressions(0.1), changed, ModelSelection(), book, workers=1)
    assert book.written[regressions(0.1)[0]] == 2


def test_with_less_than_two_classes_of_enough_pictures_nothing_is_compared() -> None:
    rows = rows_of(100)
    labels = np.where(np.arange(100) < 97, 0, 1).astype(np.int16)
    with pytest.raises(NotTrainableError, match=r"label 1: 3.* Add images\."):
        select(regressions(0.1), TrainingRows(rows.features, labels, rows.groups), ModelSelection(), workers=1)
    alike = pl.Series(["one picture"] * 100)
    with pytest.raises(NotTrainableError, match="add other pictures"):
        select(regressions(0.1), TrainingRows(rows.features, labels, alike), ModelSelection(), workers=1)


def test_a_class_with_too_few_pictures_is_left_out_of_the_comparison_and_stops_nobody() -> None:
    rows = rows_of(100)
    labels = np.where(np.arange(100) < 3, 7, rows.labels).astype(np.int16)
    some = TrainingRows(rows.features, labels, rows.groups)
    assert too_few_pictures(some, ModelSelection().folds) == [7]
    assert too_few_pictures(rows, ModelSelection().folds) == []
    found = select(regressions(0.1, 0.01), some, ModelSelection(), workers=1)
    without = select(regressions(0.1, 0.01), some.take(np.arange(3, 100)), ModelSelection(), workers=1)
    assert [score.folds for score in found] == [score.folds for score in without]


KILLED = """
import sys
import obstore.store
from image_assets.classifier.training.score_book import StoredScores
from image_assets.classifier.training.selection import select
from tests.classifier.test_selection import ModelSelection, regressions, rows_of
book = StoredScores(obstore.store.LocalStore(sys.argv[1]), "scores")
select(regressions(*(10.0 ** -(i / 10) for i in range(40))), rows_of(2_000, width=200), ModelSelection(halving_above=99), book, workers=1)
"""  # noqa: E501


def test_a_killed_search_loses_at_most_the_candidate_in_work(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": python_path(root)}
    child = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], env=environment)
    try:
        while len(list(tmp_path.rglob("*.json"))) < 3:
            assert child.poll() is None
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    there = {file.name: file.read_bytes() for file in tmp_path.rglob("*.json")}
    assert 3 <= len(there) < 40
    book = StoredScores(obstore.store.LocalStore(str(tmp_path)), "scores")
    candidates = regressions(*(10.0 ** -(i / 10) for i in range(40)))[: len(there) + 1]
    scores = select(candidates, rows_of(2_000, width=200), ModelSelection(halving_above=99), book, workers=1)
    assert len(scores) == len(candidates)
    after = {file.name: file.read_bytes() for file in tmp_path.rglob("*.json")}
    assert len(after) == len(there) + 1
    assert all(after[name] == content for name, content in there.items())


def test_a_damaged_score_is_computed_again_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    book = StoredScores(obstore.store.LocalStore(str(tmp_path)), "scores")
    candidate = logistic_regression(0.1)
    score = Score(candidate, 10, (0.5, 0.75), 1.5, True)
    book.write("key", score)
    assert book.read("key", candidate) == score
    (file,) = tmp_path.rglob("*.json")
    file.write_bytes(file.read_bytes()[:20])
    assert book.read("key", candidate) is None
    book.write("key", score)
    book.write("other", score)
    later = StoredScores(obstore.store.LocalStore(str(tmp_path)), "scores")
    assert later.read("other", candidate) == score
    later.forget_the_rest()
    assert later.read("key", candidate) is None
    assert later.read("other", candidate) == score


def test_the_scaler_is_fitted_inside_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    made = selection.pipeline_of

    def watched(candidate: Candidate, rows: int, seed: int):
        pipeline = made(candidate, rows, seed)
        fit = pipeline.named_steps["scale"].fit_transform
        pipeline.named_steps["scale"].fit_transform = lambda x, *a, **k: (seen.append(len(x)), fit(x, *a, **k))[1]
        return pipeline

    monkeypatch.setattr(selection, "pipeline_of", watched)
    select(regressions(0.1), rows_of(100), ModelSelection(), workers=1)
    assert len(seen) == 5
    assert sum(seen) == 400
