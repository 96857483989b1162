"""What is said of files of a store that are not as they were written: which, of what, and what mends it.

What belongs here: the errors and their words. Seeing that a file is damaged is the matter of whoever reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from image_assets.errors import Explained
from image_assets.schema import REVIEWS, Partition
from image_assets.wording import some

_PARTITION = re.compile(r"date=([^/]+)/category=([^/]+)/")


class Damaged(Explained, RuntimeError):
    """A file of the store is not as it was written. No waiting mends it: the message says what does."""


class DamagedFile(Damaged):
    """A file of rows: missing, cut, or with other content."""

    @classmethod
    def of(cls, url: str, path: str, wrong: str, *, must_go: bool = False) -> DamagedFile:
        """The error of a file.

        Args:
            url: Where its table lies.
            path: Its path below the table.
            wrong: What is wrong with it, to come after its name.
            must_go: Whether a run that finds it would take it for sound, so that it must be moved away before.
        """
        found = _PARTITION.search(path)
        where = f"{found[1]} {found[2]}: " if found else ""
        return cls(f"{where}{url}/{path} {wrong}; {_remedy(url, path, must_go=must_go)}")


class DamagedLog(Damaged):
    """The log of a table, which says what files it consists of."""

    @classmethod
    def of(cls, url: str, path: str, wrong: str, *, is_last: bool) -> DamagedLog:
        """The error of a file of a log.

        Args:
            url: Where its table lies.
            path: Its path below the table.
            wrong: What is wrong with it, to come after its name.
            is_last: Whether nothing in the log came after it.
        """
        copy = "restore it from a copy of the store"
        if _is_by_people(url):
            return cls(f"{url}/{path} {wrong}; {copy}")
        way = (
            "move it away and run again the days that were run last"
            if is_last
            else f"move the folder {url} away and run its days again"
        )
        return cls(f"{url}/{path} {wrong}; {copy}, or, while the landing zone still holds the days, {way}")

    @classmethod
    def done_without(cls, url: str, path: str, wrong: str) -> DamagedLog:
        """The error of a file of a log that only repeats what others say; arguments as of `of`."""
        return cls(f"{url}/{path} {wrong}; `image-assets repair` moves it away: nothing that it says is lost")


class LostTable(Damaged):
    """A table of which the log is gone: nothing tells what it held."""

    @classmethod
    def of(cls, url: str, partitions: int) -> LostTable:
        """The error of a table.

        Args:
            url: Where it lay.
            partitions: How many days and categories were made of it.
        """
        return cls(
            f"{url}: the table is gone, or its log is; {partitions:,} days and categories of it were checked; restore "
            "it from a copy of the store, or, while the landing zone still holds the days, run `image-assets repair`"
        )


class LostRows(Damaged):
    """Partitions of a table that it had rows of, and has none any more, though nobody took them out."""

    @classmethod
    def of(cls, url: str, partitions: Sequence[Partition]) -> LostRows:
        """The error of a table, and of which days and categories."""
        return cls(
            f"{url}: of {some(partitions, 3)} images are loaded and {_made_of_them(url)}, and none are there any more, "
            "as where the table was gone and then made anew; run `image-assets repair`, or these days again"
        )


def _made_of_them(url: str) -> str:
    name = url.rsplit("/", 1)[-1].removeprefix("image_").replace("_", " ")
    return "what lookalikes they have was looked for" if name == "near duplicates" else f"{name} were made"


def _remedy(url: str, path: str, *, must_go: bool) -> str:
    copy = "restore it from a copy of the store"
    if _is_by_people(url):
        return copy
    away = "move it away and " if must_go else ""
    found = _PARTITION.search(path)
    if found is None:
        return f"{away}run any day again, which makes it anew"
    day = f"run {found[1]} again with --category {found[2]}"
    return f"while the landing zone still holds that day, {away}{day}, which writes it anew; otherwise {copy}"


def _is_by_people(url: str) -> bool:
    """Whether a table holds what people decided, which no run makes anew."""
    return url.rsplit("/", 1)[-1] == REVIEWS.name
