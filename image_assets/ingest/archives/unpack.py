"""Unpacking one archive into its shelf, with the archives that are nested in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO

from image_assets.images.reasons import Reason
from image_assets.ingest.archives.caps import Budget, CapReached
from image_assets.ingest.archives.formats import is_archive_name, reader_of
from image_assets.ingest.archives.manifest import End, ListedMember, Shelf
from image_assets.ingest.archives.member import (
    ArchiveBroken,
    GuardedStream,
    Member,
    MemberRefused,
    StreamFailed,
    listed_path,
)
from image_assets.ingest.folder import ignored_part
from image_assets.ingest.source import SourceReadError, printable
from image_assets.ingest.staging import staged
from image_assets.settings.arrivals import Archives

_CHUNK = 1 << 20

Tell = Callable[[int], None]
"""Called after every member with the position in the archive, bytes."""


def is_complete(shelf: Shelf) -> bool:
    """Whether all of an archive is there, so that it need not be opened again."""
    end = shelf.end()
    if end is None or not end.final:
        return False
    records, _, _ = shelf.records()
    return not shelf.missing(records) and all(is_complete(shelf.nested(r.number)) for r in records if r.is_archive)


class Unpacker:
    """Unpacks archives.

    Args:
        caps: What an archive may cost.
        ignore: Shell patterns of file and folder names that are no arrivals.
    """

    def __init__(self, caps: Archives, ignore: Sequence[str]) -> None:
        self._caps = caps
        self._ignore = tuple(ignore)

    def unpack(self, opened: Callable[[], BinaryIO], size: int, shelf: Shelf, tell: Tell) -> None:
        """Bring an archive's members into its shelf; what is there already is not written again.

        Whatever is wrong with the archive is noted in the shelf.

        Args:
            opened: Opens the archive.
            size: Its size, bytes.
            shelf: Where to; nobody else writes there now.
            tell: Called after every member.

        Raises:
            SourceError: staging cannot be written. What is there stays.
        """
        if is_complete(shelf):
            return
        budget = Budget(self._caps, size)
        try:
            with opened() as stream:
                self._unpack(stream, shelf, budget, 1, tell)
        except CapReached:
            pass  # noted in the shelf
        except SourceReadError as error:
            shelf.finish(End(False, error.reason, str(error)))

    def _unpack(self, stream: BinaryIO, shelf: Shelf, budget: Budget, depth: int, tell: Tell) -> None:
        shelf.begin()
        members, size = budget.members, budget.bytes

        def end(final: bool, reason: Reason | None = None, detail: str = "", is_archive: bool = True) -> None:
            shelf.finish(End(final, reason, detail, budget.members - members, budget.bytes - size, is_archive))

        walk = _Walk(self, shelf, budget, depth, tell)
        try:
            is_archive = walk.run(stream)
        except CapReached as cap:  # of the outermost archive, with all that is in it
            end(True, cap.reason if depth == 1 else None, f"{walk.where}: {cap}")
            raise
        except ArchiveBroken as broken:
            end(True, broken.reason, f"{walk.where}: {broken}")
        except StreamFailed as failed:
            end(False, Reason.UNREADABLE, f"{walk.where}: {failed}")
        else:
            if is_archive and not walk.brought_anything:
                end(True, Reason.ARCHIVE_EMPTY, f"an empty archive: no file among its {walk.members:,} entries")
            else:
                end(True, is_archive=is_archive)

    def nested(self, record: ListedMember, shelf: Shelf, budget: Budget, depth: int) -> None:
        """Unpack an archive that is a member."""
        inner = shelf.nested(record.number)
        end = inner.end()
        if end is not None and is_complete(inner):
            budget.add_members(end.members)
            budget.add_bytes(end.bytes)
            return
        with open(shelf.file(record.number), "rb") as stream:
            self._unpack(stream, inner, budget, depth + 1, lambda _: None)

    def take(
        self, name: str, chunks: Callable[[], Iterator[bytes]], number: int, shelf: Shelf, depth: int
    ) -> ListedMember:
        """Bring a member's content into the shelf, or note why it is not to be had."""
        try:
            with staged(shelf.file(number)) as stream:
                for chunk in chunks():
                    stream.write(chunk)
        except MemberRefused as refusal:
            return ListedMember(number, name, 0, refusal.reason, str(refusal))
        return self.judge(number, name, shelf, depth)

    def judge(self, number: int, name: str, shelf: Shelf, depth: int) -> ListedMember:
        """The record of a member whose content is there."""
        file = shelf.file(number)
        size = file.stat().st_size
        if not is_archive_name(name):
            return ListedMember(number, name, size)
        with file.open("rb") as stream:
            is_archive = reader_of(GuardedStream(stream)) is not None
        if is_archive and depth >= self._caps.nesting:
            file.unlink()
            detail = f"an archive within {depth} other(s); at most {self._caps.nesting} lie in each other"
            return ListedMember(number, name, 0, Reason.ARCHIVE_NESTING, detail)
        return ListedMember(number, name, size, is_archive=is_archive)

    def ignored(self, name: str) -> str | None:
        """The part of a member's path that the patterns leave out, down to the name that one of them means."""
        part = ignored_part(name, self._ignore)
        return None if part is None else printable(part)


