"""Links to single objects of a bucket, signed by whoever may read them: nobody can take one back before its time."""

from __future__ import annotations

import datetime as dt

import obstore
from obstore.store import ObjectStore, S3Store

from image_assets.errors import UsageError

LONGEST = dt.timedelta(days=7)
"""What the signature of S3, SigV4, allows; temporary credentials end a link before its time."""


def presigned(objects: ObjectStore, path: str, lasts: dt.timedelta) -> str:
    """A URL that reads an object for a time.

    Args:
        objects: Where it is.
        path: The object's.
        lasts: For how long; counted in seconds, at least one.

    Raises:
        UsageError: for longer than signatures hold, or of what is no bucket.
    """
    if not isinstance(objects, S3Store):
        raise UsageError("only what lies in a bucket has signed links of its own; this store is a folder")
    if lasts > LONGEST:
        raise UsageError(f"a signed link to a bucket holds for {LONGEST.days} days at most; say a shorter time")
    return obstore.sign(objects, "GET", path, max(lasts, dt.timedelta(seconds=1)))
