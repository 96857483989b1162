"""A stored dataset's families compared, beside colours alone, by function and by command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from image_assets.classifier.comparing.comparison import compare_families, stored_features
from image_assets.classifier.comparing.nested import Comparison
from image_assets.classifier.training.images import held_out_with_lookalikes, set_aside
from image_assets.cli import main
from image_assets.features.colour_statistics import colour_statistics
from image_assets.features.decode import prepared
from image_assets.features.extractor import shared_extractor
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, RAW_IMAGES
from image_assets.settings.stages import ColourStatistics
from tests.cli.shapes import assert_told
from tests.platform import SECOND, Platform, small_dataset

CANDIDATES = [
    {"kind": "logistic_regression", "regularisation": [0.001]},
    {"kind": "random_forest", "trees": [1], "max_depth": [1]},
]
ASKED = small_dataset(classifier={"candidates": CANDIDATES, "selection": {"folds": 2}})
COLOURS = shared_extractor(ColourStatistics(kind="colour_statistics"))


@pytest.fixture(scope="module")
def platform(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The shared platform is not to have another test's scores in it."""
    return Platform(ASKED, loaded_platform.copy_to(tmp_path_factory.mktemp("compared")).root)


def test_colour_features_of_stored_images_are_those_of_their_pixels(platform: Platform) -> None:
    images = platform.rows(RAW_IMAGES).sample(fraction=1, shuffle=True, seed=1)
    made = stored_features(platform.store.table("drawn", RAW_IMAGES), images["image_id"], COLOURS)
    expected = [colour_statistics(prepared(content, COLOURS)) for content in images["content"]]
    assert np.array_equal(made, np.stack(expected))


def test_an_image_that_is_not_stored_is_named(platform: Platform) -> None:
    with pytest.raises(KeyError, match="1 of 1 images .* the first is " + "f" * 64):
        stored_features(platform.store.table("drawn", RAW_IMAGES), pl.Series("image_id", ["f" * 64]), COLOURS)


@pytest.mark.parametrize("with_held_out", [False, True])
def test_images_that_are_held_out_take_no_part_unless_asked_for(platform: Platform, with_held_out: bool) -> None:
    compared = compare_families(
        ASKED, platform.store, Comparison(3, with_held_out=with_held_out, colours=False, workers=1)
    )
    ids = platform.rows(IMAGE_FEATURES)["image_id"]
    aside = held_out_with_lookalikes(ids, platform.rows(DUPLICATE_GROUPS).lazy(), ASKED.classifier.held_out)
    used = len(ids) if with_held_out else int((~aside).sum())
    assert 0 < aside.sum() < len(ids)
    assert list(compared) == ["efficientnet_lite0"]
    # Every image trains in all folds but the one that it is judged in.
    assert sum(fold.images for fold in compared["efficientnet_lite0"][0].folds) == 2 * used


def test_with_a_split_by_time_the_last_days_take_no_part(platform: Platform) -> None:
    by_time = small_dataset(
        classifier={
            "candidates": CANDIDATES,
            "selection": {"folds": 2},
            "split": {"by": "time", "last_days": 1},
        }
    )
    compared = compare_families(by_time, platform.store, Comparison(3, colours=False, workers=1))
    images = platform.rows(IMAGE_FEATURES)
    aside = set_aside(images["image_id"], images.lazy(), platform.rows(DUPLICATE_GROUPS).lazy(), by_time.classifier)
    assert set(images.filter(pl.Series(aside))["date"]) == {SECOND}
    used = int((~aside).sum())
    assert sum(fold.images for fold in compared["efficientnet_lite0"][0].folds) == 2 * used


def test_the_command_prints_writes_and_goes_on(
    platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(ASKED.model_dump(mode="json")))
    places = ["--dataset", f"{tmp_path}/drawn.yaml", "--store", platform.store.url]
    files = ["--csv", f"{tmp_path}/folds.csv", "--plot", f"{tmp_path}/families.png"]
    assert main(["compare", *places, *files, "--folds", "3"]) == 0
    said = capsys.readouterr().out
    rows = pl.read_csv(tmp_path / "folds.csv")
    families = ["logistic_regression", "random_forest", "best of all families"]
    assert set(rows.select("features", "family").unique().iter_rows()) == {
        (features, family) for features in ("efficientnet_lite0", "colour_statistics") for family in families
    }
    assert rows.height == 2 * 3 * 3
    best = rows.filter(features="efficientnet_lite0", family="logistic_regression")["outer"].mean()
    assert f"{best:.4f}" in said
    assert (tmp_path / "families.png").read_bytes()[:4] == b"\x89PNG"
    kept = {file: file.read_bytes() for file in platform.files.rglob("comparison-scores/*/*.json")}
    # Per features and fold: both candidates on the inner folds, and on the outer one.
    assert len(kept) == 2 * 3 * (2 + 2)
    assert main(["compare", *places, "--folds", "3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert_told("compare", told)
    assert len(told["folds"]) == rows.height
    assert {file: file.read_bytes() for file in kept} == kept


def test_what_cannot_be_compared_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(ASKED.model_dump(mode="json")))
    assert main(["compare", "--dataset", f"{tmp_path}/drawn.yaml", "--store", f"{tmp_path}/store"]) == 2
    assert "no features of drawn" in capsys.readouterr().err
    assert main(["compare", "--dataset", "drawn.yaml", "--store", "store", "--folds", "1"]) == 2
    assert "expected at least 2" in capsys.readouterr().err
