"""DuckDB for annotation files: within a limit of memory, beyond it by way of the disk; errors name file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from image_assets.ingest.source import SourceError, printable
from image_assets.workers import cores

if TYPE_CHECKING:
    import duckdb

_LINE = re.compile(r"CSV Error on Line: (\d+)")
_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
# What DuckDB advises is about its own settings.
_ADVICE = re.compile(r"^(?:\* )?(?:Possible|Column \S+ is being)", re.MULTILINE)
_COLUMN = re.compile(r'converting column "([^"]+)"')


@contextmanager
def database(memory_mb: int, temporary: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own, which may use `memory_mb` MB and, for what needs more, the folder `temporary`.

    Raises:
        SourceError: for any error of DuckDB's within.
    """
    import duckdb  # takes long to load, and is wanted by few

    connection = duckdb.connect(
        config={
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": str(temporary / "spill"),
            "threads": cores(),
            # What is written is sorted where the order matters; keeping the files' order would cost memory.
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )
    connection.execute("set enable_progress_bar = false")  # there is one of our own
    try:
        yield connection
    except duckdb.Error as error:
        raise SourceError(_explained(error, memory_mb)) from error
    finally:
        connection.close()


def quoted(text: str | Path) -> str:
    """A text as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def write_parquet(sql: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """The rows of a query as a Parquet file."""
    sql.execute(f"copy ({query}) to {quoted(path)} (format parquet, compression zstd)")


def _explained(error: duckdb.Error, memory_mb: int) -> str:
    import duckdb

    said = str(error)
    line, file, column = _LINE.search(said), _FILE.search(said), _COLUMN.search(said)
    if line is None:
        hint = f"; raise memory_mb ({memory_mb})" if isinstance(error, duckdb.OutOfMemoryException) else ""
        if isinstance(error, duckdb.InvalidInputException) and "never closes" in said:
            return printable(" ".join(said.removeprefix("Invalid Input Error: ").split()))
        if file and "invalid state" in said:
            return printable(
                f"{file[1]}: its lines cannot be told apart: they end in several ways, as where files were put "
                "together, or a quotation mark within a text is not doubled. Save it with one kind of line ends, or "
                "fetch it anew"
            )
        return printable(f"annotations cannot be read: {' '.join(said.split())[:400]}{hint}")
    where = f"{file[1] if file else 'annotations'}, line {line[1]}" + (f", column {column[1]}" if column else "")
    wrong = " ".join(_ADVICE.split(said[line.end() :], maxsplit=1)[0].split())[:300]
    return printable(f"{where}: {wrong}. Fetch the file anew; it is damaged, or not what its name says")
