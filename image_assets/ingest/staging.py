"""Staging: where sources put what they bring near, downloads and members of archives, before it is loaded.

Names in it are our own, never names from outside. A file is there whole or not at all. All of it may be deleted at
any time and is then made again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from image_assets.alone import locked
from image_assets.environment import STAGING
from image_assets.ingest.folder import landing_place, source_folder
from image_assets.ingest.source import SourceError, printable
from image_assets.places import cache_folder
from image_assets.whole_files import written_whole


def staging_folder(spec_staging: str | None, landing: str | Path) -> Path:
    """The staging folder of a source.

    Args:
        spec_staging: The setting `staging` of the source's section; it decides where it is given.
        landing: The landing zone, as a path or URL.

    Returns:
        The folder that is given; else one for this landing zone below the folder that `IMAGE_ASSETS_STAGING` names;
        else `.staging` in a local landing zone; else one below the cache folder. It need not exist.

    Raises:
        SourceError: one of them is no local folder.
    """
    if spec_staging:
        return source_folder(spec_staging, "source.staging")
    place = landing_place(landing)
    local = Path(os.path.realpath(place.folder)) if place.folder else None
    mark = hashlib.sha256(os.fsencode(local or place.url)).hexdigest()[:16]
    if STAGING.value:
        return source_folder(STAGING.value, STAGING.name) / mark
    return local / ".staging" if local else cache_folder() / "staging" / mark


@contextmanager
def staged(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file at `path`, as by `written_whole`; its folder is made.

    Raises:
        SourceError: the disk refuses it.
    """
    with staging_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as stream:
            yield stream


def write_durably(path: Path, content: bytes) -> None:
    """Put a small file in place, whole, to outlive a power failure. Raises `SourceError` as `staged`."""
    with staged(path) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file at `path`, waiting for whoever holds it.

    Raises:
        SourceError: the disk refuses the file.
    """
    with ExitStack() as stack:
        with staging_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path))
        yield


@contextmanager
def staging_errors(path: Path) -> Iterator[None]:
    """Turn the disk's refusals into a `SourceError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise SourceError(
            f"staging {printable(str(path))}: {error.strerror or error}; make room or name another folder with "
            f"`source.staging` in the dataset file or with {STAGING.name}"
        ) from None
