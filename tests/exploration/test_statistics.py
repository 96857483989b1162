"""Statistics of images: what is counted, in pieces, without reading a picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.exploration import tally
from image_assets.exploration.scales import (
    ASPECT,
    BOX_SHARE,
    COLOUR_CHANNELS,
    FILE_SIZE,
    METRIC_SCALES,
    SIDE,
    Scale,
    quantiles,
)
from image_assets.exploration.statistics import ImageStatistics, image_statistics, statistics_of
from image_assets.exploration.tally import CountQuery, pieces, tallied
from image_assets.schema import QUARANTINE, RAW_IMAGES
from image_assets.store.tables.parquet_files import ParquetFiles
from tests.exploration.made import feature_rows, image_rows, refused_rows
from tests.platform import FIRST, SECOND, Platform

SCALES = {**METRIC_SCALES, **COLOUR_CHANNELS, "side": SIDE, "aspect": ASPECT, "file_size": FILE_SIZE, "box": BOX_SHARE}


def frames(statistics: ImageStatistics) -> list[pl.DataFrame]:
    names = ("per_day", "sizes", "aspects", "file_sizes", "formats", "refused")
    return [*(getattr(statistics, name) for name in names), statistics.metrics.rows, statistics.channels.rows]


@pytest.fixture(scope="module")
def of_platform(loaded_platform: Platform) -> ImageStatistics:
    return image_statistics(loaded_platform.store, "drawn")


def test_the_counts_are_those_of_the_tables(loaded_platform: Platform, of_platform: ImageStatistics) -> None:
    images = loaded_platform.rows(RAW_IMAGES)
    assert of_platform.images == images.height == 60
    assert of_platform.categories == ["animal", "human", "plant"]
    assert of_platform.per_day.rows() == [
        (day, category, rows.height, rows["bytes"].sum())
        for day in (FIRST, SECOND)
        for category in ("animal", "human", "plant")
        for rows in [images.filter(date=day, category=category)]
    ]
    assert of_platform.formats.rows() == [("png", 60)]
    assert of_platform.sizes.rows() == [(48, 48, 60)]  # 64 pixels: the sixth doubling, 8 levels each
    assert of_platform.aspects.rows() == [(ASPECT.levels // 2, 60)]
    assert of_platform.refused.select("reason", "n").rows() == [("empty", 1), ("not_an_image", 2)]
    assert of_platform.channels.rows.is_empty()


def test_the_metrics_fall_on_the_levels_that_numpy_finds(
    loaded_platform: Platform, of_platform: ImageStatistics
) -> None:
    images = loaded_platform.rows(RAW_IMAGES)
    for name, scale in METRIC_SCALES.items():
        values = images.filter(category="plant")[name].to_numpy().astype(np.float64)
        expected = np.histogram(values.clip(scale.edges[0], scale.edges[-1]), scale.edges)[0]
        found = of_platform.metrics.of(name, [["plant"], ["animal", "human"]])
        # A value that is on an edge as good as exactly may fall on either side.
        assert np.abs(found[0].cumsum() - expected.cumsum()).max() <= 1
        assert found.sum(axis=1).tolist() == [20, 40]


def test_neither_pictures_nor_thumbnails_are_read(
    damaged: Platform, of_platform: ImageStatistics, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[str] = set()
    read = ParquetFiles.read

    def noted(self: ParquetFiles, path: str, columns: list[str], *more: Any) -> Iterator[pa.RecordBatch]:
        asked.update(columns)
        return read(self, path, columns, *more)

    monkeypatch.setattr(ParquetFiles, "read", noted)
    for file in (damaged.files / "drawn" / RAW_IMAGES.name).rglob("date=*/**/*.parquet"):
        table = pq.ParquetFile(BytesIO(file.read_bytes())).read().drop_columns(["content", "thumbnail"])
        pq.write_table(table, smaller := BytesIO())
        file.write_bytes(smaller.getvalue())
    found = image_statistics(damaged.store, "drawn")
    assert all(a.equals(b) for a, b in zip(frames(found), frames(of_platform), strict=True))
    assert asked == {"format", "width", "height", "bytes", "reason", *METRIC_SCALES}
    # The control: whoever does ask for pictures finds that they are gone.
    (piece,) = pieces(damaged.store.table("drawn", RAW_IMAGES), ["content", "width"])
    assert piece.column_names == ["width", "date", "category"]


def test_a_dataset_without_tables_has_no_images(tmp_path: Path, loaded_platform: Platform) -> None:
    found = image_statistics(Platform(loaded_platform.dataset, tmp_path).store, "drawn", colours="0" * 64)
    assert (found.images, found.categories) == (0, [])
    assert found.refused.is_empty()
    assert found.metrics.of("brightness", [["plant"]]).sum() == 0


@pytest.mark.long
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_pieces_of_any_size_give_the_same_counts(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    table = image_rows(1_000 if rows > 1 else 40, 5, 3)
    whole = statistics_of([table], [refused_rows(table)], [feature_rows(table)])
    cut = [table.slice(start, rows) for start in range(0, table.num_rows, rows)][::-1]
    features = feature_rows(table)
    found = statistics_of(
        cut,
        [refused_rows(table)],
        [features.slice(start, rows) for start in range(0, table.num_rows, rows)],
    )
    assert all(a.equals(b) for a, b in zip(frames(found), frames(whole), strict=True))
    monkeypatch.setattr(tally, "_THREADS", 1)
    alone = statistics_of([table], [refused_rows(table)], [features])
    assert all(a.equals(b) for a, b in zip(frames(alone), frames(whole), strict=True))


def test_pieces_of_a_table_are_bounded_and_carry_day_and_category(
    loaded_platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_CHUNK_ROWS", 10)
    found = list(pieces(loaded_platform.store.table("drawn", RAW_IMAGES), ["width"]))
    assert [piece.num_rows for piece in found] == [16, 16, 16, 12]
    assert found[0].column_names == ["width", "date", "category"]
    assert next(pieces(loaded_platform.store.table("drawn", QUARANTINE), ["reason"]))["category"][0].as_py() == "plant"


def test_counts_of_keys_with_sums() -> None:
    counts = {"counted": CountQuery({"category": "category"}, sums={"bytes": "bytes"})}
    assert tallied(counts, [])["counted"].columns == ["category", "n", "bytes"]
    table = image_rows(500, 3)
    frame = pl.DataFrame(pl.from_arrow(table))
    expected = frame.group_by("category").agg(pl.len().cast(pl.Int64).alias("n"), pl.col("bytes").sum())
    assert tallied(counts, [table.slice(0, 100), table.slice(100)])["counted"].equals(expected.sort("category"))


@pytest.mark.parametrize("name", SCALES)
def test_every_level_s_middle_falls_on_it_and_what_is_beyond_on_the_outermost(name: str) -> None:
    import duckdb

    scale = SCALES[name]
    middles = quantiles(np.eye(scale.levels, dtype=int), scale, (0.5,))[:, 0]
    values = [*middles.tolist(), scale.edges[0] / 2 - 1, scale.edges[-1] * 2 + 1, 0.0]
    query = f"SELECT {scale.sql('v')} FROM (SELECT unnest($v) AS v)"
    found = [row[0] for row in duckdb.execute(query, {"v": values}).fetchall()]
    assert found[: scale.levels] == list(range(scale.levels))
    assert found[scale.levels : scale.levels + 2] == [0, scale.levels - 1]
    assert 0 <= found[-1] < scale.levels


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_quantiles_are_within_a_level_of_the_exact_ones(values: list[float]) -> None:
    scale = Scale("x", "", 0, 1, levels=100)
    counts = np.histogram(values, scale.edges)[0]
    shares = (0.05, 0.25, 0.5, 0.75, 0.95)
    found = quantiles(np.array([counts, np.zeros(100, int)]), scale, shares)
    for share, quantile in zip(shares, found[0], strict=True):
        # Within a level of it lies a value that so large a share does not exceed, and the rest is not below.
        assert sum(value <= quantile + 0.0101 for value in values) >= share * len(values) - 1e-6
        assert sum(value < quantile - 0.0101 for value in values) <= share * len(values) + 1e-6
        assert min(abs(value - quantile) for value in values) <= 0.0101
    assert np.isnan(found[1]).all()


def test_quantiles_of_a_logarithmic_scale_are_numbers() -> None:
    counts = np.zeros((1, SIDE.levels), int)
    counts[0, 48] = 10
    assert quantiles(counts, SIDE, (0, 1))[0].tolist() == pytest.approx([64 * 2 ** (-1 / 16), 64 * 2 ** (1 / 16)])
