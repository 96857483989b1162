"""Days of images, refined as the asset would: which path they take, what is read, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import obstore
import polars as pl
import pytest

from image_assets.classifier.daily import refinement
from image_assets.classifier.daily.daily_model import DailyModel, Places, Tables
from image_assets.classifier.daily.familiar_file import FAMILIAR
from image_assets.classifier.daily.path_choice import DAILY, FULL, NOTHING_DRIFTED, Drifted
from image_assets.classifier.daily.refinement import refine
from image_assets.classifier.mcnemar import mcnemar
from image_assets.classifier.training import selection
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.images import held_out_with_lookalikes
from image_assets.classifier.training.train import NotTrainableError, train
from image_assets.dataset import DatasetSpec
from image_assets.features.table import UnusableFeaturesError, feature_table
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model
from image_assets.store.store import Store
from image_assets.workers import Progress
from tests.classifier.feature_tables import (
    DATASET,
    KIND,
    NO_CONFLICTS,
    NO_GROUPS,
    day,
    feature_rows,
    scan,
    write_partitions,
)
from tests.classifier.synthetic import CLASSES
from tests.platform import small_dataset

DAYS, IMAGES = 7, 120
ROWS = feature_rows(DAYS, IMAGES, separation=1.2)
REFINEMENT = {"from_rows": 0, "full_every_days": 3, "accuracy_margin": 0.05, "log_loss_margin": 0.5}


def dataset(classifier: dict | None = None, **changes: object) -> DatasetSpec:
    # So few, that a regression is fitted from disk.
    settings = {"max_fit_rows": 100, **(classifier or {}), "refinement": {**REFINEMENT, **changes}}
    return small_dataset(start_day=day(0), classifier=settings)


def arrive(store: Store, *days: int) -> None:
    write_partitions(store, ROWS.filter(pl.col("date").is_in([day(n) for n in days])))


def refined(store: Store, spec: DatasetSpec, drifted: Drifted = NOTHING_DRIFTED) -> DailyModel:
    places = Places(store.objects(), f"{DATASET}/classifier-statistics", f"{DATASET}/classifier-scores")
    found = refine(spec, Tables(scan(store), NO_GROUPS, NO_CONFLICTS), KIND, places, drifted)
    found.remember()
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def expected_full(spec: DatasetSpec, days: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the held-out images by scikit-learn, trained in memory; and which images these are."""
    table = feature_table(ROWS.filter(pl.col("date") <= day(days - 1)).lazy(), KIND.digest)
    aside = held_out_with_lookalikes(table.image_ids, NO_GROUPS, spec.classifier.held_out)
    model = train(table.features[~aside], table.labels[~aside], logistic_regression(0.001).transformed("root"), CLASSES)
    return model.predict_proba(table.features[aside]), table.image_ids.filter(pl.Series(aside)).to_numpy()


def test_a_week_of_days(store: Store) -> None:
    spec, paths, accuracies = dataset(), [], []
    for number in range(DAYS):
        arrive(store, number)
        found = refined(store, spec)
        paths.append(found.decision.path)
        evaluation = evaluate(found.model, found.held_out_features, found.held_out.labels, CLASSES)
        accuracies.append(evaluation.accuracy)
        assert evaluation.trained == found.fitted_rows == len(found.training)
        if found.decision.path == FULL:
            probabilities, ids = expected_full(spec, number + 1)
            assert found.held_out.image_ids.to_list() == ids.tolist()
            # scikit-learn stops at a gradient five times as large; see test_out_of_core_logistic.
            np.testing.assert_allclose(found.model.predict_proba(found.held_out_features), probabilities, atol=1e-2)
            assert found.trust is not None
            assert found.trust.full_accuracy == evaluation.accuracy
            assert found.metadata()["McNemar p"] == found.trust.p_value
        else:
            assert found.totals == f"3 of {3 * (number + 1)} partitions are new"
            assert found.candidate.family == "discriminant"
            assert found.sample is None
    assert paths == [FULL, DAILY, DAILY, FULL, DAILY, DAILY, FULL]
    assert min(accuracies) > 0.85


