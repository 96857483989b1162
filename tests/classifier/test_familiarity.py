"""How familiar an image looks: what is foreign is found, and of good images the stated share is held back."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from obstore.store import LocalStore

from image_assets.classifier.daily.familiar_file import FAMILIAR, read_familiar, write_familiar
from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.familiarity import familiar, folds_of_unseen, kept_rows
from image_assets.classifier.training.families import fit, logistic_regression
from image_assets.classifier.training.selection import TrainingRows
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model, parse_model
from tests.classifier.synthetic import image_ids

WIDTH, SHARE = 60, 0.1
LEARN = partial(fit, logistic_regression(0.01), 0, probabilities=True)
CENTRES = np.random.default_rng(0).normal(size=(6, WIDTH))


def pictures(sources: int, seed: int, categories: tuple[int, ...] = (0, 1, 2), each: int = 20) -> TrainingRows:
    """Some images of every category from each source; a source shifts the features of its images."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.repeat(categories, each), sources).astype(np.int16)
    of = np.repeat(np.arange(sources), each * len(categories))
    features = CENTRES[labels] + 0.7 * random.normal(size=(sources, WIDTH))[of]
    features += 0.7 * random.normal(size=features.shape)
    sets = pl.Series([f"source {seed} {one}" for one in of])
    return TrainingRows(features.astype(np.float32), labels, pl.Series(image_ids(len(labels))), sets)


def trained(rows: TrainingRows) -> tuple[SklearnModel, FamiliarityRecord]:
    found = familiar(LEARN, rows, 0)
    assert found is not None
    return found.on(LEARN(rows.features, rows.labels)), found.calibration


def familiarity(model: SklearnModel, features: np.ndarray) -> np.ndarray:
    found = model.familiarity(features, model.predict_proba(features).argmax(axis=1))
    assert found is not None
    return found


def held_back(model: SklearnModel, features: np.ndarray) -> float:
    return float((familiarity(model, features) < SHARE).mean())


def test_of_good_images_of_new_sources_the_stated_share_is_held_back() -> None:
    model, calibration = trained(pictures(12, seed=1))
    assert calibration == FamiliarityRecord(images=720, of_new_sources=720, sources=12, folds=10)
    assert held_back(model, pictures(60, seed=2).features) == pytest.approx(SHARE, abs=0.05)


@pytest.mark.parametrize("foreign", [3, 4, 5])
def test_a_category_that_was_never_trained_on_is_unknown_far_more_often(foreign: int) -> None:
    model, _ = trained(pictures(12, seed=1))
    found = held_back(model, pictures(10, seed=3, categories=(foreign,)).features)
    assert found > 3 * SHARE
    # Trained with it, it is as good an image as the others.
    with_it, _ = trained(pictures(12, seed=1, categories=(0, 1, 2, foreign)))
    assert held_back(with_it, pictures(10, seed=3, categories=(foreign,)).features) < found / 2


def test_noise_is_unknown_though_the_model_is_sure_of_it() -> None:
    rows = pictures(12, seed=1)
    model, _ = trained(rows)
    noise = 3 * np.random.default_rng(5).normal(size=(500, WIDTH)).astype(np.float32)
    assert (model.predict_proba(noise).max(axis=1) > 0.9).mean() > 0.3
    assert held_back(model, noise) > 0.5


def test_a_calibration_on_sources_that_are_known_would_hold_back_too_many() -> None:
    """Negative control: left out at random, images of the same sources look more familiar than those of others."""
    rows = pictures(6, seed=1)
    nameless = TrainingRows(rows.features, rows.labels, rows.groups)
    (by_sources, _), (at_random, calibration) = trained(rows), trained(nameless)
    assert calibration == FamiliarityRecord(images=360, of_new_sources=0, sources=1, folds=5)
    others = pictures(60, seed=2).features
    assert held_back(at_random, others) > held_back(by_sources, others)


def test_a_category_of_one_source_is_cut_at_random_and_the_others_by_source() -> None:
    rows = pictures(6, seed=1)
    assert rows.source_sets is not None
    sets = pl.Series(["only" if label == 2 else one for label, one in zip(rows.labels, rows.source_sets, strict=True)])
    mixed = TrainingRows(rows.features, rows.labels, rows.groups, sets)
    folds, own = folds_of_unseen(mixed)
    assert np.array_equal(own, rows.labels == 2)
    judged = np.concatenate([fold.judged for fold in folds])
    assert sorted(judged.tolist()) == list(range(360))
    for fold in folds:
        trained_on = sets.gather(fold.training)
        new = fold.judged[~own[fold.judged]]
        assert not trained_on.is_in(sets.gather(new).unique().implode()).any()
    assert trained(mixed)[1] == FamiliarityRecord(images=360, of_new_sources=240, sources=7, folds=10)


