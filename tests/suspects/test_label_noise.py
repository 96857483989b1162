"""Wrong labels are found, right ones left alone; what cannot be judged is said and never an error."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.features.decode import prepared
from image_assets.features.extractor import shared_extractor
from image_assets.settings.quality import LabelNoise
from image_assets.settings.stages import EfficientNetLite
from image_assets.suspects.label_noise import SUSPECTS_SCHEMA, LabelSuspects, label_suspects
from image_assets.suspects.outliers import outlier_scores

CLASSES = {"plant": 0, "animal": 1, "human": 2}
WRONG = 60
LIMIT = LabelNoise().outlier_score


def judge(features: np.ndarray, labels: np.ndarray, groups: np.ndarray | None = None, **spec: object) -> LabelSuspects:
    settings = LabelNoise.model_validate(spec)
    groups = np.arange(len(labels)) if groups is None else groups
    return label_suspects(features, labels, ids_of(len(labels)), groups, CLASSES, settings)


def share_found(features: np.ndarray, right: np.ndarray, copies: int, *, grouped: bool = True) -> float:
    """Share of 60 pictures that is found where they are there under a wrong label so many times."""
    random = np.random.default_rng(4)
    wrong = random.choice(len(right), WRONG, replace=False)
    labels = right.copy()
    labels[wrong] = (right[wrong] + random.integers(1, 3, WRONG)) % 3
    rows = np.concatenate([np.arange(len(right)), *[wrong] * (copies - 1)])
    nearly = features[rows] + random.normal(0, 1e-3, (len(rows), features.shape[1])).astype(np.float32)
    found = rows_of(judge(nearly, labels[rows], rows if grouped else None))
    return float(np.isin(rows, wrong)[found].sum() / (WRONG * copies))


def ids_of(images: int) -> pl.Series:
    return pl.Series("image_id", [f"{row:064d}" for row in range(images)])


def rows_of(found: LabelSuspects) -> np.ndarray:
    return found.suspects["image_id"].cast(pl.Int64).to_numpy()


def clusters(sizes: dict[int, int], width: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Features around a centre per label."""
    random = np.random.default_rng(0)
    labels = np.concatenate([np.full(size, label, np.int16) for label, size in sizes.items()])
    centres = random.normal(size=(3, width)) * 3
    return (centres[labels] + random.normal(size=(len(labels), width))).astype(np.float32), labels


# Photos