def test_models_of_both_paths_can_say_how_familiar_an_image_looks(store: Store) -> None:
    spec = dataset()
    for number, path in enumerate((FULL, DAILY, DAILY)):
        arrive(store, number)
        found = refined(store, spec)
        assert found.decision.path == path
        rows = found.held_out_features
        answers = found.model.predict_proba(rows).argmax(axis=1)
        familiarity = found.model.familiarity(rows, answers)
        assert familiarity is not None
        assert (familiarity < 0.1).mean() == pytest.approx(0.1, abs=0.1)
        foreign = found.model.familiarity(rows[:, ::-1], answers)
        assert foreign is not None
        assert (foreign < 0.1).mean() > 0.3
        assert "calibrated on" in str(found.metadata()["familiarity"])
        assert found.calibration is not None
        assert isinstance(found.model, SklearnModel)
        assert found.model.known is not None
        measured = found.model.known.measure(found.model.standardised(rows), answers, found.model.lengths(rows))
        np.testing.assert_array_equal(measured < found.calibration.limit, familiarity < found.calibration.held_back)


def test_where_nothing_is_held_back_nothing_is_kept_to_say_it_by(store: Store) -> None:
    for number, path in enumerate((FULL, DAILY)):
        arrive(store, number)
        found = refined(store, dataset({"held_back": 0}))
        assert found.decision.path == path
        assert found.model.familiarity(found.held_out_features, np.zeros(len(found.held_out), int)) is None
        assert found.metadata()["familiarity"] == "the model cannot tell how familiar an image looks"


@pytest.mark.parametrize("content", [b"", b"another file", None])
def test_without_what_a_full_refit_kept_a_daily_model_does_without(store: Store, content: bytes | None) -> None:
    arrive(store, 0)
    refined(store, dataset())
    key = f"{DATASET}/classifier-statistics/{FAMILIAR}"
    kept = bytes(obstore.get(store.objects(), key).bytes())
    damaged = kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:]
    obstore.put(store.objects(), key, damaged if content is None else content)
    arrive(store, 1)
    found = refined(store, dataset())
    assert (found.decision.path, found.calibration) == (DAILY, None)


def test_only_the_new_partitions_are_read(store: Store) -> None:
    spec = dataset(evaluation_rows=100)
    arrive(store, *range(6))
    refined(store, spec)
    arrive(store, 6)
    # Vectors of an old day that are refused when they are looked at.
    none = pl.Series([[float("nan")] * KIND.width], dtype=pl.List(pl.Float32)).first()
    write_partitions(store, ROWS.filter(date=day(0)).with_columns(features=none))
    found = refined(store, spec)
    assert found.decision.path == DAILY
    assert np.isfinite(found.model.predict_proba(found.held_out_features)).all()
    with pytest.raises(UnusableFeaturesError, match="NaN"):
        refined(store, dataset(enabled=False))


def test_the_same_day_again_gives_the_same_bytes(store: Store) -> None:
    spec = dataset()
    arrive(store, 0, 1)
    first = refined(store, spec)
    again = refined(store, spec)
    assert (first.decision.path, again.decision.path) == (FULL, FULL)
    assert again.decision.reason == "this day had one before"
    assert dump_model(first.model) == dump_model(again.model)
    arrive(store, 2)
    daily = refined(store, spec)
    once_more = refined(store, spec)
    assert (daily.decision.path, once_more.decision.path) == (DAILY, DAILY)
    assert dump_model(daily.model) == dump_model(once_more.model)
    assert once_more.totals == "0 of 9 partitions are new"


def test_totals_that_went_on_are_those_that_are_made_anew(store: Store) -> None:
    spec = dataset()
    arrive(store, 0)
    went_on = refined(store, spec)
    for number in range(1, 3):
        arrive(store, number)
        went_on = refined(store, spec)
    obstore.delete(store.objects(), f"{DATASET}/classifier-statistics/totals.npz")
    anew = refined(store, spec)
    assert anew.totals == "all 9 partitions are read: no totals were kept yet"
    np.testing.assert_allclose(
        anew.model.predict_proba(anew.held_out_features), went_on.model.predict_proba(anew.held_out_features), atol=1e-9
    )


