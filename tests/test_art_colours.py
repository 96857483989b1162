"""The bundled dataset of paintings, from landing to classifier, on paintings made for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from image_assets.classifier.places import current_manifest
from image_assets.dataset import BUNDLED, load_dataset, parse_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.features.table import feature_matrix
from image_assets.schema import ACCOUNTING, IMAGE_FEATURES, RAW_IMAGES
from image_assets.settings.classifier import Classifier
from image_assets.settings.sources import FolderSource
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from tests.paintings import COLOURS, land_paintings, painting
from tests.platform import FIRST, Platform

_EACH = 9


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def paintings(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Nine paintings of every colour, run; of the red ones, one more is a copy and one is cut off."""
    # For so few paintings one candidate does; the 152 of the file are the benchmark's, see `test_procedures`.
    changes = {"source": FolderSource(), "classifier": Classifier()}
    platform = Platform(load_dataset("art_colours").model_copy(update=changes), tmp_path_factory.mktemp("art"))
    land_paintings(platform.landing, str(FIRST), range(_EACH))
    red = platform.landing / str(FIRST) / "red"
    (red / "copy.jpg").write_bytes(painting("red", 0))
    result = platform.run(FIRST)
    assert result.ok, (result.errors, [str(check) for check in result.checks if not check.passed])
    return platform


def test_the_generator_knows_the_colours_of_the_dataset(paintings: Platform) -> None:
    assert list(paintings.dataset.categories) == list(COLOURS)


def test_every_painting_has_its_eighteen_numbers_and_the_accounts_balance(paintings: Platform) -> None:
    rows = paintings.rows(IMAGE_FEATURES)
    assert feature_matrix(rows).shape == (11 * _EACH, 18)
    assert set(rows["extractor"]) == {shared_extractor(paintings.dataset.extractor).digest}
    accounts = paintings.rows(ACCOUNTING)
    assert accounts.select("listed", "loaded", "duplicates", "quarantined").sum().row(0) == (100, 99, 1, 0)
    assert paintings.rows(RAW_IMAGES).height == 99


def test_the_features_tell_the_colours_apart(paintings: Platform) -> None:
    rows = paintings.rows(IMAGE_FEATURES)
    names = shared_extractor(paintings.dataset.extractor)
    means = {
        category: np.median(feature_matrix(rows.filter(category=category)), axis=0)
        for category in paintings.dataset.categories
    }
    assert names.width == 18
    blue, green, red, lightness = (0, 2, 4, 12)
    assert max(means, key=lambda category: means[category][red] - means[category][green]) == "red"
    assert max(means, key=lambda category: means[category][blue] - means[category][red]) == "blue"
    assert min(means, key=lambda category: means[category][lightness]) == "black"
    assert max(means, key=lambda category: means[category][lightness]) == "white"


def test_the_classifier_learns_the_colours(paintings: Platform) -> None:
    manifest = current_manifest(paintings.dataset, paintings.store)
    assert manifest is not None
    assert float(str(manifest.metrics["accuracy"])) > 0.8


def test_the_line_that_switches_to_the_embedded_extractor_is_ready() -> None:
    text = Path(BUNDLED / "art_colours.yaml").read_text(encoding="utf-8")
    switched = text.replace("\nextractor:", "\n# extractor:", 1).replace(
        "\n# extractor: {kind: efficientnet", "\nextractor: {kind: efficientnet"
    )
    assert parse_dataset(yaml.safe_load(switched), "art_colours.yaml").extractor == DEFAULT_EXTRACTOR
