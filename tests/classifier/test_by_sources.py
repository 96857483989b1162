"""What sources that were left out decide: how strict and how certain a model is, and that no figure is helped by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from obstore.store import MemoryStore

from image_assets.classifier.daily.discriminant import discriminant_candidate
from image_assets.classifier.training import by_sources, source_sets
from image_assets.classifier.training.by_sources import chosen_by_sources, learner_of
from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.choice import choose
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import Candidate, candidates_of, fit
from image_assets.classifier.training.leave_out import measure_unseen
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.source_sets import SourceFold
from image_assets.classifier.unseen import UnseenSources
from image_assets.settings.classifier import BySources, Classifier, LogisticRegressionFamily, RandomForestFamily
from image_assets.store.models.model import Model
from tests.classifier.synthetic import CLASSES, of_sources

SPEC = Classifier(transform="none")
DEFAULT = candidates_of(SPEC.candidates)[0]
ONLY_TEMPERED = SPEC.model_copy(update={"by_sources": BySources(regularisation=())})
OFF = SPEC.model_copy(update={"by_sources": BySources(enabled=False)})


def error_on(rows: TrainingRows, candidate: Candidate, others: TrainingRows) -> float:
    probabilities = fit(candidate, 0, rows.features, rows.labels).predict_proba(others.features)
    right = probabilities.argmax(axis=1) == others.labels
    return calibration_error(reliability(probabilities.max(axis=1), right))


def unseen(rows: TrainingRows, candidate: Candidate, spec: Classifier) -> UnseenSources:
    model = fit(candidate, 0, rows.features, rows.labels)
    at_home = evaluate(model, rows.features, rows.labels, CLASSES)
    return measure_unseen(learner_of(candidate, rows, spec), rows, CLASSES, at_home, len(rows.labels))


def named(rows: TrainingRows, sources: list[str]) -> TrainingRows:
    return TrainingRows(rows.features, rows.labels, rows.groups, pl.Series(sources))


def test_probabilities_are_honest_on_sources_that_were_never_seen() -> None:
    rows, others = of_sources(6, seed=1), of_sources(30, seed=2)
    chosen = chosen_by_sources(DEFAULT, rows, SPEC)
    assert chosen.temperature > 1
    assert error_on(rows, chosen, others) < error_on(rows, DEFAULT, others) / 1.5


def test_where_sources_ask_for_it_a_stricter_penalty_is_chosen() -> None:
    chosen = chosen_by_sources(DEFAULT, of_sources(10, seed=1), SPEC)
    assert chosen.strength > DEFAULT.strength
    assert chosen.of_strength(DEFAULT.strength).untempered == DEFAULT


def test_a_penalty_that_may_be_better_by_chance_does_not_replace_the_usual_one() -> None:
    """Of six sources it is better by less than a standard error; named as one of the usual ones, it is taken."""
    rows, both = of_sources(6, seed=1), LogisticRegressionFamily(regularisation=(0.001, 0.1))
    assert chosen_by_sources(DEFAULT, rows, SPEC).strength == DEFAULT.strength
    spec = ONLY_TEMPERED.model_copy(update={"candidates": (both,)})
    assert chosen_by_sources(DEFAULT, rows, spec).strength == 0.1


def test_of_many_categories_few_images_each_and_few_folds_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = of_sources(12, seed=1)
    fitted: list[int] = []
    answers = by_sources._answers

    def counted(candidates: Any, some: TrainingRows, fold: SourceFold, seed: int) -> list[np.ndarray]:
        fitted.append(len(fold.training) + len(fold.judged))
        return answers(candidates, some, fold, seed)

    monkeypatch.setattr(by_sources, "_answers", counted)
    chosen_by_sources(DEFAULT, rows, ONLY_TEMPERED)
    assert fitted == [1_080] * 5
    monkeypatch.setattr(by_sources, "_COSTLY", 1_000)
    monkeypatch.setattr(by_sources, "_OF_CATEGORY", 200)
    fitted.clear()
    chosen_by_sources(DEFAULT, rows, ONLY_TEMPERED)
    assert fitted == [600] * 3


def test_a_difference_is_sure_where_sources_agree_on_it() -> None:
    units = np.repeat(np.arange(10), 20)
    agreed, of_one_source = np.full(200, -0.1), np.where(units == 0, -1.0, 0)
    assert by_sources._surely_more(agreed, units) == pytest.approx(-0.1)
    assert by_sources._surely_more(of_one_source, units) == pytest.approx(0, abs=0.01)
    # Were every image to count for itself, one source would do.
    assert by_sources._surely_more(of_one_source, np.arange(200)) < -0.05


def test_a_training_does_it_by_itself() -> None:
    rows = of_sources(6, seed=1)
    assert choose(SPEC, rows, MemoryStore(), "scores").candidate == chosen_by_sources(DEFAULT, rows, SPEC) != DEFAULT
    assert choose(OFF, rows, MemoryStore(), "scores").candidate == DEFAULT


def test_the_choice_does_not_depend_on_the_order_of_the_rows() -> None:
    rows = of_sources(6, seed=1)
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows.labels)))
    assert chosen_by_sources(DEFAULT, shuffled, SPEC) == chosen_by_sources(DEFAULT, rows, SPEC)


def test_sources_that_are_alike_ask_for_little_modesty() -> None:
    candidate = DEFAULT.of_strength(0.1)
    spec = ONLY_TEMPERED.model_copy(update={"candidates": (LogisticRegressionFamily(regularisation=(0.1,)),)})
    assert chosen_by_sources(candidate, of_sources(8, seed=1, shift=0), spec).temperature < 1.2


def test_the_more_sources_were_seen_the_less_a_strange_one_is_expected() -> None:
    """The same images, said to be of more sources: none of them is odd, which says more of the next one."""
    rows = of_sources(40, seed=1, shift=0)
    few = named(rows, [f"source {one % 20}" for one in range(len(rows.labels))])
    many = named(rows, [f"source {one % 1_200}" for one in range(len(rows.labels))])
    chosen, chosen_of_many = (chosen_by_sources(DEFAULT, some, ONLY_TEMPERED) for some in (few, many))
    assert chosen.temperature > chosen_of_many.temperature + 0.1


def test_without_other_sources_or_images_enough_nothing_is_changed() -> None:
    rows = of_sources(8, seed=1)
    unknown = TrainingRows(rows.features, rows.labels, rows.groups)
    few = rows.take(np.arange(0, len(rows.labels), 10))
    for some in (named(rows, ["one"] * len(rows.labels)), unknown, few):
        assert chosen_by_sources(DEFAULT, some, SPEC) == DEFAULT
    forest = candidates_of([RandomForestFamily(kind="random_forest", trees=(2,))])[0]
    for other in (forest, discriminant_candidate(0.05)):
        assert chosen_by_sources(other, rows, SPEC) == other


def test_a_handful_of_odd_images_of_another_source_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the first source, a category would be learnt from the few odd ones alone."""
    rows = of_sources(4, seed=1, shift=0)
    random = np.random.default_rng(0)
    odd = np.flatnonzero(rows.labels == 0)[:20]
    features = rows.features.copy()
    features[odd] = 20 * random.normal(size=(len(odd), features.shape[1]))
    sources = ["odd" if one in set(odd.tolist()) else "first" for one in range(len(rows.labels))]
    planted = TrainingRows(features, rows.labels, rows.groups, pl.Series(sources))
    assert chosen_by_sources(DEFAULT, planted, SPEC) == DEFAULT
    monkeypatch.setattr(source_sets, "_LEAST_LEFT", 0)
    assert chosen_by_sources(DEFAULT, planted, SPEC).temperature > 2


