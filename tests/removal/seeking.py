"""Every byte below a folder, searched for words: plainly, and within Parquet, archives and compressed texts."""

from __future__ import annotations

import base64
import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from image_assets.run_history.compact_text import plain


def holding(root: Path, words: Mapping[str, bytes]) -> dict[str, set[str]]:
    """The files below a folder that hold any of the words, each with the names of these; folders' names count too."""
    found: dict[str, set[str]] = {}
    for path in sorted(one for one in root.rglob("*") if one.is_file()):
        parts = [str(path.relative_to(root)).encode(), *_contents(path)]
        named = {name for name, word in words.items() if any(word in part for part in parts)}
        if named:
            found[path.relative_to(root).as_posix()] = named
    return found


def words_of(image_id: str, source: str, content: bytes, thumbnail: bytes) -> dict[str, bytes]:
    """What tells an image: its id, the name of its file, pieces of its bytes, and its thumbnail as pages have it."""
    middle, half = len(content) // 2, len(thumbnail) // 2
    return {
        "id": image_id.encode(),
        "name": source.encode(),
        "bytes": content[middle : middle + 64],
        "thumbnail": thumbnail[half : half + 64],
        "picture in a page": base64.b64encode(thumbnail)[400:480],
    }


def _contents(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield content
    if path.suffix == ".parquet":
        for column in pq.read_table(pa.BufferReader(content)).columns:
            for value in column.to_pylist():
                for one in value if isinstance(value, list) else [value]:
                    if isinstance(one, bytes | str):
                        yield one if isinstance(one, bytes) else one.encode()
    elif path.suffix in (".npz", ".skops"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    elif path.suffix == ".db":
        yield from _texts(path)


def _texts(database: Path) -> Iterator[bytes]:
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        try:
                            yield plain(value).encode()
                        except (ValueError, zlib.error):
                            yield value
