"""What must hold of a published partition, found out as any of its readers would: from the files themselves.

Every function takes the store as it lies there and returns what is wrong, naming the file; nothing here goes through
the code that wrote the files. At most one shard and the ids of the partition are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import polars as pl
import pyarrow as pa
from obstore.store import ObjectStore

from image_assets.schema import shard_schema
from image_assets.shards.manifest import (
    LEGACY_SHARDS_MANIFEST,
    MANIFEST,
    Expected,
    ShardError,
    ShardFile,
    ShardManifest,
    list_files,
    manifest_content,
    parse_manifest,
    path_of,
    shard_name,
    stored_manifest,
    stored_sha256,
)
from image_assets.shards.reading import ids_of, non_finite_in, read_shard, shape_of

_EXAMPLES = 3
_T = TypeVar("_T")
# Polars panics over some damage that it does not expect; that is no `Exception`.
_UNREADABLE = (
    *(pa.ArrowException, pl.exceptions.PolarsError, pl.exceptions.PanicException),
    *(OSError, ValueError, KeyError, MemoryError),
)


class Code(StrEnum):
    """The kinds of problems."""

    MANIFEST_MISSING = "manifest_missing"
    MANIFEST_UNREADABLE = "manifest_unreadable"
    MANIFEST_WRONG = "manifest_wrong"
    FILE_MISSING = "file_missing"
    FILE_EXTRA = "file_extra"
    FILE_SIZE = "file_size"
    FILE_CHECKSUM = "file_checksum"
    FILE_UNREADABLE = "file_unreadable"
    SHARD_ROWS = "shard_rows"
    SHARD_COLUMNS = "shard_columns"
    ID_DUPLICATE = "id_duplicate"
    ID_MISSING = "id_missing"
    ID_UNEXPECTED = "id_unexpected"
    LABEL = "label"
    NON_FINITE = "non_finite"
    VECTORS = "vectors"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: its kind, the file, what exactly, what was expected and what was found."""

    code: Code
    file: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` found; without problems the partition is as it should be."""

    manifest: ShardManifest | None
    problems: list[Problem]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(
    store: ObjectStore, prefix: str, expected_ids: pl.LazyFrame | Iterable[str] | None, expected: Expected
) -> VerifyReport:
    """Everything that the other functions find, each problem once.

    Args:
        store: Where the partition is published.
        prefix: The partition's folder.
        expected_ids: Ids that must be there, as a column `image_id` or one by one; None: not compared.
        expected: What the manifest and the rows must agree with.
    """
    manifest, problems = check_manifest(store, prefix, expected)
    if manifest is not None:
        problems += check_files(store, prefix, manifest)
        problems += check_rows_and_columns(store, prefix, manifest, expected)
        problems += check_ids(store, prefix, manifest, expected_ids)
        problems += check_labels(store, prefix, manifest, expected)
        problems += check_values(store, prefix, manifest)
    return VerifyReport(manifest, list(dict.fromkeys(problems)))


def check_manifest(store: ObjectStore, prefix: str, expected: Expected) -> tuple[ShardManifest | None, list[Problem]]:
    """The manifest, where it can be read, and what is wrong with it: in itself and against `expected`."""
    stands = manifest_content(store, prefix)
    if stands is None:
        wanted = path_of(prefix, MANIFEST)
        return None, [Problem(Code.MANIFEST_MISSING, MANIFEST, "the manifest", wanted, "nothing")]
    content, path = stands
    try:
        manifest = parse_manifest(content, path)
    except ShardError as error:
        return None, [Problem(Code.MANIFEST_UNREADABLE, MANIFEST, "the manifest", "format 1", str(error))]
    problems: list[Problem] = []

    def compare(what: str, wanted: object, found: object) -> None:
        if wanted != found:
            problems.append(Problem(Code.MANIFEST_WRONG, MANIFEST, what, str(wanted), str(found)))

    for name in ("dataset", "date", "category", "label", "width", "extractor", "shard_rows"):
        compare(name, getattr(expected, name), getattr(manifest, name))
    compare("rows", sum(shard.rows for shard in manifest.shards), manifest.rows)
    for index, shard in enumerate(manifest.shards):
        suffix = shard.file.rpartition(".")[2]
        compare("file name", shard_name(expected.category, expected.date, index, shard.sha256, suffix), shard.file)
        compare(f"columns of {shard.file}", expected.width + 2, shard.columns)
    if not problems:
        compare("text", "as it was published", "as it was published" if content == manifest.to_bytes() else "altered")
    return manifest, problems


def check_files(store: ObjectStore, prefix: str, manifest: ShardManifest) -> list[Problem]:
    """Files that are missing, that nobody named, or whose bytes are not the published ones."""
    problems: list[Problem] = []
    there = list_files(store, prefix)
    for shard in manifest.shards:
        size = there.pop(shard.file, None)
        if size is None:
            problems.append(_missing(shard))
            continue
        if size != shard.bytes:
            problems.append(Problem(Code.FILE_SIZE, shard.file, "size", f"{shard.bytes} bytes", f"{size} bytes"))
        sha256 = stored_sha256(store, path_of(prefix, shard.file))
        if sha256 != shard.sha256:
            problems.append(Problem(Code.FILE_CHECKSUM, shard.file, "SHA-256", shard.sha256, sha256))
    if stored_manifest(store, prefix) is None:
        there.pop(LEGACY_SHARDS_MANIFEST, None)
    for name, size in sorted(there.items()):
        problems.append(
            Problem(Code.FILE_EXTRA, name, "a file that the manifest does not name", "none", f"{size} bytes")
        )
    return problems


def check_rows_and_columns(
    store: ObjectStore, prefix: str, manifest: ShardManifest, expected: Expected
) -> list[Problem]:
    """Shards of another number of rows than `shard_rows`, the last one at most, or with other columns or types."""
    schema = shard_schema(expected.width)
    problems: list[Problem] = []
    for index, shard in enumerate(manifest.shards):
        shape = _look(store, prefix, shard, shape_of, problems)
        if shape is None:
            continue
        rows, columns = shape
        full = rows == expected.shard_rows
        if not full and (index + 1 < len(manifest.shards) or not 0 < rows < expected.shard_rows):
            allowed = f"{expected.shard_rows}" if index + 1 < len(manifest.shards) else f"1 to {expected.shard_rows}"
            problems.append(Problem(Code.SHARD_ROWS, shard.file, "rows", allowed, str(rows)))
        if rows != shard.rows:
            problems.append(Problem(Code.SHARD_ROWS, shard.file, "rows", f"{shard.rows}, says the manifest", str(rows)))
        if difference := _difference(schema, columns):
            problems.append(Problem(Code.SHARD_COLUMNS, shard.file, "columns", *difference))
    return problems


def check_ids(
    store: ObjectStore, prefix: str, manifest: ShardManifest, expected_ids: pl.LazyFrame | Iterable[str] | None
) -> list[Problem]:
    """Ids that occur more than once in the partition, and ids missing from or foreign to `expected_ids`."""
    problems: list[Problem] = []
    parts = [pl.DataFrame(schema={"id": pl.String, "file": pl.Int32})]
    for index, shard in enumerate(manifest.shards):
        ids = _look(store, prefix, shard, ids_of, problems)
        if ids is not None:
            parts.append(ids.to_frame().with_columns(file=pl.lit(index)))
    found = pl.concat(parts)
    twice = found.filter(pl.col("id").is_duplicated())
    problems += _by_file(manifest, twice, Code.ID_DUPLICATE, "ids that occur more than once", "every id once")
    if expected_ids is None:
        return problems
    if isinstance(expected_ids, pl.LazyFrame):
        wanted = expected_ids.select(id=pl.col("image_id")).collect()
    else:
        wanted = pl.DataFrame({"id": pl.Series(list(expected_ids), dtype=pl.String)})
    unexpected = found.join(wanted, on="id", how="anti", maintain_order="left")
    problems += _by_file(manifest, unexpected, Code.ID_UNEXPECTED, "ids that are not among the features", "none")
    missing = wanted.join(found, on="id", how="anti", maintain_order="left")["id"]
    if len(missing):
        problems.append(Problem(Code.ID_MISSING, MANIFEST, "ids of the features", "each in a shard", _some(missing)))
    return problems


def check_labels(store: ObjectStore, prefix: str, manifest: ShardManifest, expected: Expected) -> list[Problem]:
    """Rows whose label is not the category's."""

    def others(store: ObjectStore, path: str) -> pl.Series:
        labels = pl.Series(read_shard(store, path, ["category_label"])["category_label"])
        return labels.filter(labels.ne_missing(expected.label))

    problems: list[Problem] = []
    for shard in manifest.shards:
        wrong = _look(store, prefix, shard, others, problems)
        if wrong is not None and len(wrong):
            found = f"{len(wrong)} rows with others, such as {wrong[0]}"
            problems.append(Problem(Code.LABEL, shard.file, "labels", str(expected.label), found))
    return problems


def check_values(store: ObjectStore, prefix: str, manifest: ShardManifest) -> list[Problem]:
    """Features that are NaN, infinite or null."""
    problems: list[Problem] = []
    for shard in manifest.shards:
        bad = _look(store, prefix, shard, non_finite_in, problems)
        if bad:
            count, first = bad
            found = f"{count}, the first in {first}"
            problems.append(Problem(Code.NON_FINITE, shard.file, "NaN, infinite or null features", "none", found))
    return problems


# Looking, and saying what was found


def _look(
    store: ObjectStore,
    prefix: str,
    shard: ShardFile,
    look: Callable[[ObjectStore, str], _T],
    problems: list[Problem],
) -> _T | None:
    """What `look` sees in a shard; None and one more problem where the shard is missing or cannot be read."""
    try:
        return look(store, path_of(prefix, shard.file))
    except FileNotFoundError:
        problems.append(_missing(shard))
    except _UNREADABLE as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        problems.append(Problem(Code.FILE_UNREADABLE, shard.file, "content", "a readable table", text))
    return None


def _missing(shard: ShardFile) -> Problem:
    return Problem(Code.FILE_MISSING, shard.file, "a file that the manifest names", f"{shard.bytes} bytes", "nothing")


def _difference(wanted: pa.Schema, found: pa.Schema) -> tuple[str, str] | None:
    """The first column that differs, as it should be and as it is."""
    for index in range(max(len(wanted), len(found))):
        pair = [
            f"{schema.field(index).name}: {schema.field(index).type}" if index < len(schema) else "no more columns"
            for schema in (wanted, found)
        ]
        if pair[0] != pair[1]:
            return f"{len(wanted)}, number {index + 1} {pair[0]}", f"{len(found)}, number {index + 1} {pair[1]}"
    return None


def _by_file(manifest: ShardManifest, rows: pl.DataFrame, code: Code, what: str, expected: str) -> list[Problem]:
    return [
        Problem(code, manifest.shards[index].file, what, expected, _some(rows.filter(file=index)["id"]))
        for index in rows["file"].unique().sort()
    ]


def _some(ids: pl.Series) -> str:
    return f"{len(ids)}: {', '.join(map(str, ids.head(_EXAMPLES)))}{', …' if len(ids) > _EXAMPLES else ''}"
