"""Rows of predictions are what the model says, whatever is read at a time, and nothing is scored that cannot be."""

from __future__ import annotations

import datetime as dt
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from image_assets.classifier.training.familiarity import familiar
from image_assets.classifier.training.families import candidates_of, fit
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.train import train
from image_assets.features.table import MixedExtractors
from image_assets.predictions import score
from image_assets.predictions.score import Scorer, check_usable, figures_of, score_files, trained_on
from image_assets.schema import IMAGE_FEATURES, PREDICTIONS, Partition
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model_store import ModelDescription, ModelRefusedError, load_model
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.store import Store
from image_assets.store.tables.partition_files import PartitionFiles
from tests.classifier.synthetic import CLASSES, clusters, image_ids
from tests.store.saving import save_model

EXTRACTOR = "e" * 64
DAY = dt.date(2026, 11, 3)
PLANT = Partition(DAY, "plant")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """A model that was really trained, saved and loaded."""
    features, labels = clusters(120, width=8)
    model = train(features, labels, candidates_of(Classifier().candidates)[0], CLASSES)
    description = ModelDescription(
        dataset="drawn",
        kind="logistic_regression",
        classes=CLASSES,
        extractor="made up",
        extractor_digest=EXTRACTOR,
        feature_width=8,
        partitions=[(DAY, "plant")],
        training_ids_sha256="0" * 64,
        held_out=0.25,
        metrics={},
    )
    objects = Store(str(tmp_path_factory.mktemp("store"))).objects()
    save_model(objects, "drawn/classifier", model, description)
    return Scorer(*load_model(objects, "drawn/classifier", EXTRACTOR), unknown_below=0.5)


@pytest.fixture(scope="module")
def images() -> pl.DataFrame:
    """Rows of `image_features`."""
    features, labels = clusters(50, width=8, seed=1)
    columns = {"image_id": image_ids(50), "label": labels, "features": features.tolist(), "extractor": EXTRACTOR}
    return pl.DataFrame(columns, schema_overrides={"features": pl.List(pl.Float32), "label": pl.Int16})


def test_rows_are_what_the_model_says(scorer: Scorer, images: pl.DataFrame) -> None:
    rows = scorer.rows(images)
    features = np.array(images["features"].to_list(), np.float32)
    probabilities = np.sort(scorer.model.predict_proba(features), axis=1)
    assert rows.select("image_id", "label").equals(images.select("image_id", "label"))
    assert rows["predicted_label"].to_list() == scorer.model.predict(features).tolist()
    assert [CLASSES[name] for name in rows["predicted_category"]] == rows["predicted_label"].to_list()
    np.testing.assert_allclose(rows["probability"], probabilities[:, -1], atol=1e-6)
    np.testing.assert_allclose(rows["margin"], probabilities[:, -1] - probabilities[:, -2], atol=1e-6)
    assert rows["model"].unique().to_list() == [scorer.manifest.sha256]
    assert dict(rows.schema) == dict(pl.DataFrame(PREDICTIONS.file_schema.empty_table()).schema)


def test_an_image_is_unknown_below_the_threshold_and_not_at_it(scorer: Scorer, images: pl.DataFrame) -> None:
    lowest, *others = sorted(scorer.rows(images)["probability"])
    at = Scorer(scorer.model, scorer.manifest, unknown_below=lowest)
    above = Scorer(scorer.model, scorer.manifest, unknown_below=float(np.nextafter(np.float32(lowest), np.float32(1))))
    assert at.rows(images)["unknown"].sum() == 0
    assert above.rows(images).filter("unknown")["probability"].to_list() == [lowest]
    assert others[0] > lowest


def test_an_image_that_looks_unfamiliar_is_unknown_however_probable(scorer: Scorer, images: pl.DataFrame) -> None:
    plain = scorer.rows(images)
    assert plain["familiarity"].null_count() == 50
    assert not plain["unknown"].all()
    features, labels = clusters(120, width=8)
    rows = TrainingRows(features, labels, pl.Series(image_ids(120)))
    learn = partial(fit, candidates_of(Classifier().candidates)[0], 0, probabilities=True)
    assert isinstance(scorer.model, SklearnModel)
    known = familiar(learn, rows, 0)
    assert known is not None
    model = known.on(scorer.model)
    told = Scorer.of(model, scorer.manifest, Classifier(unknown_below=0, held_back=0.3)).rows(images)
    assert told.drop("familiarity", "unknown").equals(plain.drop("familiarity", "unknown"))
    assert told["unknown"].to_list() == (told["familiarity"] < 0.3).to_list()
    assert 0 < told["unknown"].sum() < 50
    assert told.schema == plain.schema
    off = Scorer.of(model, scorer.manifest, Classifier(unknown_below=0, held_back=0)).rows(images)
    assert off["unknown"].sum() == 0


