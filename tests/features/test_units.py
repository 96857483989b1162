"""Extraction unit by unit: the same bytes whatever the threads, and nothing made twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from image_assets.dataset import EfficientNetLite0, Limits
from image_assets.features import units
from image_assets.features.extractor import Extractor, build_extractor, extract
from image_assets.features.table import MixedExtractors, feature_matrix, feature_table
from image_assets.features.units import Extraction, extract_units, unit_name
from image_assets.ingest.decode import decode
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.workers import ordered_map
from io_managers.delta_tables import PartitionedTable
from tests.platform import Platform


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return build_extractor(EfficientNetLite0())


def again(platform: Platform, extractor: Extractor, to: PartitionedTable) -> Extraction:
    """Extract the first day's plants into another table."""
    raw = platform.store.table(platform.dataset.name, RAW_IMAGES)
    partition = platform.partition()
    return extract_units(raw, raw.partition_files(partition), to, partition, extractor, Limits())


def other_table(platform: Platform, root: Path) -> PartitionedTable:
    return Platform(platform.dataset, root).store.table("other", IMAGE_FEATURES)


def digest(table: PartitionedTable, extraction: Extraction) -> list[str]:
    return [hashlib.sha256((Path(table.url) / file.path).read_bytes()).hexdigest() for file in extraction.files]


def test_a_row_holds_the_features_of_its_image(loaded_platform: Platform, extractor: Extractor) -> None:
    images = loaded_platform.rows(RAW_IMAGES, loaded_platform.partition()).sort("image_id")
    rows = loaded_platform.rows(IMAGE_FEATURES, loaded_platform.partition()).sort("image_id")
    assert rows["image_id"].to_list() == images["image_id"].to_list()
    expected = extract(extractor, [decode(content, Limits()).pixels for content in images["content"]])
    np.testing.assert_allclose(feature_matrix(rows), expected, rtol=1e-4, atol=1e-5)
    assert set(rows["extractor"]) == {extractor.digest}


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_threads_leaves_no_trace_in_the_bytes(
    loaded_platform: Platform, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(units, "BATCH_IMAGES", 3)
    digests = []
    for number, threads in enumerate((workers, 2)):
        monkeypatch.setattr(units, "ordered_map", lambda work, items, n=threads: ordered_map(work, items, n))
        table = other_table(loaded_platform, tmp_path / str(number))
        digests.append(digest(table, again(loaded_platform, extractor, table)))
    assert digests[0] == digests[1]


def test_a_finished_unit_is_not_made_again(
    loaded_platform: Platform, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = other_table(loaded_platform, tmp_path)
    first = again(loaded_platform, extractor, table)
    assert first.extracted == 16
    monkeypatch.setattr(units, "extract", None)
    assert again(loaded_platform, extractor, table) == Extraction(first.files, 0)


def test_another_extractor_gives_another_unit(loaded_platform: Platform, extractor: Extractor) -> None:
    class Other:
        digest = "0" * 64

    raw = loaded_platform.store.table(loaded_platform.dataset.name, RAW_IMAGES)
    (file, *_) = raw.partition_files(loaded_platform.partition())
    assert unit_name(file, extractor) != unit_name(file, Other())  # type: ignore[arg-type]


def test_an_extraction_that_breaks_off_leaves_no_file(
    loaded_platform: Platform, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = other_table(loaded_platform, tmp_path)
    monkeypatch.setattr(units, "BATCH_IMAGES", 4)
    calls = iter(range(100))

    def breaks(*_: object) -> np.ndarray:
        if next(calls) >= 2:
            raise MemoryError
        return np.ones((4, 1280), np.float32)

    monkeypatch.setattr(units, "extract", breaks)
    with pytest.raises(MemoryError):
        again(loaded_platform, extractor, table)
    assert list(Path(table.url).rglob("*.parquet")) == []


def test_features_of_two_extractors_are_not_put_together(loaded_platform: Platform, extractor: Extractor) -> None:
    rows = loaded_platform.rows(IMAGE_FEATURES)
    here = (pl.col("category") == "animal") & (pl.col("date") == loaded_platform.partition().date)
    mixed = rows.with_columns(extractor=pl.when(here).then(pl.lit("0" * 64)).otherwise("extractor"))
    with pytest.raises(MixedExtractors, match="2026-11-03 animal; materialise image_features"):
        feature_table(mixed.lazy(), extractor.digest)
    assert feature_table(rows.lazy(), extractor.digest).features.shape == (60, 1280)


def test_vectors_of_different_widths_are_no_matrix() -> None:
    rows = pl.DataFrame({"features": [[1.0, 2.0], [1.0]]}, schema={"features": pl.List(pl.Float32)})
    with pytest.raises(ValueError, match=r"different widths: \[1, 2\]"):
        feature_matrix(rows)
