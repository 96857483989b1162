"""Objects of a bucket, page by page: their keys as they are, whatever they are.

S3 is listed by boto3 and not by obstore, whose listing ends in an error at the first key with an empty part, a control
character or a `.` between slashes, and cannot tell `folder/` from `folder`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from image_assets.ingest.folder import landing_place
from image_assets.ingest.source import SourceAway, SourceError, printable
from image_assets.store.s3 import s3_client
from image_assets.store.trouble import said_of

if TYPE_CHECKING:
    from obstore import ObjectMeta


@dataclass(frozen=True)
class Object:
    """An object.

    Attributes:
        key: Below the landing zone.
        bytes: Its size.
        etag: Differs once the content does.
        modified: When it was put there.
    """

    key: str
    bytes: int
    etag: str
    modified: dt.datetime


class Objects(Protocol):
    """What can be listed. Each method raises `SourceError` where it cannot."""

    def below(self, path: str) -> Iterator[Object]:
        """All objects below a path, at any depth; `""` is the top."""
        ...

    def level(self, path: str) -> tuple[list[str], list[Object]]:
        """Names of the folders directly below a path, and the objects."""
        ...


def objects_of(url: str, options: Mapping[str, str]) -> Objects:
    """What lies at `s3://bucket/prefix` or in a local folder.

    Raises:
        SourceError: another kind of URL.
    """
    place = landing_place(url)
    if place.folder is not None:
        return LocalObjects(place.folder)
    return S3Objects(place.bucket, place.prefix, dict(options))


@dataclass(frozen=True)
class S3Objects:
    """Objects of an S3 bucket below a prefix."""

    bucket: str
    prefix: str
    options: dict[str, str]

    def below(self, path: str) -> Iterator[Object]:
        """See `Objects`."""
        for page in self._pages(path):
            yield from self._objects(page)

    def level(self, path: str) -> tuple[list[str], list[Object]]:
        """See `Objects`."""
        folders: list[str] = []
        objects: list[Object] = []
        begin = len(self._begin(path))
        for page in self._pages(path, Delimiter="/"):
            folders += [found["Prefix"][begin:-1] for found in page.get("CommonPrefixes", ())]
            objects += self._objects(page)
        return folders, objects

    def read(self, key: str, etag: str) -> bytes:
        """An object whose key obstore cannot name. Raises what boto3 raises."""
        got = self._client().get_object(Bucket=self.bucket, Key=self._begin("") + key, IfMatch=etag)
        return got["Body"].read()

    def _begin(self, path: str) -> str:
        return "".join(f"{part}/" for part in (self.prefix, path) if part)

    def _objects(self, page: dict[str, Any]) -> Iterator[Object]:
        begin = len(self._begin(""))
        for found in page.get("Contents", ()):
            if not (found["Key"].endswith("/") and not found["Size"]):  # what consoles put in the place of a folder
                yield Object(found["Key"][begin:], found["Size"], found["ETag"], found["LastModified"])

    def _pages(self, path: str, **more: str) -> Iterator[dict[str, Any]]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self._client().get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self.bucket, Prefix=self._begin(path), **more)
        except (BotoCoreError, ClientError) as error:
            said = f"landing zone s3://{self.bucket}/{self.prefix}: {said_of(error)}"
            raise (SourceError(said) if is_refusal(error) else SourceAway(said)) from None

    def _client(self) -> Any:
        return _client(tuple(sorted(self.options.items())))


@dataclass(frozen=True)
class LocalObjects:
    """Files of a local folder as if they were objects."""

    folder: Path

    def below(self, path: str) -> Iterator[Object]:
        """See `Objects`."""
        try:
            for page in obstore.list(self._store(), path or None):
                yield from map(_local_object, page)
        except (BaseError, OSError) as error:
            raise self._error(error) from None

    def level(self, path: str) -> tuple[list[str], list[Object]]:
        """See `Objects`."""
        try:
            found = obstore.list_with_delimiter(self._store(), path or None)
        except (BaseError, OSError) as error:
            raise self._error(error) from None
        folders = [prefix.rpartition("/")[2] for prefix in found["common_prefixes"]]
        return folders, [_local_object(meta) for meta in found["objects"]]

    def _store(self) -> LocalStore:
        if not self.folder.is_dir():
            raise SourceAway(f"landing zone {printable(str(self.folder))}: no such folder; name another one")
        return LocalStore(self.folder)

    def _error(self, error: Exception) -> SourceError:
        said = printable(str(error).split("\n\n")[0])
        return SourceError(f"landing zone {printable(str(self.folder))}: {said}; for any local name use `kind: folder`")


def is_refusal(error: Exception) -> bool:
    """Whether the bucket has answered no, or cannot be asked at all, which waiting does not mend."""
    from botocore.exceptions import NoCredentialsError, PartialCredentialsError

    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return isinstance(error, NoCredentialsError | PartialCredentialsError) or 300 <= status < 500


def _local_object(meta: ObjectMeta) -> Object:
    return Object(meta["path"], meta["size"], meta["e_tag"] or "", meta["last_modified"])


@lru_cache(maxsize=8)
def _client(options: tuple[tuple[str, str], ...]) -> Any:
    """One client per process and options; it may be used by several threads."""
    return s3_client(dict(options))
