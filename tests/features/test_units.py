"""Extraction unit by unit: the same bytes whatever the threads, and nothing made twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from image_assets.engines.engine import LocalEngine, Unit
from image_assets.features import decode, pipeline, units
from image_assets.features.decode import prepared
from image_assets.features.errors import ExtractorError
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.features.table import MixedExtractors, feature_matrix, feature_table
from image_assets.features.units import Extraction, extract_units, unit_name
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.settings.stages import EfficientNetLite
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress, no_progress
from tests.platform import SECOND, Platform
from tests.store_files import files_at

SPEC = EfficientNetLite(kind="efficientnet_lite0")


class Threads:
    """An engine that gives every unit so many threads."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def run(self, units: list[Unit], progress: Progress) -> list:
        return [unit.work(self._threads, progress) for unit in units]


class NoWork:
    """An engine that is not to be asked to do anything."""

    def run(self, units: list[Unit], progress: Progress) -> list:
        assert units == []
        return []


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return shared_extractor(SPEC)


def again(
    platform: Platform, to: PartitionedTable, engine: object = None, progress: Progress = no_progress
) -> Extraction:
    """Extract the first day's plants into another table."""
    raw = platform.store.table(platform.dataset.name, RAW_IMAGES)
    partition = platform.partition()
    files = raw.partition_files(partition)
    return extract_units(PartitionFiles(raw, files), to, partition, SPEC, engine or LocalEngine(), progress)  # type: ignore[arg-type]


def other_table(platform: Platform, root: Path) -> PartitionedTable:
    return Platform(platform.dataset, root).store.table("other", IMAGE_FEATURES)


def digest(table: PartitionedTable, extraction: Extraction) -> list[str]:
    return [hashlib.sha256((files_at(table.url) / file.path).read_bytes()).hexdigest() for file in extraction.files]


def test_a_row_holds_the_features_of_its_image(loaded_platform: Platform, extractor: Extractor) -> None:
    images = loaded_platform.rows(RAW_IMAGES, loaded_platform.partition()).sort("image_id")
    rows = loaded_platform.rows(IMAGE_FEATURES, loaded_platform.partition()).sort("image_id")
    assert rows["image_id"].to_list() == images["image_id"].to_list()
    expected = extractor.infer(np.stack([prepared(content, extractor) for content in images["content"]]))
    np.testing.assert_array_equal(feature_matrix(rows), expected)
    assert set(rows["extractor"]) == {extractor.digest}


def test_the_number_of_threads_leaves_no_trace_in_the_bytes(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "BATCH_IMAGES", 3)
    digests = set()
    for threads in (1, 2, 5):
        table = other_table(loaded_platform, tmp_path / str(threads))
        digests.add(tuple(digest(table, again(loaded_platform, table, Threads(threads)))))
    assert len(digests) == 1


def test_a_finished_unit_is_not_made_again(loaded_platform: Platform, tmp_path: Path) -> None:
    table = other_table(loaded_platform, tmp_path)
    first = again(loaded_platform, table)
    assert first.extracted == 16
    assert again(loaded_platform, table, NoWork()) == Extraction(first.files, 0)


def test_the_effort_is_told_apart(loaded_platform: Platform, tmp_path: Path) -> None:
    extraction = again(loaded_platform, other_table(loaded_platform, tmp_path))
    assert extraction.effort.decoding > 0
    assert extraction.effort.model > 0
    assert extraction.peak_bytes > 50_000_000  # what a Python process with a model cannot do without


def test_progress_begins_with_what_is_there_already(loaded_platform: Platform, tmp_path: Path) -> None:
    table = other_table(loaded_platform, tmp_path)
    told: list[tuple[int, int]] = []
    again(loaded_platform, table, progress=lambda done, total: told.append((done, total)))
    assert told[0] == (0, 16)
    assert told[-1] == (16, 16)
    assert told == sorted(told)
    told.clear()
    again(loaded_platform, table, progress=lambda done, total: told.append((done, total)))
    assert set(told) == {(16, 16)}


def test_another_extractor_gives_another_unit(loaded_platform: Platform, extractor: Extractor) -> None:
    raw = loaded_platform.store.table(loaded_platform.dataset.name, RAW_IMAGES)
    (first,) = raw.partition_files(loaded_platform.partition())
    (second,) = raw.partition_files(loaded_platform.partition(day=SECOND))
    names = {unit_name(file, digest) for file in (first, second) for digest in (extractor.digest, "0" * 64)}
    assert len(names) == 4


def test_a_worker_with_another_extractor_is_refused(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        """An engine on a machine where other weights are installed."""

        def run(self, tasks: list[Unit], progress: Progress) -> list:
            class Other:
                name, digest = "efficientnet_lite0", "0" * 64

            monkeypatch.setattr(units, "shared_extractor", lambda _: Other())
            return [task.work(1, progress) for task in tasks]

    table = other_table(loaded_platform, tmp_path)
    with pytest.raises(ExtractorError, match="has another efficientnet_lite0 than the machine that started the run"):
        again(loaded_platform, table, Away())
    assert list(files_at(table.url).rglob("*.parquet")) == []


def test_an_extraction_that_breaks_off_leaves_no_file_and_says_where(
    loaded_platform: Platform, extractor: Extractor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = other_table(loaded_platform, tmp_path)
    monkeypatch.setattr(pipeline, "BATCH_IMAGES", 4)
    calls = iter(range(100))

    def breaks(content: bytes, extractor: Extractor) -> np.ndarray:
        if next(calls) >= 9:
            raise MemoryError
        return prepared(content, extractor)

    monkeypatch.setattr(decode, "prepared", breaks)
    with pytest.raises(MemoryError) as raised:
        again(loaded_platform, table)
    assert "while working on the features of date=2026-11-03/category=plant/" in raised.value.__notes__[0]
    assert list(files_at(table.url).rglob("*.parquet")) == []


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
