"""What became of an archive's members, kept in staging in pieces, so that unpacking goes on where it was killed.

`<shelf>/manifest/<number of the first member>.json` holds records, `<shelf>/end.json` says how it ended,
`<shelf>/files/<thousand>/<number>` is a member's content. A member's number is its place in the archive.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from image_assets.images.reasons import Reason
from image_assets.ingest.staging import staging_errors, write_durably
from image_assets.whole_files import remove_unfinished

# A piece is written whole; a killed run looks again at the members of one piece, whose files are there already.
_PIECE = 256
_FOLDER = 1_000


@dataclass(frozen=True)
class ListedMember:
    """A member that is listed.

    Attributes:
        number: Its place in the archive.
        name: Printable.
        bytes: Size of its content, bytes; 0 where there is none.
        reason: Why there is none, or None.
        detail: For a person, what was found.
        is_archive: Whether its own members are listed in its place.
    """

    number: int
    name: str
    bytes: int
    reason: Reason | None = None
    detail: str = ""
    is_archive: bool = False


@dataclass(frozen=True)
class End:
    """How unpacking ended.

    Attributes:
        final: Whether another try would end in the same way.
        reason: Why not all of it is there, or None.
        detail: For a person, where it broke.
        members: Members of it and of all that is nested in it.
        bytes: Bytes unpacked of both.
        is_archive: Whether it is an archive at all.
    """

    final: bool
    reason: Reason | None = None
    detail: str = ""
    members: int = 0
    bytes: int = 0
    is_archive: bool = True


@dataclass
class _Piece:
    """Members from number `first` up to, not including, `next`; how many of them are ignored."""

    first: int
    next: int
    records: list[ListedMember] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class Shelf:
    """The folder of one archive in staging."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: _Piece | None = None

    def nested(self, number: int) -> Shelf:
        """The shelf of the archive that is a member; folders of all shelves stand side by side."""
        mark = hashlib.sha256(f"{self.folder.name}/{number}".encode()).hexdigest()
        return Shelf(self.folder.parent.parent / mark[:2] / mark)

    def file(self, number: int) -> Path:
        """Where the content of a member is."""
        return self.folder / "files" / f"{number // _FOLDER:04d}" / str(number)

    def end(self) -> End | None:
        """How unpacking ended; None where it has not."""
        try:
            content = json.loads((self.folder / "end.json").read_bytes())
        except FileNotFoundError:
            return None
        return End(**content | {"reason": _reason(content["reason"])})

    def records(self) -> tuple[list[ListedMember], int, set[str]]:
        """What is known of the members: their records, the number of the first one of which nothing is known, and the
        printable paths that are ignored, an ignored folder once.
        """
        records: list[ListedMember] = []
        ignored: set[str] = set()
        number = 0
        for piece in self._pieces():
            if piece.first != number:
                break
            records += piece.records
            ignored.update(piece.ignored)
            number = piece.next
        return records, number, ignored

    def noted(self) -> list[ListedMember]:
        """The records of all members so far, also of those that are not written down yet."""
        return [*self.records()[0], *(self._open.records if self._open else ())]

    def missing(self, records: list[ListedMember]) -> set[int]:
        """Numbers of the members whose content should be here and is not, or not whole."""
        sizes: dict[int, int] = {}
        with staging_errors(self.folder):
            for folder in (self.folder / "files").glob("*"):
                with os.scandir(folder) as entries:
                    sizes |= {int(e.name): e.stat().st_size for e in entries if e.name.isdecimal()}
        return {r.number for r in records if r.reason is None and sizes.get(r.number) != r.bytes}

    def begin(self) -> None:
        """Make room: nobody else writes here now."""
        with staging_errors(self.folder):
            for folder in (self.folder, self.folder / "manifest", *(self.folder / "files").glob("*")):
                remove_unfinished(folder)
            (self.folder / "end.json").unlink(missing_ok=True)

    def add(self, number: int, record: ListedMember | None, ignored: str | None) -> None:
        """Note a member; numbers are added in order, and members that are nothing to list too."""
        piece = self._open
        if piece is None:
            piece = self._open = _Piece(number, number)
        piece.next = number + 1
        if record is not None:
            piece.records.append(record)
        if ignored is not None and ignored not in piece.ignored[-1:]:
            piece.ignored.append(ignored)
        if piece.next % _PIECE == 0:
            self._write()

    def finish(self, end: End) -> None:
        """Note how it ended."""
        self._write()
        write_durably(self.folder / "end.json", json.dumps(asdict(end)).encode())

    def _write(self) -> None:
        if self._open is not None:
            path = self.folder / "manifest" / f"{self._open.first:012d}.json"
            write_durably(path, json.dumps(asdict(self._open)).encode())
            self._open = None

    def _pieces(self) -> Iterator[_Piece]:
        for path in sorted((self.folder / "manifest").glob("[0-9]*.json")):
            content = json.loads(path.read_bytes())
            records = [ListedMember(**r | {"reason": _reason(r["reason"])}) for r in content["records"]]
            yield _Piece(content["first"], content["next"], records, content["ignored"])


def _reason(code: str | None) -> Reason | None:
    return None if code is None else Reason(code)
