"""Verification: every fault planted in published files is found and its file named; sound ones raise no alarm."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from obstore.store import MemoryStore
from pyarrow import parquet

from image_assets.schema import shard_schema
from image_assets.shards.manifest import MANIFEST, ShardFile, ShardManifest, path_of, shard_name
from image_assets.shards.verify import (
    Code,
    Problem,
    check_files,
    check_ids,
    check_labels,
    check_rows_and_columns,
    check_values,
    verify,
)
from tests.shards.partition import EXPECTED, PREFIX, WIDTH, expected, image_ids, publish_rows
from tests.shards.published import FORMATS, ROWS, content_of, manifest_of, names, problems_of, replace_content


@pytest.fixture(params=FORMATS)
def store(request: pytest.FixtureRequest) -> MemoryStore:
    store = MemoryStore()
    publish_rows(store, ROWS, file_format=request.param)
    return store


def found(problems: list[Problem]) -> set[tuple[Code, str]]:
    return {(problem.code, problem.file) for problem in problems}


def test_sound_partitions_raise_no_alarm(store: MemoryStore) -> None:
    ids = image_ids(ROWS)
    for wanted in (ids, iter(ids), pl.LazyFrame({"image_id": ids[::-1], "label": 0}), None):
        report = verify(store, PREFIX, wanted, EXPECTED)
        assert report.problems == []
        assert report.ok
        assert report.manifest == manifest_of(store)


# Files


def test_flipped_bit_is_found(store: MemoryStore) -> None:
    name = names(store)[1]
    content = bytearray(content_of(store, name))
    content[len(content) // 2] ^= 1
    replace_content(store, name, bytes(content))
    assert (Code.FILE_CHECKSUM, name) in found(problems_of(store))
    assert {file for _, file in found(check_files(store, PREFIX, manifest_of(store)))} == {name}


@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_truncation_is_found(store: MemoryStore, kept: int) -> None:
    name = names(store)[2]
    replace_content(store, name, content_of(store, name)[:kept])
    assert {(Code.FILE_SIZE, name), (Code.FILE_CHECKSUM, name)} <= found(problems_of(store))


def test_appended_bytes_are_found(store: MemoryStore) -> None:
    name = names(store)[0]
    replace_content(store, name, content_of(store, name) + b"\n")
    assert {(Code.FILE_SIZE, name), (Code.FILE_CHECKSUM, name)} <= found(problems_of(store))


def test_deleted_file_is_found_by_every_check(store: MemoryStore) -> None:
    manifest = manifest_of(store)
    name = manifest.shards[1].file
    store.delete(path_of(PREFIX, name))
    wanted = (Code.FILE_MISSING, name)
    assert wanted in found(check_files(store, PREFIX, manifest))
    assert wanted in found(check_rows_and_columns(store, PREFIX, manifest, EXPECTED))
    assert found(check_ids(store, PREFIX, manifest, image_ids(ROWS))) == {wanted, (Code.ID_MISSING, MANIFEST)}
    assert wanted in found(check_labels(store, PREFIX, manifest, EXPECTED))
    assert wanted in found(check_values(store, PREFIX, manifest))
    assert [problem.code for problem in problems_of(store)].count(Code.FILE_MISSING) == 1


def test_swapped_contents_are_found(store: MemoryStore) -> None:
    one, other = names(store)[:2]
    contents = content_of(store, one), content_of(store, other)
    replace_content(store, one, contents[1])
    replace_content(store, other, contents[0])
    assert {(Code.FILE_CHECKSUM, one), (Code.FILE_CHECKSUM, other)} <= found(problems_of(store))


def test_contents_of_another_shard_are_found(store: MemoryStore) -> None:
    one, other = names(store)[:2]
    replace_content(store, other, content_of(store, one))
    problems = found(problems_of(store))
    assert {(Code.FILE_CHECKSUM, other), (Code.ID_DUPLICATE, one), (Code.ID_DUPLICATE, other)} <= problems


@pytest.mark.parametrize("extra", ["copy.parquet", "deeper/plant.csv", "manifest.json.bak"])
def test_extra_file_is_found(store: MemoryStore, extra: str) -> None:
    replace_content(store, extra, content_of(store, names(store)[0]))
    assert found(problems_of(store)) == {(Code.FILE_EXTRA, extra)}


@pytest.mark.parametrize("content", [b"", b"no table at all", b"PAR1" + b"\xff" * 200 + b"PAR1"])
def test_unreadable_file_is_found_by_every_check(store: MemoryStore, content: bytes) -> None:
    manifest = manifest_of(store)
    name = manifest.shards[1].file
    replace_content(store, name, content)
    wanted = (Code.FILE_UNREADABLE, name)
    assert wanted in found(check_ids(store, PREFIX, manifest, None))
    assert wanted in found(check_labels(store, PREFIX, manifest, EXPECTED))
    assert name in {file for _, file in found(check_rows_and_columns(store, PREFIX, manifest, EXPECTED))}


# The manifest


def test_missing_manifest_is_found(store: MemoryStore) -> None:
    store.delete(path_of(PREFIX, MANIFEST))
    assert found(problems_of(store)) == {(Code.MANIFEST_MISSING, MANIFEST)}


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 1}', b"\xff\xfe"])
def test_unreadable_manifest_is_found(store: MemoryStore, content: bytes) -> None:
    replace_content(store, MANIFEST, content)
    assert found(problems_of(store)) == {(Code.MANIFEST_UNREADABLE, MANIFEST)}


def _edit(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest.update({key: value})


def _edit_shard(key: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda manifest: manifest["shards"][1].update({key: value})


EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "dataset": _edit("dataset", "others"),
    "date": _edit("date", "2026-11-21"),
    "category": _edit("category", "animal"),
    "label": _edit("label", 3),
    "extractor": _edit("extractor", "cd" * 32),
    "width": _edit("width", 4),
    "shard_rows": _edit("shard_rows", 11),
    "rows": _edit("rows", 36),
    "rows of a shard": _edit_shard("rows", 9),
    "columns of a shard": _edit_shard("columns", 6),
    "bytes of a shard": _edit_shard("bytes", 1),
    "sha256 of a shard": _edit_shard("sha256", "0" * 64),
    "file of a shard": _edit_shard("file", "plant.parquet"),
    "a shard less": lambda manifest: manifest["shards"].pop(),
    "a shard twice": lambda manifest: manifest["shards"].append(manifest["shards"][0]),
    "another order": lambda manifest: manifest["shards"].reverse(),
    "no shards": _edit("shards", []),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edited_manifest_is_found(store: MemoryStore, edit: str) -> None:
    manifest = json.loads(content_of(store, MANIFEST))
    name = manifest["shards"][1]["file"]
    EDITS[edit](manifest)
    replace_content(store, MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    named = {file for _, file in found(problems_of(store))}
    # Where an entry and its file disagree, the file is named: which of the two is wrong cannot be told.
    assert MANIFEST in named or named == {name}


def test_reformatted_manifest_is_found(store: MemoryStore) -> None:
    replace_content(store, MANIFEST, json.dumps(json.loads(content_of(store, MANIFEST))).encode())
    assert found(problems_of(store)) == {(Code.MANIFEST_WRONG, MANIFEST)}


def test_manifest_of_another_partition_is_found(store: MemoryStore) -> None:
    report = verify(store, PREFIX, image_ids(ROWS), expected(date=dt.date(2026, 11, 21), label=0))
    assert {(p.code, p.what) for p in report.problems} >= {
        (Code.MANIFEST_WRONG, "date"),
        (Code.MANIFEST_WRONG, "label"),
    }


# Tables that were published as they are, checksums and all: only their content is wrong


def table(ids: list[str], **columns: Any) -> pa.Table:
    rows = len(ids)
    values: dict[str, Any] = {"picture_id": ids, "category_label": np.full(rows, EXPECTED.label, dtype=np.int16)}
    values |= {f"feature_{i + 1}": np.linspace(i, i + 1, rows, dtype=np.float32) for i in range(WIDTH)}
    return pa.table(values | columns)


def publish_tables(*tables: pa.Table) -> tuple[MemoryStore, ShardManifest]:
    """Files and a manifest that agree with each other, whatever the tables hold."""
    store, shards = MemoryStore(), []
    for index, one in enumerate(tables):
        sink = pa.BufferOutputStream()
        parquet.write_table(one, sink)
        content = sink.getvalue().to_pybytes()
        sha256 = hashlib.sha256(content).hexdigest()
        name = shard_name(EXPECTED.category, EXPECTED.date, index, sha256, "parquet")
        replace_content(store, name, content)
        shards.append(ShardFile(file=name, rows=one.num_rows, columns=WIDTH + 2, bytes=len(content), sha256=sha256))
    manifest = ShardManifest(
        dataset=EXPECTED.dataset,
        date=EXPECTED.date,
        category=EXPECTED.category,
        label=EXPECTED.label,
        extractor=EXPECTED.extractor,
        width=WIDTH,
        shard_rows=EXPECTED.shard_rows,
        rows=sum(one.num_rows for one in tables),
        shards=shards,
    )
    replace_content(store, MANIFEST, manifest.to_bytes())
    return store, manifest


IDS = image_ids(15)
FIRST, SECOND = IDS[:10], IDS[10:]


def test_tables_without_fault_raise_no_alarm() -> None:
    store, _ = publish_tables(table(FIRST), table(SECOND))
    assert verify(store, PREFIX, IDS, EXPECTED).problems == []


FAULTS: dict[str, tuple[list[pa.Table], Code, list[int]]] = {
    "first shard too short": ([table(FIRST[:9]), table([*FIRST[9:], *SECOND])], Code.SHARD_ROWS, [0]),
    "first shard too long": ([table(IDS[:11]), table(IDS[11:])], Code.SHARD_ROWS, [0]),
    "last shard too long": ([table(IDS)], Code.SHARD_ROWS, [0]),
    "last shard empty": ([table(FIRST), table(SECOND + ["x"] * 5), table([])], Code.SHARD_ROWS, [2]),
    "column missing": ([table(FIRST), table(SECOND).drop_columns("feature_2")], Code.SHARD_COLUMNS, [1]),
    "column extra": ([table(FIRST, feature_4=np.zeros(10, np.float32)), table(SECOND)], Code.SHARD_COLUMNS, [0]),
    "columns in another order": (
        [table(FIRST), table(SECOND).select(["category_label", "picture_id", *shard_schema(WIDTH).names[2:]])],
        Code.SHARD_COLUMNS,
        [1],
    ),
    "double precision": ([table(FIRST, feature_1=np.zeros(10)), table(SECOND)], Code.SHARD_COLUMNS, [0]),
    "label as text": ([table(FIRST, category_label=["2"] * 10), table(SECOND)], Code.SHARD_COLUMNS, [0]),
    "id in two shards": ([table(FIRST), table([*SECOND[1:], FIRST[3]])], Code.ID_DUPLICATE, [0, 1]),
    "id twice in a shard": ([table(FIRST), table([*SECOND[1:], SECOND[1]])], Code.ID_DUPLICATE, [1]),
    "foreign id": ([table(FIRST), table([*SECOND[1:], "f" * 64])], Code.ID_UNEXPECTED, [1]),
    "null id": ([table(FIRST), table([*SECOND[1:], None])], Code.ID_UNEXPECTED, [1]),  # type: ignore[list-item]
    "wrong label": ([table(FIRST), table(SECOND, category_label=np.array([2, 2, 1, 2, 2], np.int16))], Code.LABEL, [1]),
    "null label": (
        [table(FIRST), table(SECOND, category_label=pa.array([2, 2, None, 2, 2], pa.int16()))],
        Code.LABEL,
        [1],
    ),
    "NaN": ([table([*FIRST], feature_3=np.array([0] * 9 + [np.nan], np.float32)), table(SECOND)], Code.NON_FINITE, [0]),
    "infinity": (
        [table(FIRST), table(SECOND, feature_1=np.array([0, 0, -np.inf, 0, 0], np.float32))],
        Code.NON_FINITE,
        [1],
    ),
    "null feature": (
        [table(FIRST), table(SECOND, feature_2=pa.array([0, None, 0, 0, 0], pa.float32()))],
        Code.NON_FINITE,
        [1],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_wrong_content_is_found(fault: str) -> None:
    tables, code, shards = FAULTS[fault]
    store, manifest = publish_tables(*tables)
    problems = verify(store, PREFIX, IDS, EXPECTED).problems
    assert [p.file for p in problems if p.code == code] == [manifest.shards[index].file for index in shards]
    assert check_files(store, PREFIX, manifest) == []


def test_missing_id_is_named() -> None:
    store, manifest = publish_tables(table(FIRST), table(SECOND[1:]))
    (problem,) = verify(store, PREFIX, pl.LazyFrame({"image_id": IDS}), EXPECTED).problems
    assert (problem.code, problem.file) == (Code.ID_MISSING, MANIFEST)
    assert SECOND[0] in problem.found
    assert check_ids(store, PREFIX, manifest, None) == []


def test_problem_reads_as_a_sentence() -> None:
    store, manifest = publish_tables(table(FIRST), table(SECOND, category_label=np.array([2, 2, 1, 2, 2], np.int16)))
    (problem,) = check_labels(store, PREFIX, manifest, EXPECTED)
    assert str(problem) == f"{manifest.shards[1].file}: labels: expected 2, found 1 rows with others, such as 1"


@pytest.mark.parametrize(("column", "value"), [("feature_2", "nan"), ("feature_2", "-inf")])
def test_csv_with_non_finite_text_is_found(column: str, value: str) -> None:
    store = MemoryStore()
    publish_rows(store, ROWS, file_format="csv")
    manifest = manifest_of(store)
    name = manifest.shards[3].file
    lines = [line.split(",") for line in content_of(store, name).decode().splitlines()]
    lines[2][lines[0].index(column)] = value
    replace_content(store, name, "\n".join(",".join(line) for line in lines).encode() + b"\n")
    assert found(check_values(store, PREFIX, manifest)) == {(Code.NON_FINITE, name)}


def test_csv_with_another_header_or_an_empty_value_is_found() -> None:
    store = MemoryStore()
    publish_rows(store, ROWS, file_format="csv")
    manifest = manifest_of(store)
    name, content = manifest.shards[3].file, content_of(store, manifest.shards[3].file)
    replace_content(store, name, content.replace(b"feature_2", b"feature_Z", 1))
    assert found(check_rows_and_columns(store, PREFIX, manifest, EXPECTED)) == {(Code.SHARD_COLUMNS, name)}
    lines = content.decode().splitlines()
    emptied = ",".join([*lines[1].split(",")[:-1], ""])
    replace_content(store, name, "\n".join([lines[0], emptied, *lines[2:]]).encode() + b"\n")
    assert found(check_values(store, PREFIX, manifest)) == {(Code.FILE_UNREADABLE, name)}
