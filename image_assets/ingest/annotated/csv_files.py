"""The CSV files of Open Images, read by DuckDB with explicit types.

The columns: https://storage.googleapis.com/openimages/web/download_v7.html. Later versions have more of them, behind
those that are read here.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO, cast

from image_assets.ingest.annotated.database import quoted
from image_assets.ingest.source import SourceError, printable

IMAGE_LABELS = {"ImageID": "VARCHAR", "Source": "VARCHAR", "LabelName": "VARCHAR", "Confidence": "DOUBLE"}
BOXES = {
    **IMAGE_LABELS,
    "XMin": "DOUBLE",
    "XMax": "DOUBLE",
    "YMin": "DOUBLE",
    "YMax": "DOUBLE",
    "IsOccluded": "TINYINT",
    "IsTruncated": "TINYINT",
    "IsGroupOf": "TINYINT",
    "IsDepiction": "TINYINT",
    "IsInside": "TINYINT",
}
_LONGEST_HEADER = 10_000


def rows_of(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """The rows of CSV files as an expression of SQL, with the file's name as `part`.

    Raises:
        SourceError: a file lacks a column, or cannot be read. What is wrong in a row shows when the rows are read.
    """
    return _rows_of(files, columns, [quoted(printable(file.name)) for file in files])


def numbered_rows_of(files: Sequence[Path], columns: Mapping[str, str]) -> str:
    """As `rows_of`, with the file's place among the files as `part`."""
    return _rows_of(files, columns, [f"{place}::usmallint" for place in range(len(files))])


def _rows_of(files: Sequence[Path], columns: Mapping[str, str], parts: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    readers = (_reader(file, columns) for file in files)
    return " union all ".join(
        f"select {names}, {part} as part from {reader}" for reader, part in zip(readers, parts, strict=True)
    )


def _reader(file: Path, columns: Mapping[str, str]) -> str:
    header = _header(file)
    missing = [name for name in columns if name not in header]
    if missing:
        raise SourceError(
            f"{printable(str(file))}, line 1: no column {', '.join(missing)}; found {', '.join(header) or 'nothing'}. "
            f"Expected are {', '.join(columns)}"
        )
    if len(set(header)) != len(header):
        raise SourceError(f"{printable(str(file))}, line 1: a column is there twice: {', '.join(header)}")
    types = ", ".join(f"{quoted(name)}: {quoted(columns.get(name, 'VARCHAR'))}" for name in header)
    return (
        f"read_csv({_exactly(file)}, auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        f"columns = {{{types}}})"
    )


def _exactly(file: Path) -> str:
    """A path as DuckDB takes it, its signs for patterns meaning themselves."""
    return quoted("".join(f"[{char}]" if char in "*?[" else char for char in str(file)))


def _opened(file: Path) -> TextIO:
    if file.suffix == ".gz":
        return cast("TextIO", gzip.open(file, "rt", encoding="utf-8-sig"))
    return file.open(encoding="utf-8-sig")


def _header(file: Path) -> list[str]:
    try:
        with _opened(file) as stream:
            line = stream.readline(_LONGEST_HEADER)
        return next(csv.reader([line]), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{printable(str(file))}: cannot be read as a CSV file: {error}") from None
