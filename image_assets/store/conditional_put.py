"""Replacing a small file only where nobody else has replaced it since it was read: on S3, in memory and on a disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError, PreconditionError
from obstore.store import LocalStore, ObjectStore

from image_assets.alone import alone
from image_assets.errors import CanPass, Explained

if TYPE_CHECKING:  # the types are in obstore's stubs alone
    from obstore import PutMode


class ChangedMeanwhileError(CanPass, Explained, RuntimeError):
    """Somebody else has replaced the file since it was read."""


@dataclass(frozen=True)
class Stored:
    """A file as it was read."""

    content: bytes
    e_tag: str | None


def read_stored(store: ObjectStore, path: str) -> Stored | None:
    """A file's content and what the store calls this state of it; None where there is no file."""
    try:
        got = store.get(path)
    except FileNotFoundError:
        return None
    return Stored(bytes(got.bytes()), got.meta["e_tag"])


def put_if_unchanged(store: ObjectStore, path: str, content: bytes, previous: Stored | None) -> None:
    """Replace a file in one atomic step, provided that it still is what was read.

    A file that already has the content is left as it lies. On a disk, which knows no conditional writes, a lock on the
    folder keeps others that use this function away for the moment of comparing and replacing.

    Args:
        store: Where the file lies.
        path: Path within the store.
        content: What is to be its content.
        previous: What `read_stored` gave.

    Raises:
        ChangedMeanwhileError: it is not what was read any more; it stays as it is.
    """
    if previous is not None and previous.content == content == _content(read_stored(store, path)):
        return
    with _alone(store, path):
        if isinstance(store, LocalStore) and _content(read_stored(store, path)) != _content(previous):
            raise ChangedMeanwhileError(f"{path} was replaced by another run")
        mode: PutMode = "create" if previous is None else {"e_tag": previous.e_tag}
        try:
            store.put(path, content, mode="overwrite" if isinstance(store, LocalStore) else mode)
        except (AlreadyExistsError, PreconditionError) as error:
            # Also the fate of a write whose answer was lost and that was then tried again: it finds its own content.
            if _content(read_stored(store, path)) != content:
                raise ChangedMeanwhileError(f"{path} was replaced by another run") from error


def _content(stored: Stored | None) -> bytes | None:
    return stored.content if stored else None


@contextmanager
def _alone(store: ObjectStore, path: str) -> Iterator[None]:
    if not isinstance(store, LocalStore):
        yield
        return
    folder = Path(store.prefix or "/", path).parent
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        yield
