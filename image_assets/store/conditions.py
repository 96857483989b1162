"""Whether the server of a bucket honours conditional writes, with which of two runs one wins.

Amazon S3 does, and most others do. One that takes no notice of If-None-Match overwrites the commit that came first, and
nobody is told: what that run loaded is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from threading import Lock

import obstore
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, UnauthenticatedError
from obstore.store import ObjectStore

from image_assets.places import PlaceError
from image_assets.store.s3 import s3_settings

_MARK = ".conditional-writes-"
_CONTENT = b"The server of this bucket was seen to refuse a second object of this name.\n"
_NO_RIGHT = (PermissionError, PermissionDeniedError, UnauthenticatedError)
_seen: set[tuple[str, str]] = set()
_lock = Lock()


def mark_of(options: Mapping[str, str]) -> str:
    """The object that says that the server was tried: one of each, as buckets are copied from one to another."""
    endpoint = s3_settings(options).get("endpoint_url", "")
    return _MARK + hashlib.sha256(endpoint.encode()).hexdigest()[:12]


def refuse_ignored_conditions(objects: ObjectStore, url: str, options: Mapping[str, str]) -> None:
    """Try it out: the same object is created twice, and the second time has to fail.

    It costs a request per process where it was tried before, as the object stays, and two the first time.

    Args:
        objects: The store, rooted at `url`.
        url: Where it is.
        options: With which its server is reached.

    Raises:
        PlaceError: the second time succeeded.
    """
    mark = mark_of(options)
    with _lock:
        if (url, mark) in _seen:
            return
    try:
        _try(objects, url, mark)
    except _NO_RIGHT:
        return  # whoever may not write loses nothing to others
    with _lock:
        _seen.add((url, mark))


def _try(objects: ObjectStore, url: str, mark: str) -> None:
    try:
        obstore.head(objects, mark)
        return
    except FileNotFoundError:
        pass
    try:
        for _ in range(2):
            obstore.put(objects, mark, _CONTENT, mode="create")
    except AlreadyExistsError:
        return
    obstore.delete(objects, mark)
    raise PlaceError(
        f"store {url!r}: its server takes no notice of If-None-Match, so that of two runs one would overwrite what the "
        "other has loaded; keep the store on a server that honours conditional writes, as Amazon S3 does"
    )
