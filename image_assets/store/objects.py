"""What every store of objects is asked for again and again."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import obstore
from obstore.store import ObjectStore


class Lying(NamedTuple):
    """An object as a listing has it: its bytes, and its version, which is another one where its content is another."""

    bytes: int
    version: str


def size_of(objects: ObjectStore, path: str) -> int | None:
    """How many bytes an object has; None where there is none."""
    try:
        return int(obstore.head(objects, path)["size"])
    except FileNotFoundError:
        return None


def content_of(objects: ObjectStore, path: str) -> bytes | None:
    """What an object holds; None where there is none."""
    try:
        return bytes(obstore.get(objects, path).bytes())
    except FileNotFoundError:
        return None


def holds_something(objects: ObjectStore) -> bool:
    """Whether there is any object."""
    return any(page for page in obstore.list(objects, chunk_size=1))


def sizes_below(objects: ObjectStore, prefix: str | None = None) -> dict[str, int]:
    """The paths of all objects below a prefix, each with its size in bytes."""
    return {str(one["path"]): int(one["size"]) for page in obstore.list(objects, prefix) for one in page}


def lying_below(objects: ObjectStore, prefix: str | None = None) -> dict[str, Lying]:
    """The paths of all objects below a prefix, each with its size and version."""
    return {
        str(one["path"]): Lying(int(one["size"]), _version(one))
        for page in obstore.list(objects, prefix)
        for one in page
    }


def _version(one: obstore.ObjectMeta) -> str:
    return f"{one['size']}\0{one['e_tag'] or one['last_modified']}"


def state_below(objects: ObjectStore, prefix: str | None = None, besides: str = "") -> str:
    """A digest of all objects below a prefix by path, size and version; of those below `besides` nothing is asked."""
    found = [
        f"{one['path']}\0{_version(one)}\n"
        for page in obstore.list(objects, prefix)
        for one in page
        if not besides or not str(one["path"]).startswith(besides)
    ]
    return hashlib.sha256("".join(sorted(found)).encode()).hexdigest()


def remove(objects: ObjectStore, *paths: str) -> None:
    """Remove objects; one that is not there, as another run was faster, is none to be removed."""
    for path in paths:
        try:
            obstore.delete(objects, path)
        except FileNotFoundError:
            continue