def test_no_image_of_a_source_has_a_say_in_what_judges_it() -> None:
    rows = of_sources(5, seed=1)
    sets = rows.source_sets
    assert sets is not None
    asked: list[set[str]] = []

    def learn(some: TrainingRows) -> Model:
        assert some.source_sets is not None
        asked.append(set(some.source_sets.unique()))
        return learner_of(DEFAULT, rows, SPEC)(some)

    at_home = evaluate(fit(DEFAULT, 0, rows.features, rows.labels), rows.features, rows.labels, CLASSES)
    measure_unseen(learn, rows, CLASSES, at_home, len(rows.labels))
    assert sorted(set(sets.unique()) - known for known in asked) == [{one} for one in sorted(sets.unique())]


def test_what_judges_a_source_is_chosen_by_the_others_alone() -> None:
    """A source whose images are all mislabelled moves what is chosen with it, and nothing that is chosen without."""
    rows = of_sources(5, seed=1, shift=1)
    sets = rows.source_sets
    assert sets is not None
    of_first = (sets == "source0").to_numpy()
    wrong = TrainingRows(rows.features, np.where(of_first, (rows.labels + 1) % 3, rows.labels), rows.groups, sets)
    others = np.flatnonzero(~of_first)
    with_it, without = chosen_by_sources(DEFAULT, wrong, SPEC), chosen_by_sources(DEFAULT, rows.take(others), SPEC)
    assert with_it.temperature > without.temperature + 0.3
    found = learner_of(with_it, wrong, SPEC)(wrong.take(others))
    expected = fit(without, 0, rows.features[others], rows.labels[others])
    np.testing.assert_array_equal(found.predict_proba(rows.features), expected.predict_proba(rows.features))


def test_the_figures_on_unseen_sources_are_those_of_a_model_that_was_chosen_so() -> None:
    rows = of_sources(16, seed=1)
    plain, chosen = unseen(rows, DEFAULT, OFF), unseen(rows, chosen_by_sources(DEFAULT, rows, SPEC), SPEC)
    assert plain.calibration_error is not None
    assert chosen.calibration_error is not None
    assert chosen.calibration_error < plain.calibration_error / 2


def test_of_two_sources_the_one_that_is_left_cannot_choose_by_sources() -> None:
    rows = of_sources(4, seed=1)
    # Some labels are wrong, so that pictures that were left out ask for modesty too.
    wrong = np.random.default_rng(0).random(len(rows.labels)) < 0.1
    rows = TrainingRows(rows.features, np.where(wrong, 0, rows.labels).astype(np.int16), rows.groups)
    halves = named(rows, [f"half {one // 180}" for one in range(len(rows.labels))])
    assert chosen_by_sources(DEFAULT, halves, SPEC) != DEFAULT
    found = unseen(halves, DEFAULT, SPEC)
    assert found.images == len(rows.labels)
    alone = halves.take(np.flatnonzero((halves.source_sets == "half 0").to_numpy()))  # pyright: ignore
    assert chosen_by_sources(DEFAULT, alone, SPEC) == DEFAULT
    by_pictures = learner_of(DEFAULT, halves, SPEC)(alone).predict_proba(alone.features)
    plain = fit(DEFAULT, 0, alone.features, alone.labels).predict_proba(alone.features)
    assert by_pictures.max(axis=1).mean() < plain.max(axis=1).mean()
