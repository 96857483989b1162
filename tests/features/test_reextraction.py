"""Another extractor: a new version of the table, never mixed with the old one, refused until all is extracted again."""

from __future__ import annotations

import polars as pl
import pytest
from deltalake import DeltaTable

from image_assets.asset_checks.image_features import one_extractor
from image_assets.features.extractor import shared_extractor
from image_assets.schema import IMAGE_FEATURES
from image_assets.settings.stages import EfficientNetLite
from tests.asset_checks.faults import outcome
from tests.platform import FIRST, Platform, small_dataset

INT8 = {"kind": "efficientnet_lite0", "precision": "int8"}


@pytest.fixture
def switched(damaged: Platform) -> Platform:
    """A platform that ran with float32; its dataset file now says int8, and the first day's plants were run again."""
    platform = Platform(small_dataset(extractor=INT8), damaged.root)
    result = platform.run(FIRST, "plant")
    # What is made of the whole dataset is not made of two extractors, and says where the old one still is.
    assert sorted(result.errors) == [
        f"{stage}: MixedExtractors: features of another extractor than the dataset's in: 2026-11-03 animal, "
        "2026-11-03 human, 2026-11-04 animal, 2026-11-04 human, 2026-11-04 plant; "
        "materialise image_features of these again"
        for stage in ("classifier", "embedding", "label_suspects")
    ]
    return platform


@pytest.mark.long
def test_a_partition_is_replaced_in_one_version_and_the_old_one_can_still_be_read(
    loaded_platform: Platform, switched: Platform
) -> None:
    float32, int8 = (
        shared_extractor(EfficientNetLite(kind="efficientnet_lite0", precision=one)).digest
        for one in ("float32", "int8")
    )
    url = switched.store.location(switched.dataset.name, IMAGE_FEATURES.name)
    before = DeltaTable(loaded_platform.store.location(switched.dataset.name, IMAGE_FEATURES.name)).version()
    after = DeltaTable(url).version()
    assert after == before + 1
    for version, expected in ((before, float32), (after, int8)):
        rows = pl.read_delta(url, version=version).filter(category="plant", date=FIRST)
        assert rows.height == 16
        assert set(rows["extractor"]) == {expected}
    others = switched.rows(IMAGE_FEATURES).filter((pl.col("category") != "plant") | (pl.col("date") != FIRST))
    assert set(others["extractor"]) == {float32}


def test_the_check_passes_what_was_extracted_again_and_refuses_the_rest(switched: Platform) -> None:
    assert outcome(switched, one_extractor, switched.partition()).passed
    assert not outcome(switched, one_extractor, switched.partition("animal")).passed
