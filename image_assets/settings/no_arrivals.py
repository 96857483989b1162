"""Names of files and folders that are no arrivals: what systems leave behind, and what a dataset file adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator

DEFAULTS = (
    ".*",
    "Thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "__MACOSX",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "*.part",
    "*.crdownload",
    "*.filepart",
)
"""Shell patterns that hold for every landing zone, in any case of letters, as the disks they come from know no case."""
IGNORE_MEANING = (
    "File and folder names (shell patterns) that are no arrivals, beside those that never are: "
    + ", ".join(f"`{default}`" for default in DEFAULTS)
    + ", in any case of letters. `!` before one of these takes it out."
)
_TAKES_OUT = "!"


def _known(patterns: tuple[str, ...]) -> tuple[str, ...]:
    known = {default.lower() for default in DEFAULTS}
    for pattern in patterns:
        if pattern.startswith(_TAKES_OUT) and pattern[1:].lower() not in known:
            raise ValueError(f"{pattern!r} takes out none of the patterns that always hold: {', '.join(DEFAULTS)}")
    return patterns


Ignore = Annotated[tuple[str, ...], AfterValidator(_known)]
"""What a dataset file adds to `DEFAULTS`, and with `!` before it takes out of them."""


def no_arrivals(ignore: Sequence[str] = ()) -> tuple[str, ...]:
    """The shell patterns that hold: the defaults that are not taken out, and those that are added, as they stand."""
    out = {pattern[1:].lower() for pattern in ignore if pattern.startswith(_TAKES_OUT)}
    kept = [_in_any_case(default) for default in DEFAULTS if default.lower() not in out]
    return (*kept, *(pattern for pattern in ignore if not pattern.startswith(_TAKES_OUT)))


def _in_any_case(pattern: str) -> str:
    return "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in pattern)
