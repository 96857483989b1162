"""Places: the folders and buckets that a person names, understood in one way wherever they are named.

What belongs here: what a text means as a place, and why it cannot be one, said before anything is made. What does
not: opening a place, and what lies there. Nothing of the project is imported here.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from image_assets.environment import CACHE
from image_assets.errors import Explained

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ONE_SLASH = re.compile(r"(s3|gs|https?):/", re.IGNORECASE)
_USER = re.compile(r"(?<=://)(?!user:password@)[^/\s]*@")  # what is expected is said by such an example
_FILE = re.compile(r"file:", re.IGNORECASE)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_NOT_IN_PREFIX = re.compile(r"[?#\\\x00-\x1f\x7f]")
_KINDS = "expected a folder, file:///… or s3://bucket/prefix"


class PlaceError(Explained, ValueError):
    """A place that cannot be used: the message says, in one line, which, why not, and what can be."""


@dataclass(frozen=True)
class Place:
    """A local folder, or a part of a bucket.

    Attributes:
        folder: Absolute; None for a bucket.
        bucket: Its name; `""` for a folder.
        prefix: What the keys of a bucket begin with, without slashes at its ends; `""` for all of it.
    """

    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""

    @property
    def url(self) -> str:
        """The path of the folder as it is, or `s3://bucket/prefix`: one spelling of each place."""
        return str(self.folder) if self.folder else f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def without_user(text: str) -> str:
    """A URL as it may be shown: what stands before the host, which may be a password, is left out."""
    return _USER.sub("…@", text)


def place_of(text: str | os.PathLike[str], what: str, base: Path = Path()) -> Place:
    """The place that a text means.

    A folder is a path from here or from `/`, or a `file:` URL; `~` is the home folder. A path may hold any signs; in a
    `file:` URL, `%20` and the like stand for others. A bucket is `s3://bucket/prefix`, its prefix letter by letter.

    Args:
        text: What was said.
        what: What it is to be, for errors: "store".
        base: The folder that a relative path begins at; default: the current one.

    Raises:
        PlaceError: it means no folder and no bucket.
    """
    said = os.fspath(text)
    if not said.strip() or "\0" in said:
        raise PlaceError(f"{what} {said!r}: this names nothing; {_KINDS}")
    url = _URL.match(said.strip())
    if (url or _FILE.match(said.strip())) and said != said.strip():
        raise PlaceError(f"{what} {without_user(said)!r}: blanks around a URL; leave them out")
    if _FILE.match(said):
        return Place(_folder_of_url(said, what))
    if url and url[1].lower() == "s3":
        return _bucket(said, said[url.end() :], what)
    if url or _ONE_SLASH.match(said):
        raise PlaceError(f"{what} {without_user(said)!r}: {_KINDS}")
    return Place((base / _folder(said, said, what)).absolute())


def folder_of(text: str | os.PathLike[str], what: str) -> Path:
    """The absolute path of a folder, for what can only lie on a disk. Raises `PlaceError` as `place_of`."""
    place = place_of(text, what)
    if place.folder is None:
        raise PlaceError(f"{what} {os.fspath(text)!r}: expected a local folder")
    return place.folder


def make_folder(folder: Path, what: str) -> None:
    """Make a folder and those above it; one that is there stays as it is.

    Raises:
        PlaceError: the system does not allow it, or a file stands in its way.
    """
    refuse_below_file(folder, what)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlaceError(f"{what} {str(folder)!r}: the folder cannot be made: {error.strerror}") from None


def refuse_read_only(folder: Path, what: str) -> Path:
    """The folder, or the one above it that it would be made in.

    Raises:
        PlaceError: nothing can be put there.
    """
    refuse_below_file(folder, what)
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    if not os.access(there, os.W_OK | os.X_OK):
        where = "it" if there == folder else repr(str(there))
        raise PlaceError(f"{what} {str(folder)!r}: {where} may only be read; nothing was made or changed")
    return there


def refuse_below_file(folder: Path, what: str) -> None:
    """Raise `PlaceError` where a file, or a link that leads nowhere, stands in the place of a folder or above it."""
    for path in (folder, *folder.parents):
        if os.path.isdir(path):
            return
        # What is there now and no folder; between the two questions somebody else may have made the folder.
        if os.path.lexists(path) and not os.path.isdir(path):
            where = "it" if path == folder else repr(str(path))
            raise PlaceError(f"{what} {str(folder)!r}: {where} is a file; expected a folder")


def _folder(path: str, said: str, what: str) -> Path:
    if path.startswith("~"):
        expanded = os.path.expanduser(path)
        if expanded == path:
            user = path[1:].partition("/")[0]
            if not user:
                raise PlaceError(f"{what} {said!r}: there is no home folder, since HOME is not set; name another place")
            raise PlaceError(
                f"{what} {said!r}: there is no user {user!r}; a folder that is called so is {f'./{path}'!r}"
            )
        path = expanded
    # Two slashes at the beginning, which POSIX leaves open, mean one on every system that there is.
    return Path(re.sub("^//+", "/", path))


def _folder_of_url(said: str, what: str) -> Path:
    rest = said.partition(":")[2]
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise PlaceError(f"{what} {said!r}: the machine {host!r} is not this one; expected file:///…")
        rest = slash + path
    if not rest.startswith("/"):
        raise PlaceError(f"{what} {said!r}: expected file:///…, with the whole path")
    if "?" in rest or "#" in rest:
        raise PlaceError(f"{what} {said!r}: in a URL, ? is written %3F and # is written %23; or give the path alone")
    path = unquote(rest, errors="surrogateescape")
    if "\0" in path:
        raise PlaceError(f"{what} {said!r}: no path holds %00")
    return _folder(path, said, what)


def _bucket(said: str, rest: str, what: str) -> Place:
    name, _, prefix = rest.partition("/")
    expected = "expected s3://bucket or s3://bucket/prefix"
    if not _BUCKET.fullmatch(name):
        shown = without_user(f"://{name}").removeprefix("://")
        raise PlaceError(f"{what} {without_user(said)!r}: {shown!r} is no name of a bucket; {expected}")
    sign = _NOT_IN_PREFIX.search(prefix)
    if sign:
        raise PlaceError(f"{what} {said!r}: {sign[0]!r} cannot be in the prefix of a bucket; {expected}")
    parts = prefix.rstrip("/").split("/") if prefix.strip("/") else []
    if "." in parts or ".." in parts:
        raise PlaceError(f"{what} {said!r}: in a bucket, . and .. are no folders; {expected}")
    if "" in parts:
        plain = "/".join(filter(None, parts))
        raise PlaceError(f"{what} {said!r}: nothing between two slashes; is s3://{name}/{plain} meant?")
    return Place(bucket=name, prefix="/".join(parts))


def cache_folder() -> Path:
    """Where models and downloads are kept: the folder that `IMAGE_ASSETS_CACHE` names, else `~/.cache/image-assets`.

    Raises:
        PlaceError: the variable names no local folder, or there is no home folder.
    """
    return folder_of(CACHE.value or "~/.cache/image-assets", CACHE.name)


def home_of(store_url: str) -> Path | None:
    """Where runs of a store are recorded: the folder of `DAGSTER_HOME`, or one beside a local store.

    None where the store is a bucket and the variable is not set.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home:
        return Path(os.path.realpath(folder_of(home, "DAGSTER_HOME")))
    store = place_of(store_url, "store").folder
    return None if store is None else Path(os.path.realpath(store)).parent / "dagster"