class _Walk:
    """Goes through the members of one archive."""

    def __init__(self, unpacker: Unpacker, shelf: Shelf, budget: Budget, depth: int, tell: Tell) -> None:
        self._unpacker = unpacker
        self._shelf = shelf
        self._budget = budget
        self._depth = depth
        self._tell = tell
        self._done = 0
        self._in: str | None = None
        self._numbers: dict[str, int] | None = None  # of the members so far by name, from the first hard link on
        self.brought_anything = False

    @property
    def members(self) -> int:
        """Entries gone through, folders too."""
        return self._done

    @property
    def where(self) -> str:
        """How far it came, in words."""
        return f"after {self._done:,} member(s)" + (f", in {self._in}" if self._in else "")

    def run(self, stream: BinaryIO) -> bool:
        """Bring all members into the shelf; False where it is no archive."""
        records, known, ignored = self._shelf.records()
        self.brought_anything = bool(records or ignored)
        here = {record.number: record for record in records}
        missing = self._shelf.missing(records)
        guarded = GuardedStream(stream)
        reader = reader_of(guarded)
        if reader is None:
            return False
        for number, member in enumerate(reader(guarded, self._budget.add_bytes)):
            self._in = printable(member.path)
            self._budget.add_members(1)
            if number < known and number not in missing:
                record = here.get(number)
                self._count_passed(member, record)
            else:
                record = self._take(member, number, is_new=number >= known)
            if record is not None and record.is_archive:
                self._unpacker.nested(record, self._shelf, self._budget, self._depth)
            if record is not None and self._numbers is not None and _is_file(record):
                self._numbers[record.name] = number
            self._done, self._in = number + 1, None
            self._tell(member.consumed)
        return True

    def _take(self, member: Member, number: int, *, is_new: bool) -> ListedMember | None:
        ignored = self._unpacker.ignored(member.path)
        record = None
        if ignored is None and not member.is_folder:
            if self._is_here(member, number):
                record = self._unpacker.judge(number, printable(member.path), self._shelf, self._depth)
                self._count_passed(member, record)
            else:
                chunks = member.chunks if member.link is None else partial(self._linked, member.link, number)
                record = self._unpacker.take(printable(member.path), chunks, number, self._shelf, self._depth)
        self.brought_anything |= record is not None or ignored is not None
        if is_new:
            self._shelf.add(number, record, ignored)
        return record

    def _is_here(self, member: Member, number: int) -> bool:
        """Whether a run that was killed before it could note the member has brought it."""
        file = self._shelf.file(number)
        return member.bytes is not None and file.is_file() and file.stat().st_size == member.bytes

    def _linked(self, link: str, number: int) -> Iterator[bytes]:
        """The content of the member before this one that a hard link names, as a tar keeps what has several names."""
        if self._numbers is None:
            self._numbers = {
                one.name: one.number for one in self._shelf.noted() if one.number < number and _is_file(one)
            }
        target = self._numbers.get(printable(listed_path(link)))
        if target is None:
            said = f"a hard link to {printable(link)[:200]}, of which no content came before it"
            raise MemberRefused(Reason.MEMBER_NO_FILE, said)
        with open(self._shelf.file(target), "rb") as stream:
            while chunk := stream.read(_CHUNK):
                self._budget.add_bytes(len(chunk))
                yield chunk

    def _count_passed(self, member: Member, record: ListedMember | None) -> None:
        if member.passed_unread and record is not None:
            self._budget.add_bytes(record.bytes)


def _is_file(record: ListedMember) -> bool:
    return record.reason is None
