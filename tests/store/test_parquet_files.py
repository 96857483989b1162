"""Files of tables: the same bytes for the same rows, and damage is noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest

from image_assets.schema import ARRIVALS
from image_assets.store.store import Store
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.tables.parquet_files import ParquetFiles
from tests.store_files import files_at


@pytest.fixture
def files(tmp_path: Path) -> ParquetFiles:
    return Store(str(tmp_path)).table("sample", ARRIVALS).files


def batches(rows: int) -> list[pa.RecordBatch]:
    sources = [hashlib.sha256(str(row).encode()).hexdigest() for row in range(rows)]
    return pa.table({"source": sources, "bytes": list(range(rows))}, schema=ARRIVALS.file_schema).to_batches(100)


def read(files: ParquetFiles, path: str) -> list[int]:
    return [value for batch in files.read(path, ["bytes", "source"]) for value in batch["bytes"].to_pylist()]


def test_rows_come_back_in_their_order_and_column_by_column(files: ParquetFiles) -> None:
    written = files.write("a.parquet", batches(1000))
    assert (written.rows, files.find("a.parquet")) == (1000, written)
    assert read(files, "a.parquet") == list(range(1000))


def test_the_same_rows_give_the_same_bytes(files: ParquetFiles, tmp_path: Path) -> None:
    for name in ("a.parquet", "b.parquet"):
        files.write(name, batches(700))
    first, second = (files_at(tmp_path) / "sample" / "arrivals" / name for name in ("a.parquet", "b.parquet"))
    assert first.read_bytes() == second.read_bytes()


def test_no_rows_are_a_file_too(files: ParquetFiles) -> None:
    assert files.write("a.parquet", []).rows == 0
    assert read(files, "a.parquet") == []


def test_a_file_that_is_not_there_is_none(files: ParquetFiles) -> None:
    assert files.find("nowhere.parquet") is None


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flipped_bit_in_the_pages_is_noticed(files: ParquetFiles, tmp_path: Path, share: float) -> None:
    files.write("a.parquet", batches(1000))
    file = files_at(tmp_path) / "sample" / "arrivals" / "a.parquet"
    content = bytearray(file.read_bytes())
    content[int(len(content) * share)] ^= 4
    file.write_bytes(content)
    with pytest.raises(DamagedFile, match=r"a\.parquet is damaged .*move it away and run any day again"):
        read(files, "a.parquet")


def test_a_truncated_file_is_noticed(files: ParquetFiles, tmp_path: Path) -> None:
    files.write("a.parquet", batches(1000))
    file = files_at(tmp_path) / "sample" / "arrivals" / "a.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DamagedFile, match="damaged"):
        read(files, "a.parquet")
    assert files.find("a.parquet") is None
    files.write("a.parquet", batches(1000))
    assert read(files, "a.parquet") == list(range(1000))
