"""What is unknown among real photos: of other sources, of other things, of nothing at all; and to the ONNX file too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest
from PIL import Image

from image_assets.classifier.export.onnx_export import FAMILIARITY_TOLERANCE, export_onnx
from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.by_sources import chosen_by_sources, learner_of
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.familiarity import familiar
from image_assets.classifier.training.families import candidates_of, fit
from image_assets.classifier.training.leave_out import measure_unseen
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.unknown import unknown_to
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.settings.classifier import Classifier
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from image_assets.store.models.model_files import ModelManifest, ids_digest
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model, parse_model

pytestmark = pytest.mark.long

SPEC = Classifier()
CLASSES = {"plant": 0, "animal": 1, "human": 2}
ANIMALS = {"elephant", "giraffe", "zebra", "sheep", "dog", "bird", "cat", "horse", "bear", "cow"}
KINDS = {"person": 2, "potted plant": 0, **dict.fromkeys(ANIMALS, 1)}


@dataclass(frozen=True)
class Chips:
    """What was cut out of street photos: features [N, D], and labels [N], -1 of what is none of the categories."""

    features: np.ndarray
    labels: np.ndarray


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return shared_extractor(DEFAULT_EXTRACTOR)


def features_of(extractor: Extractor, pictures: list[np.ndarray]) -> np.ndarray:
    batches = [pictures[start : start + 8] for start in range(0, len(pictures), 8)]
    return np.concatenate([extractor.infer(np.stack([extractor.prepare(one) for one in some])) for some in batches])


@pytest.fixture(scope="module")
def photos(shared_data: Path, extractor: Extractor) -> TrainingRows:
    """The source of a photo is its file's name up to `__`."""
    files = sorted((shared_data / "photos").glob("*/*.jpg"))
    labels = np.array([CLASSES[file.parent.name] for file in files], np.int16)
    features = features_of(extractor, [np.asarray(Image.open(file).convert("RGB")) for file in files])
    sources = pl.Series([file.name.split("__")[0] for file in files])
    return TrainingRows(features, labels, pl.Series([file.name for file in files]), sources)


@pytest.fixture(scope="module")
def chips(shared_data: Path, extractor: Extractor) -> Chips:
    """Boxes of at least 48 pixels a side."""
    folder = shared_data / "coco"
    pictures, labels = [], []
    for file in sorted(folder.glob("instances_*.json")):
        told = json.loads(file.read_text())
        names = {one["id"]: one["name"] for one in told["categories"]}
        places = {one["id"]: folder / one["file_name"] for one in told["images"]}
        for box in told["annotations"]:
            left, top, width, height = box["bbox"]
            if min(width, height) >= 48:
                whole = Image.open(places[box["image_id"]]).convert("RGB")
                chip = whole.crop((int(left), int(top), int(left + width), int(top + height)))
                pictures.append(np.asarray(chip))
                labels.append(KINDS.get(names[box["category_id"]], -1))
    return Chips(features_of(extractor, pictures), np.array(labels))


def trained(rows: TrainingRows) -> tuple[SklearnModel, FamiliarityRecord]:
    """As the platform trains it."""
    candidate = chosen_by_sources(candidates_of(SPEC.candidates, SPEC.transform)[0], rows, SPEC)
    learn = partial(fit, candidate, 0, probabilities=True)
    known = familiar(learn, rows, 0)
    assert known is not None
    return known.on(learn(rows.features, rows.labels)), known.calibration


@pytest.fixture(scope="module")
def model(photos: TrainingRows) -> SklearnModel:
    return trained(photos)[0]


def unknown(model: SklearnModel, features: np.ndarray) -> np.ndarray:
    return unknown_to(model, features, model.predict_proba(features), SPEC.unknown_below, SPEC.held_back)[0]


@pytest.mark.parametrize(("images", "of_the_rest"), [(900, 0.98), (600, 0.965)])
def test_on_sources_that_were_left_out_a_tenth_is_held_back_and_most_of_the_rest_is_right(
    photos: TrainingRows, images: int, of_the_rest: float
) -> None:
    """Of photos on which the measure itself was chosen, though not its limits.

    All people come from one source. They are judged where neighbouring pictures of them count as a source, and left out
    of the 600.
    """
    sources = photos.source_sets
    assert sources is not None
    if images == 900:
        sources = pl.Series([f"{one} {row // 30}" if one == "Faces" else one for row, one in enumerate(sources)])
    rows = TrainingRows(photos.features, photos.labels, photos.groups, sources)
    learn = learner_of(candidates_of(SPEC.candidates, SPEC.transform)[0], rows, SPEC)
    itself = evaluate(learn(rows), rows.features, rows.labels, CLASSES)
    found = measure_unseen(learn, rows, CLASSES, itself, 900, SPEC)
    assert found.images == images
    assert found.accuracy is not None
    assert found.accuracy < of_the_rest - 0.02
    assert found.unknown == pytest.approx(0.1, abs=0.03)
    assert found.answered_accuracy is not None
    assert found.answered_accuracy >= of_the_rest


