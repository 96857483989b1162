"""What every way of arriving looks like to the pipeline: a day's files of a category, listed and then read.

Here are the interfaces and their errors. A `FileTree` is a place where files lie (a disk, a bucket, the insides of
archives); a `Source` says which of them arrived on a day under a category. `registry.py` knows them all.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from image_assets.errors import CanPass, Explained
from image_assets.images.reasons import Reason
from image_assets.workers import Progress

# Cc, Cs, Zl, Zp, the signs that turn the direction of writing, and the escape itself. Unicode guarantees that
# these classes keep their members, so a provenance does not change with the version of Python.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\\\\]")


class SourceError(Explained):
    """A source that cannot be listed: the message says what is wrong, where, and what to do."""


class SourceReadError(SourceError):
    """One listed file that is no file to be read, whoever reads it: a pipe, a link that leads out, a failed download.

    Attributes:
        reason: The code that it gets in quarantine.
    """

    def __init__(self, message: str, reason: Reason = Reason.UNREADABLE) -> None:
        super().__init__(message)
        self.reason = reason


class SourceUnreadable(SourceError):
    """A listed file that its place does not hand out: no right to it, a disk that fails. It is no fact about the file.

    The run ends, and the tables stay as they were.
    """


class SourceAway(SourceUnreadable, CanPass):
    """The place does not answer now; it may later."""


class SourceChanged(CanPass, RuntimeError):
    """A file changed or vanished while its partition was being loaded; loading again sees it as it is now."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that arrived.

    Attributes:
        source: Its provenance, as tables keep it: the path below the landing zone, `/` between the parts,
            printable and valid UTF-8 (see `printable`), unique within the source.
        bytes: Size when it was listed, bytes.
        version: Differs once the content is replaced.
        locator: What `Source.read` needs to find it; may hold surrogate escapes, so it is for no table.
        settled: Whether its content cannot be replaced any more without another version.
    """

    source: str
    bytes: int
    version: str
    locator: str
    settled: bool = False


@dataclass(frozen=True)
class Listing:
    """What arrived in a partition.

    Attributes:
        files: Sorted by `SourceFile.source`.
        ignored: Entries that are left out, by the dataset's patterns or otherwise; an ignored folder counts once.
        unselected: Of these, files that belong in none of the dataset's categories by its annotations.
    """

    files: tuple[SourceFile, ...]
    ignored: int
    unselected: int = 0


@dataclass(frozen=True)
class Unplaced:
    """What arrived on a day in no category.

    Attributes:
        names: Printable names of folders, and of files in none, sorted.
        files: How many files there are in all of these.
    """

    names: tuple[str, ...]
    files: int


class FileTree(Protocol):
    """A place where files lie in folders. Paths have `/` between their parts; `""` is the top.

    It can be pickled, and its methods called from several threads.
    """

    def folders(self, path: str) -> list[str]:
        """Printable names of the folders directly below, sorted; none where `path` is not there.

        Raises:
            SourceError: the top is not there, or something other than a folder stands where one must.
        """
        ...

    def loose_files(self, path: str) -> list[SourceFile]:
        """Files directly in the folder at `path`, in no folder of it, sorted; none where it is not there.

        Raises:
            SourceError: as `folders`.
        """
        ...

    def fetch(self, path: str, progress: Progress) -> None:
        """Bring near what lies below and cannot be read where it is; what was brought before is not brought again.

        Raises:
            SourceError: as `folders`, or there is no room for it.
        """
        ...

    def files(self, path: str) -> Listing:
        """Everything below, at any depth; empty where `path` is not there. Raises `SourceError` as `folders`."""
        ...

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source.read`."""
        ...

    def open(self, file: SourceFile) -> BinaryIO:
        """A listed file as a seekable stream, for what is too large to be read whole.

        Raises:
            SourceReadError: it cannot be opened.
        """
        ...


class Source(Protocol):
    """A way of arriving. Each method but `read` raises `SourceError` where the source itself is not there.

    It can be pickled, and `read` called from several threads.
    """

    def days(self) -> list[dt.date]:
        """Days on which something arrived, ascending."""
        ...

    def misnamed(self) -> dict[str, dt.date]:
        """Printable names of folders that mean a day and are written otherwise, beside those of days → the day."""
        ...

    def beside_days(self, categories: Collection[str]) -> list[str]:
        """Printable names of what lies beside the folders of days and is meant to be in one, sorted: nobody would see
        it otherwise.

        Args:
            categories: The dataset's.
        """
        ...

    def categories(self, day: dt.date) -> list[str]:
        """Names that a day's files arrived under, sorted; they need not be the dataset's.

        A file that lies where categories must be is named too: nobody would see it otherwise.
        """
        ...

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        """What arrived on a day in none of the dataset's categories."""
        ...

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Bring near what cannot be read where it is: downloads, members of archives. Most sources have none.

        Called before `list_files`. What was brought before is not brought again, so it can be killed and repeated.
        """
        ...

    def list_files(self, day: dt.date, category: str) -> Listing:
        """Everything that arrived on a day under a category; empty where nothing did.

        What was to be fetched and could not be is listed too: reading it raises, with the reason.
        """
        ...

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file, cut off after `max_bytes + 1` bytes, which shows that it is too large.

        Raises:
            SourceReadError: it is no file to be read.
            SourceChanged: it is not what was listed any more.
            SourceUnreadable: it is not handed out; see there.
        """
        ...


def printable(name: str) -> str:
    r"""A file name as text that any table, terminal and log can hold, different for different names.

    Bytes that are no UTF-8 (surrogate escapes, PEP 383) and ASCII controls become `\xNN`, other characters that do
    not print or that turn the direction of writing `\uNNNN`, a backslash `\\`; all else stays. Because the
    backslash is escaped too, the name can be had back and no two names share a provenance.
    """
    # Most names are printable, and are kept once, not twice, of each of a million files.
    return _UNPRINTABLE.sub(_escape, name) if _UNPRINTABLE.search(name) else name


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\\":
        return "\\\\"
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
