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
import pyarrow.parquet as pq

from image_assets.ingest.source import FileTree, SourceError, SourceFile, printable
from image_assets.settings.sources import UrlListSource

LIST_SUFFIXES = (".csv", ".csv.gz", ".parquet")
NO_CATEGORY = "(no category)"
_BATCH_ROWS = 8_192
_LONGEST_SHOWN = 1_000
_NO_TEXT = "no text in UTF-8; save it as UTF-8"
_SEPARATORS = (";", "\t", "|")
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
    return file.source.lower().endswith(LIST_SUFFIXES)


def rows(tree: FileTree, file: SourceFile, settings: UrlListSource) -> Iterator[ListedUrl]:
    """The rows of a list in their order.

    Raises:
        SourceError: the list cannot be read or lacks a column: the message names the list and the columns it has.
    """
    for number, (url, category) in enumerate(_rows(tree, file, settings), start=1):
        yield ListedUrl(file.source, number, (url or "").strip(), _category(category))


def shown(url: str) -> str:
    """A URL as tables, logs and messages may hold it: without user name, password and values that open doors."""
    bare = _SECRETS.sub(r"\1…", _USERINFO.sub(r"\1\2", url))
    return printable(bare if len(bare) <= _LONGEST_SHOWN else f"{bare[:_LONGEST_SHOWN]}…")


@lru_cache(maxsize=10_000)
def _category(text: str | None) -> str:
    return printable((text or "").strip()) or NO_CATEGORY


def _rows(tree: FileTree, file: SourceFile, settings: UrlListSource) -> Iterator[tuple[str | None, str | None]]:
    """URL and category of every row."""
    wanted = [settings.url_column, settings.category_column]
    read = _parquet if file.source.lower().endswith(".parquet") else _csv
    try:
        yield from read(tree, file, wanted)
    except (pa.ArrowException, OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise SourceError(
            f"{file.source}: cannot be read as a list of URLs: {' '.join(str(error).split())}; "
            f"expected a table with the columns {' and '.join(wanted)}"
        ) from None


def _parquet(tree: FileTree, file: SourceFile, wanted: list[str]) -> Iterator[tuple[str | None, str | None]]:
    with tree.open(file) as stream, pq.ParquetFile(stream) as table:
        _require(wanted, table.schema_arrow.names, file)
        for batch in table.iter_batches(_BATCH_ROWS, columns=wanted):
            urls, categories = (batch.column(name).cast(pa.string()).to_pylist() for name in wanted)
            yield from zip(urls, categories, strict=True)


def _csv(tree: FileTree, file: SourceFile, wanted: list[str]) -> Iterator[tuple[str, str]]:
    with (
        tree.open(file) as stream,
        io.TextIOWrapper(_unpacked(stream, file), "utf-8-sig", "surrogateescape", newline="") as text,
    ):
        # Strict: a quotation mark that never closes would swallow the rows behind it, and nobody would see it.
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            _require_text("".join(header))
            if "\0" in "".join(header):
                raise csv.Error(_NO_TEXT)
            _require(wanted, header, file)
            url, category = map(header.index, wanted)
            for row in filter(None, reader):
                if len(row) != len(header):
                    raise csv.Error(f"{len(row)} fields where the header has {len(header)}")
                _require_text(row[url] + row[category])
                yield row[url], row[category]
        except csv.Error as error:
            never_closes = ": a quotation mark above never closes" if "end of data" in str(error) else ""
            raise csv.Error(f"line {reader.line_num}: {error}{never_closes}") from None


def _require_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise csv.Error(_NO_TEXT)


def _unpacked(stream: BinaryIO, file: SourceFile) -> BinaryIO:
    return cast(BinaryIO, gzip.GzipFile(fileobj=stream)) if file.source.lower().endswith(".gz") else stream


def _require(wanted: list[str], found: list[str], file: SourceFile) -> None:
    missing = [name for name in wanted if name not in found]
    twice = [name for name in wanted if found.count(name) > 1]
    if twice:
        raise SourceError(f"{file.source}: the column {twice[0]!r} is there twice; give one of them another name")
    if missing:
        raise SourceError(
            f"{file.source}: no column {' and none '.join(map(repr, missing))}; it has "
            f"{', '.join(_quoted(name) for name in found) or 'none'}; {_remedy(wanted, found)}"
        )


def _quoted(name: str) -> str:
    """A column's name; where a list has no header it is a URL, which may hold a secret."""
    return f"'{shown(name)}'"


def _remedy(wanted: list[str], found: list[str]) -> str:
    if any("://" in name for name in found):
        return f"its first line is a row already: put a line with the columns' names above it, as {','.join(wanted)}"
    line = ",".join(found)
    for separator in _SEPARATORS:
        if set(wanted) <= {name.strip('" ') for name in line.split(separator)}:
            return f"its columns are parted by {separator!r}: save it with commas"
    return "name the right ones in the dataset file as source.url_column and source.category_column"