@pytest.fixture(scope="module")
def photos(shared_data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features and labels of 900 photos of plants, animals and humans, in the order of their digests."""
    extractor = shared_extractor(EfficientNetLite(kind="efficientnet_lite0"))
    files = [
        (hashlib.sha256(file.read_bytes()).hexdigest(), label, file)
        for name, label in CLASSES.items()
        for file in (shared_data / "photos" / name).iterdir()
    ]
    files.sort()
    batches = [
        extractor.infer(np.stack([prepared(file.read_bytes(), extractor) for *_, file in files[start : start + 32]]))
        for start in range(0, len(files), 32)
    ]
    return np.concatenate(batches), np.array([label for _, label, _ in files], np.int16)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_wrong_labels_among_photos_most_are_found_and_most_found_are_wrong(
    photos: tuple[np.ndarray, np.ndarray], seed: int
) -> None:
    features, right = photos
    random = np.random.default_rng(seed)
    wrong = random.choice(len(right), WRONG, replace=False)
    labels = right.copy()
    labels[wrong] = (right[wrong] + random.integers(1, 3, WRONG)) % 3
    found = judge(features, labels)
    hits = np.isin(rows_of(found), wrong)
    assert found.judged == len(right)
    assert hits.sum() / WRONG >= 0.8
    assert hits.mean() >= 0.6
    named_rightly = found.suspects["suggested"].to_numpy() == right[rows_of(found)]
    assert named_rightly[hits].mean() > 0.9


@pytest.mark.long
def test_wrong_photos_that_are_there_three_times_are_found_as_those_that_are_there_once(
    photos: tuple[np.ndarray, np.ndarray],
) -> None:
    once = share_found(*photos, copies=1)
    assert share_found(*photos, copies=3) >= once - 0.05
    assert share_found(*photos, copies=3, grouped=False) < once / 2


def test_of_photos_with_right_labels_hardly_any_is_suspected(photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = photos
    assert judge(features, labels).suspects.height <= len(labels) / 100
    assert (outlier_scores(features, labels, LabelNoise().neighbours) > LIMIT).mean() <= 0.01


def test_photos_of_another_category_are_far_from_faces(photos: tuple[np.ndarray, np.ndarray]) -> None:
    features, labels = photos
    strangers = np.flatnonzero(labels == 0)[:8]
    labels = labels.copy()
    labels[strangers] = CLASSES["human"]
    scores = outlier_scores(features, labels, LabelNoise().neighbours)
    assert (scores[strangers] > LIMIT).sum() >= 6


# Anything


def test_the_same_images_give_the_same_suspects_and_scores_say_what_they_mean() -> None:
    features, labels = clusters({0: 40, 1: 40, 2: 40})
    labels[:3] = 1
    first, again = judge(features, labels), judge(features, labels)
    assert first.suspects.equals(again.suspects)
    assert first.suspects.schema == SUSPECTS_SCHEMA
    assert set(rows_of(first)) == {0, 1, 2}
    assert set(first.suspects["suggested"]) == {0}
    assert first.suspects["score"].is_sorted(descending=True)
    assert (first.suspects["score"] > 0.5).all()
    assert (first.suspects["probability"] <= first.suspects["score"] + 1e-6).all()


def test_a_category_of_few_images_is_left_out_and_named() -> None:
    features, labels = clusters({0: 30, 1: 30, 2: 3})
    labels[0] = 1
    found = judge(features, labels)
    assert found.skipped == "fewer than 5 images that do not look alike of human (3): not judged"
    assert found.judged == 60
    assert set(rows_of(found)) == {0}


def test_a_category_of_many_images_that_all_look_alike_is_left_out_and_named() -> None:
    features, labels = clusters({0: 30, 1: 30, 2: 30})
    groups = np.where(labels == 2, -1 - np.arange(90) % 4, np.arange(90))
    found = judge(features, labels, groups)
    assert "of human (4)" in found.skipped
    assert found.judged == 60


@pytest.mark.parametrize("grouped", [True, False])
def test_a_picture_that_is_there_three_times_does_not_vouch_for_itself(grouped: bool) -> None:
    """In as many directions as there are images, what was seen under a label is known by heart."""
    random = np.random.default_rng(0)
    labels = np.repeat(np.arange(3, dtype=np.int16), 300)
    centres = random.normal(size=(3, 400)) * 0.25
    features = (centres[labels] + random.normal(size=(900, 400))).astype(np.float32)
    found = share_found(features, labels, copies=3, grouped=grouped)
    assert found > 0.9 if grouped else found < 0.5


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=8, max_size=40), st.integers(0, 2**32 - 1))
def test_groups_of_any_size_within_and_across_categories_are_no_error(groups: list[int], seed: int) -> None:
    features, _ = clusters({0: len(groups)})
    labels = np.random.default_rng(seed).integers(0, 3, len(groups)).astype(np.int16)
    found = judge(features, labels, np.array(groups), folds=2)
    different = [len({one for one, label in zip(groups, labels, strict=True) if label == kind}) for kind in range(3)]
    judged = [int((labels == kind).sum()) for kind in range(3) if different[kind] >= 2]
    assert found.judged == (sum(judged) if len(judged) > 1 else 0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=3, max_size=3))
def test_a_handful_of_images_is_no_error(sizes: list[int]) -> None:
    features, labels = clusters(dict(enumerate(sizes)))
    found = judge(features, labels, folds=3)
    judged = [size for size in sizes if size >= 3]
    assert found.judged == (sum(judged) if len(judged) > 1 else 0)
    assert bool(found.skipped) == (len(judged) < 2 or any(0 < size < 3 for size in sizes))
    assert found.suspects.schema == SUSPECTS_SCHEMA
    scores = outlier_scores(features, labels, 3)
    assert [np.isnan(scores[labels == label]).all() for label in range(3)] == [size <= 3 for size in sizes]


@pytest.mark.parametrize("images", [40, 12_000])
def test_what_is_unlike_its_category_is_an_outlier_however_large_that_is(images: int) -> None:
    random = np.random.default_rng(0)
    features = (random.normal(size=(images, 8)) + 5).astype(np.float32)
    features[[3, 7]] = -features[[3, 7]]
    scores = outlier_scores(features, np.zeros(images, np.int16), 10)
    assert set(np.argsort(scores)[-2:]) == {3, 7}
    assert (scores[[3, 7]] > LIMIT).all()
    assert (scores > LIMIT).mean() < 0.06


def test_copies_do_not_make_the_rest_outliers() -> None:
    features = np.ones((30, 8), np.float32)
    features[::2] += np.random.default_rng(0).normal(0, 1e-9, (15, 8)).astype(np.float32)
    assert (outlier_scores(features, np.zeros(30, np.int16), 5) <= LIMIT).all()
