"""Which images a process is at work at, noted so that it is known of one that ends in the middle of them.

What belongs here: the notes, in the cache of this machine. What is made of them is the matter of `ending`. A piece of
work has a file that is mapped into memory: to note an image costs a copy of its id and no call of the system, which
keeps what was noted however the process ends. Who writes holds a lock on the file, and removes it at the end; a file
that nobody holds was left behind. A power failure may lose it, and no image is at fault then.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import re
import uuid
from collections import deque
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from image_assets.places import PlaceError, cache_folder

_ID_BYTES = 64
"""An image id is the SHA-256 of the file, in hexadecimal digits."""
_WHOLE_ID = re.compile(rb"[0-9a-f]{64}")
_SUFFIX = ".ids"
_TRIES = 5

_of_this_process: set[Path] = set()


def notes_of(url: str) -> Path | None:
    """The folder of the notes of who makes rows of a table, on this machine; None where it has no usable cache."""
    try:
        return cache_folder() / "at-work" / hashlib.sha256(url.encode()).hexdigest()[:32]
    except PlaceError:
        return None


class AtWork:
    """The notes of a piece of work.

    Args:
        memory: What they are written into; None where nothing can be noted.
        threads: Of the piece.
        most: Images that a thread is at work at together.
    """

    def __init__(self, memory: mmap.mmap | None, threads: int, most: int) -> None:
        self._memory = memory
        self._free = deque(range(0, threads * most * _ID_BYTES, most * _ID_BYTES) if memory else ())
        self._bytes = most * _ID_BYTES

    @contextmanager
    def on(self, *image_ids: str) -> Iterator[None]:
        """Note that a thread is at work at images, until it leaves the block."""
        if self._memory is None or not self._free:
            yield
            return
        at = self._free.popleft()
        noted = "".join(image_ids).encode()[: self._bytes]
        self._memory[at : at + len(noted)] = noted
        try:
            yield
        finally:
            self._memory[at : at + len(noted)] = bytes(len(noted))
            self._free.append(at)


@contextmanager
def noting(folder: Path | None, threads: int, most: int = 1) -> Iterator[AtWork]:
    """Notes of a piece of work, which are gone at its end.

    Args:
        folder: Of `notes_of`; where nothing can be written there, the work goes on without notes.
        threads: Of the piece.
        most: Images that each of them is at work at together, at most.
    """
    length = threads * most * _ID_BYTES
    path = None if folder is None else folder / f"{os.getpid()}-{uuid.uuid4().hex}{_SUFFIX}"
    descriptor = None if path is None else _begun(path, length)
    if path is None or descriptor is None:
        yield AtWork(None, threads, most)
        return
    _of_this_process.add(path)
    try:
        with mmap.mmap(descriptor, length) as memory:
            yield AtWork(memory, threads, most)
    finally:
        _of_this_process.discard(path)
        path.unlink(missing_ok=True)
        os.close(descriptor)
        with suppress(OSError):  # others are at work there
            path.parent.rmdir()


def left_behind(folder: Path | None) -> set[str]:
    """The images that processes were at work at which have ended meanwhile."""
    found: set[str] = set()
    for path in _files(folder):
        with _left(path) as descriptor:
            found |= set(_ids(descriptor)) if descriptor is not None else set()
    return found


def forget(folder: Path | None, image_ids: Collection[str]) -> None:
    """Take images out of what was left behind."""
    for path in _files(folder):
        with _left(path) as descriptor:
            if descriptor is None:
                continue
            kept = [one for one in _ids(descriptor) if one not in image_ids]
            if kept:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, "".join(kept).encode(), 0)
            else:
                path.unlink(missing_ok=True)


def suspect(folder: Path | None, image_ids: Collection[str]) -> None:
    """Leave images behind, as if a process had ended that was at work at them."""
    if folder is not None and image_ids:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{uuid.uuid4().hex}{_SUFFIX}").write_text("".join(image_ids), encoding="ascii")


def end_notes() -> None:
    """Remove the notes of this process, which is to end now and by nobody's fault."""
    for path in [*_of_this_process]:
        path.unlink(missing_ok=True)


def _begun(path: Path, length: int) -> int | None:
    """A file of zeros that is held and mapped by nobody yet; None where the disk refuses it."""
    new = path.with_suffix(".new")
    descriptor = _new_file(new)
    if descriptor is None:
        return None
    try:
        # Of a file with holes, a disk that is full would end the process at the first note.
        if os.pwrite(descriptor, bytes(length), 0) != length:
            raise OSError(errno.ENOSPC, "the disk is full")
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        new.rename(path)
    except OSError:
        new.unlink(missing_ok=True)
        os.close(descriptor)
        return None
    return descriptor


def _new_file(path: Path) -> int | None:
    for _ in range(_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        except FileNotFoundError:  # who ended just now removed the folder
            continue
        except OSError:
            break
    return None


def _files(folder: Path | None) -> list[Path]:
    return sorted(folder.glob(f"*{_SUFFIX}")) if folder is not None else []


@contextmanager
def _left(path: Path) -> Iterator[int | None]:
    """A file of notes, open and ours, where nobody holds it; None where somebody does, or it is gone."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        yield None
    else:
        yield descriptor
    finally:
        os.close(descriptor)


def _ids(descriptor: int) -> Iterator[str]:
    noted = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    for at in range(0, len(noted), _ID_BYTES):
        one = noted[at : at + _ID_BYTES]
        # A process may end in the middle of a note.
        if _WHOLE_ID.fullmatch(one):
            yield one.decode()
