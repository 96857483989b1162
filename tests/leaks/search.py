"""Looks for secrets in all that the platform leaves: whole files, and what is compressed or encoded in them."""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import obstore
import pyarrow as pa
import pyarrow.parquet as pq

from image_assets.run_history import compact_text
from image_assets.store.objects import sizes_below
from image_assets.store.store import Store

Found = Iterator[tuple[str, bytes]]
_SQLITE, _PARQUET, _ZIP, _GZIP = b"SQLite format 3\0", b"PAR1", b"PK\x03\x04", b"\x1f\x8b"


def forms(secret: str) -> set[bytes]:
    """How a secret may be written: as it is, in URLs, in JSON, in base 64 wherever it begins there, backwards never."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote(secret).encode(), json.dumps(secret)[1:-1].encode()}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw)
        found.add(whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6])
    return found


def leaks(contents: Iterable[tuple[str, bytes]], secrets: Mapping[str, str]) -> list[str]:
    """Where which secret stands: `name: what it is`.

    Args:
        contents: Names, and what to look through.
        secrets: By what they are.
    """
    wanted = {what: forms(secret) for what, secret in secrets.items()}
    return [
        f"{name}: {what}"
        for name, content in contents
        for what, written in wanted.items()
        if any(one in content for one in written)
    ]


def in_folder(root: Path) -> Found:
    """All files below a folder, and what is in them."""
    for file in sorted(root.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield from in_file(str(file.relative_to(root)), file.read_bytes(), file)


def in_store(store: Store) -> Found:
    """All objects of a store, and what is in them."""
    objects = store.objects()
    for path in sizes_below(objects):
        yield from in_file(path, bytes(obstore.get(objects, path).bytes()))


def in_file(name: str, content: bytes, file: Path | None = None) -> Found:
    """A file as it is, and unpacked: databases, tables, archives, what is compressed.

    Args:
        name: Of the file.
        content: All of it.
        file: Where it lies on a disk, without which databases are not opened.
    """
    yield name, content
    if content.startswith(_SQLITE) and file is not None:
        yield from _in_database(name, file)
    elif content.startswith(_PARQUET):
        yield from _in_table(name, content)
    elif content.startswith(_ZIP):
        with zipfile.ZipFile(pa.BufferReader(content)) as archive:
            for member in archive.namelist():
                yield from in_file(f"{name}/{member}", archive.read(member))
    elif content.startswith(_GZIP):
        yield f"{name}, unpacked", gzip.decompress(content)


def _in_database(name: str, file: Path) -> Found:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if isinstance(cell, bytes):
                        yield from cell_of(f"{name}, table {table}", cell)


def cell_of(name: str, cell: bytes) -> Found:
    """What a database holds in a place, as it is and unpacked: Dagster and we compress what is long."""
    yield name, cell
    if cell[:1] == b"\x01":
        yield name, compact_text.plain(cell).encode()
    with suppress(zlib.error):
        yield name, zlib.decompress(cell)


def _in_table(name: str, content: bytes) -> Found:
    table = pq.ParquetFile(pa.BufferReader(content))
    yield name, str(table.schema_arrow.to_string(show_schema_metadata=True, truncate_metadata=False)).encode()
    for batch in table.iter_batches():
        yield name, json.dumps(batch.drop_columns(_numbers(batch)).to_pylist(), default=repr).encode()


def _numbers(batch: pa.RecordBatch) -> list[str]:
    return [one.name for one in batch.schema if pa.types.is_floating(one.type) or pa.types.is_integer(one.type)]
