"""Model files where they lie: on this machine, in a bucket, or behind a URL, from which they are fetched once.

What is fetched is known by its SHA-256 beforehand and kept in the cache under it; a file there that is another one is
fetched again. What a file means stands elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path

from obstore.exceptions import BaseError

from image_assets.environment import CACHE
from image_assets.features.errors import EncoderError
from image_assets.places import Place, cache_folder
from image_assets.store.buckets import bucket_objects
from image_assets.whole_files import written_whole

_CHUNK = 1 << 20
_SECONDS = 60
_SCHEMES = ("s3", "https", "http")


def model_file(named: str, sha256: str | None) -> Path:
    """The local path of a model file, fetched where it is elsewhere and not kept yet.

    Args:
        named: A path, `s3://bucket/key` or a URL.
        sha256: Of its bytes; None only for a local file, whose bytes are then taken as they are.

    Raises:
        EncoderError: it is not there, cannot be fetched or kept, or has other bytes.
    """
    scheme, _, rest = named.partition("://")
    if not rest:
        return _local(Path(named), sha256)
    if scheme not in _SCHEMES:
        raise EncoderError(f"{named}: expected a path, s3://bucket/key, or an http or https URL")
    if sha256 is None:
        raise EncoderError(f"{named}: a file that is fetched needs its sha256, as `sha256sum FILE` says it")
    kept = cache_folder() / "models" / f"{sha256}{Path(rest.partition('?')[0]).suffix}"
    if not kept.is_file() or file_digest(kept) != sha256:
        _fetch(named, sha256, kept)
    return kept


def file_digest(file: Path) -> str:
    """SHA-256 of a file's bytes, 64 hexadecimal digits."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _local(file: Path, sha256: str | None) -> Path:
    if not file.is_file():
        what = "a folder" if file.is_dir() else "no such file"
        raise EncoderError(f"{file}: {what}; expected the path of a model file, from {os.getcwd()}")
    try:
        found = file_digest(file)
    except OSError as error:
        raise EncoderError(f"{file}: cannot be read ({error})") from None
    if sha256 not in (None, found):
        raise _others(str(file), sha256 or "", found)
    return file


def _fetch(named: str, sha256: str, kept: Path) -> None:
    """Bring a file into the cache; it is there whole and with the expected bytes, or not at all."""
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(kept) as stream:
            digest = hashlib.sha256()
            for chunk in _fetched(named):
                digest.update(chunk)
                stream.write(chunk)
            if digest.hexdigest() != sha256:
                raise _others(named, sha256, digest.hexdigest())
    except OSError as error:
        raise EncoderError(
            f"{named}: cannot be kept in {kept.parent} ({error}); {CACHE.name} names another folder"
        ) from None


def _others(named: str, expected: str, found: str) -> EncoderError:
    return EncoderError(f"{named}: its SHA-256 is {found}, expected {expected}; correct the sha256, or the file")


def _fetched(named: str) -> Iterator[bytes]:
    try:
        yield from _of_bucket(named) if named.startswith("s3://") else _of_url(named)
    except (OSError, HTTPException, BaseError) as error:  # those of urllib are OSErrors
        raise EncoderError(f"{named}: cannot be fetched ({' '.join(str(error).split())})") from None


def _of_bucket(named: str) -> Iterator[bytes]:
    bucket, _, key = named.removeprefix("s3://").partition("/")
    for chunk in bucket_objects(Place(bucket=bucket), {}).get(key).stream(min_chunk_size=_CHUNK):
        yield bytes(chunk)


def _of_url(named: str) -> Iterator[bytes]:
    with urllib.request.urlopen(named, timeout=_SECONDS) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
