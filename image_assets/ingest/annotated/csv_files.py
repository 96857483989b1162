"""The CSV files of Open Images, read by DuckDB with explicit types.

The columns: https://storage.googleapis.com/openimages/web/download_v7.html. Later versions have more of them, behind
those that are read here.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, cast

from image_assets.ingest.annotated.database import quoted
from image_assets.ingest.source import SourceError, printable

if TYPE_CHECKING:
    import duckdb

LABEL_FILE_COLUMNS = {"ImageID": "VARCHAR", "Source": "VARCHAR", "LabelName": "VARCHAR", "Confidence": "DOUBLE"}
BOX_FILE_COLUMNS = {
    **LABEL_FILE_COLUMNS,
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


def rows_of(files: Sequence[Path], columns: Mapping[str, str], percent: Collection[Path] = ()) -> str:
    """The rows of CSV files as an expression of SQL, with the file's name as `part`.

    Args:
        files: To be read.
        columns: Name → type, of those that are wanted.
        percent: Files whose `Confidence` is in percent.

    Raises:
        SourceError: a file lacks a column, or cannot be read. What is wrong in a row shows when the rows are read.
    """
    return _rows_of(files, columns, [quoted(printable(file.name)) for file in files], percent)


def numbered_rows_of(files: Sequence[Path], columns: Mapping[str, str], percent: Collection[Path] = ()) -> str:
    """As `rows_of`, with the file's place among the files as `part`."""
    return _rows_of(files, columns, [f"{place}::usmallint" for place in range(len(files))], percent)


def files_in_percent(sql: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Mapping[str, str]) -> list[Path]:
    """The files whose confidence is in percent for certain: up to 100, above 1 somewhere, and never between 0 and 1."""
    found = sql.execute(
        f"select part from ({numbered_rows_of(files, columns)}) group by part having max(Confidence) > 1 "
        "and max(Confidence) <= 100 and min(Confidence) >= 0 and not bool_or(Confidence > 0 and Confidence <= 1)"
    ).fetchall()
    return [files[place] for (place,) in sorted(found)]


def _rows_of(files: Sequence[Path], columns: Mapping[str, str], parts: Sequence[str], percent: Collection[Path]) -> str:
    plain = ", ".join(f'"{name}"' for name in columns)
    scaled = ", ".join('"Confidence" / 100 as "Confidence"' if n == "Confidence" else f'"{n}"' for n in columns)
    readers = (f"{_reader(file, columns)} where {_one_line(columns, file)}" for file in files)
    return " union all ".join(
        f"select {scaled if file in percent else plain}, {part} as part from {reader}"
        for file, reader, part in zip(files, readers, parts, strict=True)
    )


def _one_line(columns: Mapping[str, str], file: Path) -> str:
    """A condition of SQL that ends the reading at a text of several lines, which has swallowed the rows in it."""
    texts = [f'"{name}"' for name, kind in columns.items() if kind == "VARCHAR"]
    several = " or ".join(f"contains({text}, chr(10))" for text in texts)
    message = f"{printable(str(file))}: a text of several lines, so a quotation mark never closes: "
    return (
        f"case when {several} then error({quoted(message)} || concat_ws(',', {', '.join(texts)})[:200]) else true end"
    )


def _reader(file: Path, columns: Mapping[str, str]) -> str:
    header = _header(file)
    missing = [name for name in columns if name not in header]
    if missing:
        raise SourceError(
            f"{printable(str(file))}, line 1: no column {', '.join(missing)}; found {', '.join(header) or 'nothing'}. "
            f"Expected are {', '.join(columns)}, parted by commas, in UTF-8"
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
    except UnicodeDecodeError as error:
        raise SourceError(f"{printable(str(file))}: cannot be read as a CSV file: {error}; save it as UTF-8") from None
    except (OSError, EOFError, csv.Error) as error:
        raise SourceError(f"{printable(str(file))}: cannot be read as a CSV file: {error}") from None
