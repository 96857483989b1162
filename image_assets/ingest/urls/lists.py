"""Lists of URLs, read row by row: CSV and Parquet files of any size, a few thousand rows in memory at a time."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from image_assets.ingest.source import FileTree, SourceError, SourceFile, printable
from image_assets.settings.sources import UrlListSource

SUFFIXES = (".csv", ".csv.gz", ".parquet")
NO_CATEGORY = "(no category)"
_BATCH_ROWS = 8_192
_LONGEST_SHOWN = 1_000
_USERINFO = re.compile(r"^(\s*[A-Za-z][A-Za-z0-9+.-]*:)?([/\\]{2,})[^/?#\\]*@")
# Values that open doors: of signed URLs of object stores, and by the names that most services give them.
_SECRETS = re.compile(
    r"([?&;](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|signature|sig|"
    r"access_token|auth_token|token|api_?key|key|password|passwd|secret|auth)=)[^&;#]+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ListedUrl:
    """A row of a list.

    Attributes:
        list: The list's path below the landing zone, printable.
        row: Its number, from 1; a CSV file's header does not count.
        url: As it stands in the list, without blanks around it; empty where there is none.
        category: Printable; `NO_CATEGORY` where there is none.
    """

    list: str
    row: int
    url: str
    category: str

    @property
    def key(self) -> str:
        """SHA-256 of the URL, hexadecimal: the name of what is kept of it."""
        return hashlib.sha256(self.url.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def source(self) -> str:
        """Its provenance: list, row and URL as `shown` shows it. Sorted, it is in the order of the rows."""
        return f"{self.list} row {self.row:07d}: {shown(self.url)}"


def is_list(file: SourceFile) -> bool:
    """Whether a file is a list, by its name."""
    return file.source.lower().endswith(SUFFIXES)


def rows(tree: FileTree, file: SourceFile, settings: UrlListSource) -> Iterator[ListedUrl]:
    """The rows of a list in their order.

    Raises:
        SourceError: the list cannot be read or lacks a column: the message names the list and the columns it has.
    """
    number = 0
    for urls, categories in _batches(tree, file, settings):
        for url, category in zip(urls, categories, strict=True):
            number += 1
            yield ListedUrl(file.source, number, (url or "").strip(), _category(category))


def shown(url: str) -> str:
    """A URL as tables, logs and messages may hold it: without user name, password and values that open doors."""
    bare = _SECRETS.sub(r"\1…", _USERINFO.sub(r"\1\2", url))
    return printable(bare if len(bare) <= _LONGEST_SHOWN else f"{bare[:_LONGEST_SHOWN]}…")


@lru_cache(maxsize=10_000)
def _category(text: str | None) -> str:
    return printable((text or "").strip()) or NO_CATEGORY


def _batches(
    tree: FileTree, file: SourceFile, settings: UrlListSource
) -> Iterator[tuple[list[str | None], list[str | None]]]:
    wanted = [settings.url_column, settings.category_column]
    read = _parquet if file.source.lower().endswith(".parquet") else _csv
    try:
        for batch in read(tree, file, wanted):
            urls, categories = (batch.column(name).cast(pa.string()).to_pylist() for name in wanted)
            yield urls, categories
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file.source}: cannot be read as a list of URLs: {' '.join(str(error).split())}; "
            f"expected a table with the columns {' and '.join(wanted)}"
        ) from None


def _parquet(tree: FileTree, file: SourceFile, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    with tree.open(file) as stream, pq.ParquetFile(stream) as table:
        _require(wanted, table.schema_arrow.names, file)
        yield from table.iter_batches(_BATCH_ROWS, columns=wanted)


def _csv(tree: FileTree, file: SourceFile, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    # The header is not asked of Arrow: its reader reads ahead in a thread of its own, and would go on doing so.
    with tree.open(file) as stream, io.TextIOWrapper(_unpacked(stream, file), "utf-8-sig", newline="") as text:
        _require(wanted, next(csv.reader(text), []), file)
    convert = pc.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
    )
    parse = pc.ParseOptions(newlines_in_values=True)
    with (
        tree.open(file) as stream,
        pc.open_csv(_unpacked(stream, file), parse_options=parse, convert_options=convert) as table,
    ):
        yield from table


def _unpacked(stream: BinaryIO, file: SourceFile) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if file.source.lower().endswith(".gz") else stream


def _require(wanted: list[str], found: list[str], file: SourceFile) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise SourceError(
            f"{file.source}: no column {' and none '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, found)) or 'none'}; name the right ones in the dataset file as "
            "source.url_column and source.category_column"
        )