def test_on_other_photos_what_is_known_is_right_more_often_and_other_things_are_found(
    model: SklearnModel, chips: Chips
) -> None:
    ours = chips.labels >= 0
    held = unknown(model, chips.features)
    right = model.predict(chips.features) == chips.labels
    assert right[ours & ~held].mean() > right[ours].mean() + 0.05
    assert held[~ours].mean() > 0.65
    assert held[~ours].mean() > held[ours].mean() + 0.2


def nothing(seed: int) -> dict[str, list[np.ndarray]]:
    """Twenty pictures of nothing, of each kind."""
    random = np.random.default_rng(seed)
    small = {side: [random.integers(0, 256, (side, side, 3), np.uint8) for _ in range(20)] for side in (2, 8)}
    grey = [random.normal(128, random.integers(20, 60), (200, 200, 1)).clip(0, 255) for _ in range(20)]
    return {
        "noise": [random.integers(0, 256, (160, 160, 3), np.uint8) for _ in range(20)],
        "grey noise": [np.repeat(one.astype(np.uint8), 3, axis=2) for one in grey],
        "flat": [np.full((160, 160, 3), random.integers(0, 256, 3), np.uint8) for _ in range(20)],
        "blobs": [_enlarged(one, Image.Resampling.BICUBIC) for one in small[8]],
        "gradients": [_enlarged(one, Image.Resampling.BILINEAR) for one in small[2]],
    }


def _enlarged(pixels: np.ndarray, how: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((200, 200), how))


def test_pictures_of_nothing_are_unknown_by_the_length_of_their_features(
    model: SklearnModel, extractor: Extractor
) -> None:
    """Photos of sources that are left out mostly are not: see above."""
    features = {kind: features_of(extractor, pictures) for kind, pictures in nothing(5).items()}
    found = {kind: unknown(model, some).mean() for kind, some in features.items()}
    assert {kind: share for kind, share in found.items() if share < 0.9} == {}
    # Negative control: a model of before, to which only directions count, lets some of them pass.
    known = model.known
    assert known is not None
    usual, known.usual_ = known.usual_, None
    try:
        without = {kind: unknown(model, some).mean() for kind, some in features.items()}
    finally:
        known.usual_ = usual
    assert min(without.values()) < 0.5


@pytest.mark.parametrize("category", CLASSES)
def test_a_category_that_was_never_trained_on_is_often_unknown(photos: TrainingRows, category: str) -> None:
    foreign = photos.labels == CLASSES[category]
    model, calibration = trained(photos.take(np.flatnonzero(~foreign)))
    assert calibration.images == (~foreign).sum()
    assert unknown(model, photos.features[foreign]).mean() > 0.4
    # The probability alone finds none of them.
    assert (model.predict_proba(photos.features[foreign]).max(axis=1) < SPEC.unknown_below).mean() < 0.05


def test_exports_say_unknown_of_the_same_photos(model: SklearnModel, chips: Chips) -> None:
    about = ModelManifest(
        dataset="kingdoms",
        kind="logistic_regression",
        classes=CLASSES,
        extractor=DEFAULT_EXTRACTOR.kind,
        extractor_digest="abc",
        feature_width=chips.features.shape[1],
        partitions=[],
        training_ids_sha256=ids_digest([]),
        held_out=0.25,
        metrics={},
        libraries={},
        file="model-000000000000.skops",
        sha256="0" * 64,
    )
    exported = export_onnx(model, about, chips.features[::2], SPEC)
    session = onnxruntime.InferenceSession(exported.content, providers=["CPUExecutionProvider"])
    others = chips.features[1::2]  # with which the export was not compared
    familiarity, told = map(np.asarray, session.run(["familiarity", "unknown"], {"features": others}))
    expected, known = unknown_to(model, others, model.predict_proba(others), SPEC.unknown_below, SPEC.held_back)
    assert known is not None
    np.testing.assert_allclose(familiarity, known, atol=FAMILIARITY_TOLERANCE)
    assert (told != expected).mean() < 0.01
    np.testing.assert_array_equal(unknown(parse_model(dump_model(model)), others), expected)
