"""Archives that are not opened, by their names: those of other programs, and the parts of split ones."""

from __future__ import annotations

import re

OPENED = "zip, tar, tar.gz, tar.bz2, tar.xz and tar.zst"
_PART = re.compile(
    r"\.z\d\d|\.(part\d+\.rar|r\d\d)"
    r"|\.(zip|7z|rar|tar|tgz|tbz2?|txz|tzst|tar\.(gz|bz2|xz|zst))\.(\d{2,4}|(?!gz|xz)[a-h][a-z]|a[ab][a-z])",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\.(rar|7z|cab|arj|lzh|lha|sitx?|iso|dmg|taz|tlz|tar\.(lz|lz4|lzma|lzo|br|z))", re.IGNORECASE)


def closed_archive(name: str) -> str | None:
    """What a file of this name is, for a person, if it is an archive, or a part of one, that is not opened."""
    if _ends_with(_PART, name):
        return (
            f"a part of a split archive, which is not opened: put its parts together or unpack it; opened are {OPENED}"
        )
    if (other := _ends_with(_OTHER, name)) is not None:
        return f"an archive of a kind that is not opened ({other.lower()}): unpack it; opened are {OPENED}"
    return None


def _ends_with(pattern: re.Pattern[str], name: str) -> str | None:
    # The endings have at most three dots: looked for from there on, whatever the length of a name.
    at = len(name)
    for _ in range(3):
        at = name.rfind(".", 0, at)
        if at < 0:
            return None
        if pattern.fullmatch(name, at):
            return name[at + 1 :]
    return None
