"""A bucket as a tree of files, and the source whose days are those of the objects' last modification."""

from __future__ import annotations

import datetime as dt
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError
from obstore.store import LocalStore, ObjectStore

from image_assets.ingest.day_folders import days_among, files_below
from image_assets.ingest.folder import ignored_part, is_ignored, landing_place
from image_assets.ingest.object_listing import Object, S3Objects, objects_of
from image_assets.ingest.source import (
    FileTree,
    Listing,
    SourceAway,
    SourceChanged,
    SourceError,
    SourceFile,
    SourceReadError,
    SourceUnreadable,
    Unplaced,
    printable,
)
from image_assets.store.buckets import bucket_objects
from image_assets.store.ranges import RangedStream
from image_assets.store.retrying import read_again
from image_assets.store.trouble import said_of
from image_assets.wording import some
from image_assets.workers import Progress

_RANGE = 8 << 20
_RANGES_AT_ONCE = 4
_BUFFER = 1 << 20

Between = tuple[dt.datetime, dt.datetime]
"""From the first moment up to, not including, the second."""


class BucketTree:
    """Objects below `s3://bucket/prefix`, or files below a local folder.

    Args:
        url: Where they lie.
        options: Options of the object store under object_store's names, such as `aws_endpoint`.
        ignore: Shell patterns of file and folder names that are no arrivals.
        between: Only objects that were last modified in this time.

    Raises:
        SourceError: another kind of URL.
    """

    def __init__(
        self,
        url: str,
        options: Mapping[str, str] | None = None,
        ignore: Sequence[str] = (),
        between: Between | None = None,
    ) -> None:
        self.url = url
        self.options = dict(options or {})
        self.ignore = tuple(ignore)
        self.between = between
        self.objects = objects_of(url, self.options)

    def folders(self, path: str) -> list[str]:
        """Printable names of the folders directly below, sorted, whenever they came to be; see `FileTree`."""
        names, _ = self.objects.level(path)
        return sorted(printable(name) for name in names if not is_ignored(name, self.ignore))

    def loose_files(self, path: str) -> list[SourceFile]:
        """Objects directly below; see `FileTree`."""
        _, objects = self.objects.level(path)
        return sorted(self._chosen(objects, path, set()), key=lambda file: file.source)

    def fetch(self, path: str, progress: Progress) -> None:
        """Nothing: objects are read where they are."""

    def files(self, path: str) -> Listing:
        """Everything below; see `FileTree`."""
        ignored: set[str] = set()
        files = self._chosen(self.objects.below(path), path, ignored)
        return Listing(tuple(sorted(files, key=lambda file: file.source)), len(ignored))

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed object; a large one comes in several ranges at once. See `FileTree`."""
        size = min(file.bytes, max_bytes + 1)
        starts = range(0, size, _RANGE)
        read = partial(self._read_range, file)
        if len(starts) <= 1:
            return read(0, size)
        with ThreadPoolExecutor(_RANGES_AT_ONCE) as pool:
            return b"".join(pool.map(lambda start: read(start, min(start + _RANGE, size)), starts))

    def open(self, file: SourceFile) -> BinaryIO:
        """A listed object as a seekable stream; see `FileTree`."""
        raw = RangedStream(file.bytes, partial(self._read_range, file))
        return cast(BinaryIO, io.BufferedReader(raw, _BUFFER))

    def days(self, zone: ZoneInfo) -> set[dt.date]:
        """Days on which anything was last modified, in a time zone. All objects are listed for it."""
        return {one.modified.astimezone(zone).date() for one in self.objects.below("")}

    def _chosen(self, objects: Iterator[Object] | list[Object], path: str, ignored: set[str]) -> Iterator[SourceFile]:
        for one in objects:
            if self.between and not self.between[0] <= one.modified < self.between[1]:
                continue
            if left_out := ignored_part(one.key, self.ignore, len(path) + 1 if path else 0):
                ignored.add(left_out)
            else:
                version, locator = f"{one.etag}-{one.bytes}", f"{one.etag}\n{one.key}"
                yield SourceFile(printable(one.key), one.bytes, version, locator, self._settled(one))

    def _settled(self, one: Object) -> bool:
        """What lies on a disk has an ETag of its times, which are not all that changes."""
        return bool(one.etag) and isinstance(self.objects, S3Objects)

    def _read_range(self, file: SourceFile, start: int, end: int) -> bytes:
        """Bytes `start` to `end` of an object as it was listed. Raises `SourceReadError`."""
        if start >= end:
            return b""
        etag, _, key = file.locator.partition("\n")
        if _is_odd(key):
            return self._read_odd(file, key, etag)[start:end]
        try:
            content = read_again(lambda: _get(self._store(), key, etag, start, end))
        except PreconditionError:
            raise SourceChanged(f"{file.source}: it was replaced since it was listed") from None
        except FileNotFoundError:
            raise SourceChanged(f"{file.source}: it was deleted since it was listed") from None
        except (PermissionDeniedError, UnauthenticatedError, PermissionError):
            raise SourceUnreadable(
                f"{file.source}: the bucket lists it, but these credentials may not read it; reading takes "
                "s3:GetObject. Nothing was loaded or refused"
            ) from None
        except (BaseError, OSError) as error:
            raise SourceAway(f"{file.source}: cannot be read: {str(error).split(chr(10))[0]}") from None
        if len(content) != end - start:
            raise SourceAway(f"{file.source}: {len(content):,} bytes came where {end - start:,} were asked for")
        return content

    def _read_odd(self, file: SourceFile, key: str, etag: str) -> bytes:
        """The whole of an object whose key obstore cannot name."""
        from botocore.exceptions import BotoCoreError, ClientError

        if not isinstance(self.objects, S3Objects):
            raise SourceReadError(f"{file.source}: cannot be read: this name takes `kind: folder`")
        try:
            return self.objects.read(key, etag)
        except (BotoCoreError, ClientError, OSError) as error:
            raise SourceUnreadable(f"{file.source}: cannot be read: {said_of(error)}") from None

    def _store(self) -> ObjectStore:
        return _store(self.url, tuple(sorted(self.options.items())))


class ByLastModified:
    """A source whose files lie under `<category>/**` and arrived on the day of their last modification.

    Args:
        bucket: Where they lie.
        zone: Time zone in which days begin.
        wrap: What opens archives in a tree, or leaves it as it is.
        known: The dataset's categories: a landing zone that holds none of them has another shape.
    """

    def __init__(
        self,
        bucket: BucketTree,
        zone: ZoneInfo,
        wrap: Callable[[FileTree], FileTree],
        known: Collection[str] = (),
    ) -> None:
        self.bucket = bucket
        self.zone = zone
        self.wrap = wrap
        self.known = frozenset(known)

    def days(self) -> list[dt.date]:
        """Days on which something was last modified, ascending.

        Raises:
            SourceError: something is in the landing zone, and no folder of a category.
        """
        folders = self.bucket.folders("")
        if self.known.isdisjoint(folders) and (self.known or days_among(folders)):
            found = [*folders, *(file.source for file in self.bucket.loose_files(""))]
            days = "; `days: by_key` reads <day>/<category>/…" if days_among(folders) else ""
            if found:
                raise SourceError(
                    f"the landing zone has no folder named after a category; found {some(found)}; expected "
                    f"<category>/…, such as {min(self.known, default='owl')}/…, with `days: by_last_modified`{days}"
                )
        return sorted(self.bucket.days(self.zone))

    def misnamed(self) -> dict[str, dt.date]:
        """No folder means a day."""
        return {}

    def beside_days(self, categories: Collection[str]) -> list[str]:
        """Nothing: there are no folders of days, and what lies in no category is `unplaced`."""
        del categories
        return []

    def categories(self, day: dt.date) -> list[str]:
        """Printable names of the folders, of whatever day, and of objects of this day that lie in none, sorted."""
        tree = self._tree(day)
        return sorted({*tree.folders(""), *(file.source for file in tree.loose_files(""))})

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        """What was last modified on a day in none of the categories."""
        tree = self._tree(day)
        loose = {file.source for file in tree.loose_files("")}
        found = {name: files_below(self, day, name) for name in tree.folders("") if name not in categories}
        names = {name for name, files in found.items() if files}  # folders are of whatever day
        return Unplaced(tuple(sorted(names | loose)), len(loose) + sum(found.values()))

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Unpack the day's archives."""
        self._tree(day).fetch(category, progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """Files of a category that were last modified on a day."""
        return self._tree(day).files(category)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file; see `Source`."""
        return self.wrap(self.bucket).read(file, max_bytes)

    def _tree(self, day: dt.date) -> FileTree:
        begin, end = (
            dt.datetime.combine(date, dt.time(), self.zone).astimezone(dt.UTC)
            for date in (day, day + dt.timedelta(days=1))
        )
        return self.wrap(BucketTree(self.bucket.url, self.bucket.options, self.bucket.ignore, (begin, end)))


def _is_odd(key: str) -> bool:
    """Whether obstore cannot name this key, or takes it for another."""
    return bool(re.search(r"[\x00-\x1f\x7f]", key)) or any(part in ("", ".", "..") for part in key.split("/"))


def _get(store: ObjectStore, key: str, etag: str, start: int, end: int) -> bytes:
    return bytes(obstore.get(store, key, options={"if_match": etag, "range": (start, end)}).bytes())


@lru_cache(maxsize=8)
def _store(url: str, options: tuple[tuple[str, str], ...]) -> ObjectStore:
    """One store per process and options, so that connections are kept."""
    place = landing_place(url)
    return LocalStore(place.folder) if place.folder else bucket_objects(place, dict(options))