def test_a_partition_that_changed_or_vanished_leaves_nothing_behind(store: Store) -> None:
    spec = dataset()
    arrive(store, 0)
    refined(store, spec)
    arrive(store, 1)
    refined(store, spec)
    table, gone = store.table(DATASET, IMAGE_FEATURES), Partition(day(0), "plant")
    table.replace(gone, [])
    found = refined(store, spec)
    assert "the training images of 1 partitions changed since, the first is 2026-11-01 plant" in found.totals
    never_there = feature_table(scan(store), KIND.digest)
    training = set(found.training.image_ids)
    assert training <= set(never_there.image_ids)
    assert found.model.trained_rows == len(training)


def test_a_damaged_state_begins_anew_and_says_so(store: Store) -> None:
    spec = dataset()
    for number in range(2):
        arrive(store, number)
        refined(store, spec)
    obstore.put(store.objects(), f"{DATASET}/classifier-statistics/totals.npz", b"<html>404</html>")
    found = refined(store, spec)
    assert "cannot be used (it is of another format)" in found.totals
    obstore.put(store.objects(), f"{DATASET}/classifier-statistics/last-refit.json", b"{}")
    found = refined(store, spec)
    assert (found.decision.path, found.decision.reason) == (FULL, "there was none yet")


def test_a_full_refit_that_was_not_saved_is_done_again(store: Store) -> None:
    arrive(store, 0)
    places = Places(store.objects(), f"{DATASET}/classifier-statistics", f"{DATASET}/classifier-scores")
    refine(dataset(), Tables(scan(store), NO_GROUPS, NO_CONFLICTS), KIND, places)  # and then the run is killed
    arrive(store, 1)
    assert refined(store, dataset()).decision.reason == "there was none yet"


def test_drift_and_other_settings_ask_for_a_full_refit(store: Store) -> None:
    arrive(store, 0)
    refined(store, dataset())
    arrive(store, 1)
    assert refined(store, dataset(), drifted=Drifted(("metrics_drift of plant",))).decision.path == FULL
    arrive(store, 2)
    assert refined(store, dataset(shrinkage=0.3)).decision.path == FULL
    arrive(store, 3)
    assert refined(store, dataset(shrinkage=0.3)).decision.path == DAILY


def test_drift_beside_the_first_days_asks_for_one_full_refit_and_not_for_one_every_day(store: Store) -> None:
    arrive(store, 0)
    refined(store, dataset())
    slowly = Drifted(slowly=("metrics_drift of plant",))
    for number, path in ((1, FULL), (2, DAILY), (3, DAILY)):
        arrive(store, number)
        assert refined(store, dataset(), drifted=slowly).decision.path == path
    arrive(store, 4)
    more = Drifted(slowly=("features_drift of plant", "metrics_drift of plant"))
    assert refined(store, dataset(full_every_days=30), drifted=more).decision.reason == (
        "the images drifted: features_drift of plant"
    )


def test_switched_off_nothing_is_kept(store: Store) -> None:
    for number in range(2):
        arrive(store, number)
        found = refined(store, dataset(enabled=False))
        assert (found.decision.path, found.decision.reason) == (FULL, "refinement is switched off")
        assert found.trust is None
    assert list(obstore.list(store.objects(), f"{DATASET}/classifier-statistics")) == []
    few = refined(store, dataset(from_rows=1_000))
    assert few.decision.reason == f"{len(few.training)} training images are few: refinement begins at 1,000"


