"""How commands print: lines for people, one JSON object for programs, and files that were asked for."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from image_assets.store.trouble import of_file
from image_assets.terminal import terminal
from image_assets.wording import printable_text

_UNBOUNDED = 100_000


def say(line: str, *, to_stderr: bool = False) -> None:
    """Print a line as it is, however long; it stays one line, whatever names are in it."""
    terminal(stderr=to_stderr).print(printable_text(line), markup=False, highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Print a table whose cells people copy, such as paths: each row whole, which a narrow terminal wraps by itself."""
    needed = Console(width=_UNBOUNDED).measure(table).maximum
    terminal(width=needed).print(table, soft_wrap=True)


def check_writable(*paths: Path | None) -> None:
    """Refuse files that cannot be written before it is worked out what goes into them. Raises `OSError`, as `write`."""
    for path in filter(None, paths):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write(path: Path, content: str | bytes) -> None:
    """Make a file of what a command was asked for. Raises `OSError`, which names the file."""
    with of_file(path):
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def print_json(report: dict[str, Any]) -> None:
    """Print what a command gives to programs, in one line; what does not print is escaped as JSON has it."""
    text = json.dumps(report, ensure_ascii=False)
    print("".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text))  # noqa: T201  # the product


def tell(report: dict[str, Any], *lines: str, as_json: bool) -> None:
    """Print what a command did: the lines for a person, or the object for a program."""
    if as_json:
        print_json(report)
        return
    for line in lines:
        say(line)
