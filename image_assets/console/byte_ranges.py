"""What of a file a request asks for: all of it, one range, or nothing as it has it already (RFC 9110, 13 and 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from image_assets.console.refusals import Refused

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """Bytes of a file, from a first to before a last one.

    Attributes:
        first: Counted from 0.
        end: One after the last.
        of: Bytes of the whole file.
    """

    first: int
    end: int
    of: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file."""
        return (self.first, self.end) == (0, self.of)

    def headers(self) -> dict[str, str]:
        """What an answer with it says of it."""
        length = {"content-length": str(self.end - self.first)}
        return length if self.is_whole else {**length, "content-range": f"bytes {self.first}-{self.end - 1}/{self.of}"}


def part_asked_for(headers: Mapping[str, str], size: int, e_tag: str) -> Part:
    """What is to be answered. Several ranges at once, and what is no range, are answered with the whole file.

    Args:
        headers: Of the request.
        size: Bytes of the file.
        e_tag: Of the file, strong and in quotes.

    Raises:
        Refused: 416, a range of which the file has nothing.
    """
    whole = Part(0, size, size)
    said = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if said is None or not any(said.groups()) or headers.get("if-range", e_tag) != e_tag:
        return whole
    first, last = said[1], said[2]
    part = (
        Part(int(first), min(int(last) + 1, size) if last else size, size)
        if first
        else Part(max(size - int(last), 0), size, size)
    )
    if first and last and int(last) < int(first):
        return whole
    if part.first >= part.end:
        told = f"the file has {size:,} bytes; there are none of those that were asked for"
        raise Refused(416, "no_such_range", told, {"content-range": f"bytes */{size}"})
    return part


def is_known(headers: Mapping[str, str], e_tag: str) -> bool:
    """Whether who asks has the file already, and says so."""
    said = headers.get("if-none-match", "")
    return said.strip() == "*" or e_tag in [one.strip().removeprefix("W/") for one in said.split(",")]