def test_a_daily_path_that_falls_short_is_not_taken(store: Store) -> None:
    """Classes that only a tree can tell apart: the discriminant is at chance, and is found out."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS.height, KIND.width)).astype(np.float32)
    inner = np.abs(features[:, 0]) < 0.6
    rows = ROWS.with_columns(
        features=pl.Series(features.tolist(), dtype=pl.List(pl.Float32)),
        label=pl.Series(inner.astype(np.int16)),
        category=pl.Series(np.where(inner, "animal", "plant")),
    )
    forest = {"candidates": [{"kind": "random_forest", "trees": [20]}], "max_fit_rows": 300}
    spec = dataset(forest)
    reasons = []
    for number in range(2):
        write_partitions(store, rows.filter(pl.col("date") <= day(3 + number)))
        found = refined(store, spec)
        assert found.decision.path == FULL
        assert found.trust is not None
        assert found.trust.difference < -0.2
        assert found.trust.p_value < 1e-4
        assert found.fitted_rows == 300
        assert f"a sample of 300 of {len(found.training):,} images: random_forest" in str(
            found.metadata()["trained on"]
        )
        reasons.append(found.decision.reason)
    assert "the daily path is not trusted" in reasons[1]


def test_candidates_are_compared_on_a_full_refit_and_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "cores", lambda: 1)  # a pool of processes takes seconds
    grid = {"candidates": [{"kind": "logistic_regression", "regularisation": [100, 0.001]}]}
    spec = dataset({**grid, "selection": {"folds": 3, "max_rows": 200}})
    arrive(store, 0, 1, 2)
    found = refined(store, spec)
    assert found.sample is not None
    assert [one.rows for one in found.scores] == [len(found.sample.labels)] * 2
    assert "regularisation 0.001" in str(found.candidate)
    assert len(found.sample.labels) == pytest.approx(200, abs=2)


def test_too_few_images_say_so(store: Store) -> None:
    write_partitions(store, ROWS[:1])
    with pytest.raises(NotTrainableError, match="cannot train a classifier"):
        refined(store, dataset())


def test_what_fits_into_memory_is_fitted_by_scikit_learn(store: Store) -> None:
    arrive(store, 0, 1, 2)
    from_disk, in_memory = refined(store, dataset()), refined(store, dataset({"max_fit_rows": 100_000, "held_back": 0}))
    table = feature_table(scan(store), KIND.digest)
    aside = held_out_with_lookalikes(table.image_ids, NO_GROUPS, 0.25)
    expected = train(table.features[~aside], table.labels[~aside], in_memory.candidate, dataset().categories)
    assert dump_model(in_memory.model) == dump_model(expected)
    features = in_memory.held_out_features
    assert from_disk.model.predict_proba(features) == pytest.approx(in_memory.model.predict_proba(features), abs=5e-3)


def test_one_thing_at_a_time_is_in_progress(store: Store) -> None:
    open_now, titles, reported = [], [], []

    @contextmanager
    def track(title: str, unit: str) -> Iterator[Progress]:
        assert not open_now  # a terminal can draw one bar
        open_now.append(title)
        titles.append(f"{title}: {unit}")
        yield lambda done, total: reported.append((title, done, total))
        open_now.remove(title)

    places = Places(store.objects(), f"{DATASET}/classifier-statistics", f"{DATASET}/classifier-scores")
    for days, expected in (((0, 1), 7), ((2,), 2)):
        arrive(store, *days)
        titles.clear()
        refine(dataset(), Tables(scan(store), NO_GROUPS, NO_CONFLICTS), KIND, places, track=track).remember()
        assert len(titles) == expected
    assert {title for title, *_ in reported} >= {"train on all images", "read all images", "read new images"}


def test_mcnemar_counts_the_images_that_one_of_two_gets_right() -> None:
    both = np.ones(20, bool)
    assert mcnemar(both, both) == 1
    assert mcnemar(np.arange(20) >= 5, both) == pytest.approx(2 * 0.5**5)
    assert mcnemar(np.arange(20) >= 5, np.arange(20) < 15) == 1


def test_without_a_discriminant_the_daily_path_stays_unmeasured(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def impossible(*_: object) -> None:
        raise NotTrainableError("too much alike")

    monkeypatch.setattr(refinement, "discriminant", impossible)
    arrive(store, 0)
    assert refined(store, dataset()).trust is None
    arrive(store, 1)
    assert "could not be measured" in refined(store, dataset()).decision.reason
