"""Having a folder or a file to oneself, among the processes of a machine. Nothing of ours is imported here.

The system lets go of a lock when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(folder: Path, *, wait: bool = True) -> Iterator[bool]:
    """Keep others that use this function away from a folder that is there.

    Args:
        folder: The folder.
        wait: Whether to wait for whoever has it; else it is said whether it is ours.

    Yields:
        Whether it is ours until the end.
    """
    with _held(os.open(folder, os.O_RDONLY), wait) as ours:
        yield ours


@contextmanager
def locked(path: Path, *, wait: bool = True, mode: int = 0o666) -> Iterator[bool]:
    """Hold a lock file, which is made where it is missing with these rights, but for the umask; see `alone`.

    Raises:
        OSError: it cannot be opened, or is a link: what that leads to is somebody else's, and nothing is made there.
    """
    with _held(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode), wait) as ours:
        yield ours


@contextmanager
def _held(descriptor: int, wait: bool) -> Iterator[bool]:
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            ours = True
        except BlockingIOError:
            ours = False
        yield ours
    finally:
        os.close(descriptor)
