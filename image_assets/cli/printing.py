"""How commands print: lines and tables for people, one JSON object for programs, and files that were asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from image_assets.store.trouble import of_file


def say(line: str, *, to_stderr: bool = False) -> None:
    """Print a line as it is, however long."""
    Console(stderr=to_stderr).print(line, markup=False, highlight=False, soft_wrap=True)


def write(path: Path, content: str | bytes) -> None:
    """Make a file of what a command was asked for. Raises `OSError`, which names the file."""
    with of_file(path):
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def print_json(report: dict[str, Any]) -> None:
    """Print what a command gives to programs, in one line."""
    print(json.dumps(report, ensure_ascii=False))  # noqa: T201  # the product of the command


def plain_table(*columns: str, **how: Any) -> Table:
    """A table with a line below its head; columns as `how` says, by default in one line."""
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False)
    for name in columns:
        table.add_column(name, **(how or {"no_wrap": True}))
    return table
