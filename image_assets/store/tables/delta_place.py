"""How Delta's library is told where a table lies, whatever the folders above it are called.

It takes a place for a URL, makes it absolute without its links, and unquotes it once to write the log and twice to
read it. Most names go through when they are quoted; a few mean another folder then, or none. For those the log is
shown to it through a link in a folder of our own. Its log is all that it reads and writes for us.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path

_LOG = "_delta_log"
_TWICE_UNQUOTED = re.compile(r"%[0-9A-Fa-f]{2}|[\\\x00-\x1f\x7f]")
_PLAIN = re.compile(r"[A-Za-z0-9/._~+@,:-]*")


def delta_url(url: str, *, new: bool = False) -> str:
    """What to tell Delta's library of the table at a path or `s3://…` URL.

    Args:
        url: Where the table lies.
        new: Whether the table is about to be made.
    """
    if not url.startswith("/"):
        return url
    if not _TWICE_UNQUOTED.search(url):
        return Path(url).as_uri()
    if new:
        Path(url, _LOG).mkdir(parents=True, exist_ok=True)  # a link to nothing could not be written through
    return _stand_in(url, os.getpid())


def is_plain(url: str) -> bool:
    """Whether the paths that a table gives for its files are their names: not quoted, and no `key=value` above it."""
    return bool(_PLAIN.fullmatch(url))


@cache
def _stand_in(table: str, process: int) -> str:
    """A folder with the table's log in it, as long as this process runs."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix=f"image-assets-{process}-")))
    atexit.register(_remove, folder, process)
    (folder / _LOG).symlink_to(Path(table, _LOG), target_is_directory=True)
    return str(folder)


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # and not another that was forked from it
        shutil.rmtree(folder, ignore_errors=True)
