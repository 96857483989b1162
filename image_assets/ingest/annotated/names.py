r"""Names of files as annotations write them: `C:\data\IM%200.JPG` may well mean `data/im 0.jpg`."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

_DRIVE = re.compile(r"^[A-Za-z]:(?=[\\/])")


def folded(name: str) -> str:
    """A path without what differs between systems: two that are folded alike may be the same, spelt in two ways.

    Backslashes part folders, as in Windows, and a drive in front is left out; percent signs are decoded, as in URLs;
    letters are small, and put together in one way (Unicode's NFC); blanks around a part do not count. Parts that lead
    nowhere or upwards are left out.

    Args:
        name: A path, printable: its backslashes are doubled.
    """
    path = _DRIVE.sub("", unquote(name, errors="replace")).replace("\\", "/")
    letters = unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
    return "/".join(part for part in map(str.strip, letters.split("/")) if part not in ("", ".", ".."))


def bare(path: str) -> str:
    """A path's last part."""
    return path.rpartition("/")[2]