@pytest.mark.parametrize("rows_at_a_time", [1, 7, 4_096])
def test_a_partition_is_scored_the_same_whatever_is_read_at_a_time(
    scorer: Scorer, images: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_a_time: int
) -> None:
    monkeypatch.setattr(score, "_READ_ROWS", rows_at_a_time)
    table = Store(str(tmp_path)).table("drawn", IMAGE_FEATURES)
    files = [table.write_frame(PLANT, part) for part in (images[:30], images[30:])]
    found = score_files(scorer, PartitionFiles(table, files))
    expected = scorer.rows(images).sort("image_id")
    assert found.drop("probability", "margin").equals(expected.drop("probability", "margin"))
    np.testing.assert_allclose(found["probability"], expected["probability"], atol=1e-6)


def test_no_images_give_no_rows_of_the_same_columns(scorer: Scorer, images: pl.DataFrame, tmp_path: Path) -> None:
    table = Store(str(tmp_path)).table("drawn", IMAGE_FEATURES)
    nothing = score_files(scorer, PartitionFiles(table, []))
    assert nothing.schema == scorer.rows(images).schema
    assert (nothing.height, figures_of(nothing)) == (0, {"images": 0})


def test_features_of_another_extractor_are_refused_with_the_first_image(scorer: Scorer, images: pl.DataFrame) -> None:
    mixed = images.with_columns(extractor=pl.when(pl.int_range(50) < 3).then(pl.lit("0" * 64)).otherwise("extractor"))
    with pytest.raises(MixedExtractors, match=f"3 of 50 .*{EXTRACTOR}.*{images['image_id'][0]}.*image_features"):
        scorer.rows(mixed)


def test_new_categories_do_no_harm_and_changed_ones_are_refused(scorer: Scorer) -> None:
    check_usable(scorer.manifest, {**CLASSES, "mineral": 3})
    with pytest.raises(ModelRefusedError, match=r"'animal': 1.*'human': 2.*train the model again"):
        check_usable(scorer.manifest, {"plant": 0, "animal": 2, "human": 1})
    with pytest.raises(ModelRefusedError, match="'human': 2"):
        check_usable(scorer.manifest, {"plant": 0, "animal": 1})


def test_the_manifest_tells_whether_a_partition_was_trained_on(scorer: Scorer) -> None:
    assert trained_on(scorer.manifest, PLANT)
    assert not trained_on(scorer.manifest, Partition(DAY, "animal"))
    assert not trained_on(scorer.manifest, Partition(DAY + dt.timedelta(1), "plant"))


def test_the_figures_are_those_of_the_rows(scorer: Scorer, images: pl.DataFrame) -> None:
    rows = scorer.rows(images)
    figures = figures_of(rows)
    agreed = sum(one == other for one, other in rows.select("label", "predicted_label").rows())
    assert figures["images"] == 50
    assert figures["taken for what they were delivered as"] == agreed / 50
    assert figures["unknown"] == rows["unknown"].sum() / 50


def test_a_model_answers_on_one_thread_also_once_its_libraries_are_known(scorer: Scorer, images: pl.DataFrame) -> None:
    seen: list[set[int]] = []

    class Watched:
        """Says on how many threads linear algebra would run, and else what the model says."""

        def __getattr__(self, name: str) -> object:
            return getattr(scorer.model, name)

        def predict_proba(self, rows: np.ndarray) -> np.ndarray:
            seen.append({one["num_threads"] for one in threadpool_info()})
            return scorer.model.predict_proba(rows)

    watched = Scorer(Watched(), scorer.manifest, unknown_below=0.5)  # pyright: ignore[reportArgumentType]
    with threadpool_limits(limits=2):
        for _ in range(4):
            watched.rows(images)
        assert 2 in {one["num_threads"] for one in threadpool_info()}
    assert seen == [{1}] * 4