def test_the_record_says_by_which_limit_the_share_is_held_back_and_where_it_comes_from() -> None:
    rows = pictures(12, seed=1)
    found = familiar(LEARN, rows, 0)
    assert found is not None
    record, model = found.record(SHARE), found.on(LEARN(rows.features, rows.labels))
    assert model.known is not None
    features = pictures(4, seed=2).features
    answers = model.predict_proba(features).argmax(axis=1)
    measured = model.known.measure(model.standardised(features), answers, model.lengths(features))
    np.testing.assert_array_equal(measured < record.limit, familiarity(model, features) < SHARE)
    assert record.sentence == (
        "What is unknown is told by a limit that holds back 10% of 720 training images of 12 sources, each left out "
        "with its source."
    )
    assert found.record(0).sentence == ""


def test_of_one_source_the_record_says_that_more_of_a_new_one_will_be_unknown() -> None:
    rows = pictures(6, seed=1)
    found = familiar(LEARN, TrainingRows(rows.features, rows.labels, rows.groups), 0)
    assert found is not None
    assert found.record(SHARE).sentence == (
        "What is unknown is told by a limit that holds back 10% of 360 training images left out at random, for all "
        "come from one source: of good images of a new one more will be unknown."
    )
    assert "left out at random, for all come from one source" in str(found.calibration)


def test_lookalikes_are_never_on_both_sides() -> None:
    rows = pictures(1, seed=1, each=60)
    alike = TrainingRows(rows.features, rows.labels, pl.Series([f"group {one // 3}" for one in range(180)]))
    for fold in folds_of_unseen(alike)[0]:
        assert not alike.groups.gather(fold.training).is_in(alike.groups.gather(fold.judged).implode()).any()


def test_the_model_answers_as_without_and_its_file_brings_everything() -> None:
    rows, others = pictures(6, seed=1), pictures(6, seed=2)
    plain = LEARN(rows.features, rows.labels)
    model, _ = trained(rows)
    np.testing.assert_array_equal(model.predict_proba(others.features), plain.predict_proba(others.features))
    content = dump_model(model)
    assert content == dump_model(trained(rows)[0])
    read = parse_model(content)
    np.testing.assert_array_equal(familiarity(read, others.features), familiarity(model, others.features))
    assert plain.familiarity(others.features, np.zeros(len(others.labels), int)) is None
    assert parse_model(dump_model(plain)).known is None


def test_what_was_kept_before_lengths_were_noted_is_read_as_it_was(tmp_path: Path) -> None:
    objects, rows = LocalStore(tmp_path), pictures(6, seed=1)
    found = familiar(LEARN, rows, 0)
    assert found is not None
    labels = np.unique(rows.labels)
    for by_length in (True, False):
        write_familiar(objects, "kept", replace(found, by_length=by_length), "digest")
        read = read_familiar(objects, "kept", "digest", labels)
        assert read is not None
        known = read.on(LEARN(rows.features, rows.labels)).known
        assert known is not None
        assert (known.usual_ is not None) == by_length
    # A header of then says nothing of it.
    content = (tmp_path / "kept" / FAMILIAR).read_bytes()
    start = content.index(b"PK")
    with np.load(io.BytesIO(content[start:])) as arrays:
        header = json.loads(arrays["header"].tobytes())
        del header["by_length"]
        buffer = io.BytesIO()
        encoded = np.frombuffer(json.dumps(header).encode(), np.uint8)
        np.savez(buffer, header=encoded, **{name: arrays[name] for name in ("features", "labels", "grid")})
    magic = content[: content.index(b"\n") + 1]
    digest = hashlib.sha256(buffer.getvalue()).hexdigest().encode()
    (tmp_path / "kept" / FAMILIAR).write_bytes(magic + digest + b"\n" + buffer.getvalue())
    read = read_familiar(objects, "kept", "digest", labels)
    assert read is not None
    assert not read.by_length


def test_of_too_few_images_nothing_is_calibrated() -> None:
    assert familiar(LEARN, pictures(1, seed=1, each=9), 0) is None
    assert familiar(LEARN, pictures(1, seed=1, each=10), 0) is not None


def test_as_many_of_every_category_are_kept_and_lookalikes_last() -> None:
    rows = pictures(1, seed=1, each=400)
    groups = pl.Series(["all alike" if row < 200 else str(row) for row in range(1_200)])
    kept = kept_rows(TrainingRows(rows.features, rows.labels, groups), 0)
    assert np.bincount(rows.labels[kept]).tolist() == [200, 200, 200]
    # 200 of the first category are no one's double; one of the doubles may take the place of one of them.
    assert (kept < 200).sum() <= 1
    few = kept_rows(TrainingRows(rows.features[:410], rows.labels[:410], groups[:410]), 0)
    assert np.bincount(rows.labels[few]).tolist() == [300, 10]
