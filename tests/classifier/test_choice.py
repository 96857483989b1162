"""A dataset whose file names several candidates: the best is trained, the comparison is shown, its scores are kept."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from image_assets.classifier.comparing.candidates_report import candidates_markdown, candidates_picture
from image_assets.classifier.places import current_manifest
from image_assets.classifier.training.families import candidates_of
from image_assets.classifier.training.selection import Score
from image_assets.dataset import load_dataset
from image_assets.settings.classifier import LogisticRegressionFamily
from tests.platform import FIRST, Platform, land_small_sample, small_dataset

CANDIDATES = [
    {"kind": "logistic_regression", "regularisation": [1000.0, 0.001]},
    {"kind": "random_forest", "trees": [1], "max_depth": [1]},
]


@pytest.mark.long
def test_the_best_of_the_candidates_is_trained_and_the_comparison_is_kept(tmp_path: Path) -> None:
    dataset = small_dataset(classifier={"candidates": CANDIDATES, "selection": {"folds": 3}})
    platform = Platform(dataset, tmp_path)
    land_small_sample(platform.landing)
    result = platform.run(FIRST)
    assert result.ok, result.errors
    manifest = current_manifest(dataset, platform.store)
    assert manifest is not None
    assert (
        manifest.candidate
        == "logistic_regression (regularisation 0.001, l1_ratio 0, max_iterations 1000, transform root)"
    )
    folder = platform.files / "drawn"
    compared = pl.read_csv((folder / "plots" / "candidates.csv").read_bytes())
    assert compared.height == 3
    assert compared["candidate"][0] == manifest.candidate
    assert compared["mean"].is_sorted(descending=True)
    assert (folder / "plots" / "candidates.png").exists()
    assert len(list((folder / "classifier-scores").rglob("*.json"))) == 3


def test_many_candidates_are_shown_as_the_best_and_a_number() -> None:
    families = [LogisticRegressionFamily(regularisation=tuple(2.0**-i for i in range(40)))]
    scores = [Score(one, 100, (0.9, 0.8 - i / 100), 1, i > 0) for i, one in enumerate(candidates_of(families))]
    table = candidates_markdown(scores, "accuracy")
    assert "15 more are in candidates.csv" in table
    assert table.count("stopped at its limit") == 1
    assert candidates_picture(scores, "accuracy") == candidates_picture(scores, "accuracy")


def test_the_plot_of_a_whole_search_stays_legible() -> None:
    candidates = candidates_of(load_dataset("art_colours").classifier.candidates)
    scores = [
        Score(one, 3_000 if i < 100 else 1_000, (0.9, 0.8 - i / 500), 1, True) for i, one in enumerate(candidates)
    ]
    assert len(scores) == 152
    width, height = Image.open(io.BytesIO(candidates_picture(scores, "accuracy").png)).size
    assert width < 1_100
    assert height < 1_300
