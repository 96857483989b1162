"""The store: where the platform keeps everything that it makes, a local folder or a bucket.

`<store>/<dataset>/<table>` holds the Delta tables, `<store>/<dataset>/feature_shards` the published files and
`<store>/<dataset>/classifier` the model. Nothing else in the code knows whether the store is local.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from obstore.store import LocalStore, ObjectStore, S3Store

from image_assets.places import Place, PlaceError, make_folder, place_of, refuse_below_file
from image_assets.schema import TableSchema
from io_managers.delta_tables import PartitionedTable
from io_managers.s3 import UsualCredentials, s3_settings

_ALLOW_HTTP = "aws_allow_http"
_QUOTED = re.compile("%[0-9A-Fa-f]{2}")
# A server that is away for seconds is waited for; longer than that, the run's own retries wait.
_RETRIES = {"max_retries": 5, "retry_timeout": dt.timedelta(seconds=20)}


class Store:
    """Opens tables and object stores below one URL.

    Args:
        url: A folder, a `file://` URL or `s3://bucket/prefix`.
        options: Options of the object store under object_store's names, such as `aws_endpoint`.

    Raises:
        PlaceError: another kind of URL, a local path that is no folder, or a name that tables cannot be below.
    """

    def __init__(self, url: str, options: dict[str, str] | None = None) -> None:
        place = place_of(url, "store")
        self.local: Path | None = None
        if place.folder is not None:
            self.local = Path(os.path.realpath(place.folder))
            refuse_below_file(self.local, "store")
        _refuse_unwritable_names(place, url)
        self.url = str(self.local) if self.local is not None else place.url
        self.options = dict(options or {})

    def location(self, *parts: str) -> str:
        """The URL of something below the store."""
        return "/".join([self.url, *parts])

    def objects(self, *parts: str) -> ObjectStore:
        """An object store rooted below the store; a local folder is made when it is not there."""
        if self.local is None:
            return bucket_objects(place_of(self.location(*parts), "store"), self.options)
        folder = self.local.joinpath(*parts)
        make_folder(folder, "store")
        return LocalStore(folder)

    def table(self, dataset: str, schema: TableSchema) -> PartitionedTable:
        """A table of a dataset."""
        url = self.location(dataset, schema.name)
        return PartitionedTable(url, schema, self.objects(dataset, schema.name), self.options)


def bucket_objects(place: Place, options: Mapping[str, str]) -> S3Store:
    """An object store rooted at a place in a bucket.

    Args:
        place: Which.
        options: Under object_store's names; what they do not say, the `AWS_…` environment variables say.
    """
    # obstore wants the client's own options apart from those of S3; Delta takes both together.
    config = {name: value for name, value in options.items() if name != _ALLOW_HTTP}
    allow_http = options.get(_ALLOW_HTTP, os.environ.get(_ALLOW_HTTP.upper(), ""))
    settings: dict[str, Any] = {
        "config": config,
        "client_options": {"allow_http": allow_http.lower() == "true"},
        "retry_config": _RETRIES,
    }
    if "aws_access_key_id" not in s3_settings(options):
        settings["credential_provider"] = UsualCredentials()
    return S3Store(place.bucket, prefix=place.prefix or None, **settings)


def _refuse_unwritable_names(place: Place, url: str) -> None:
    """Raise `PlaceError` for names that a table's log or a URL of its files cannot hold."""
    try:
        place.url.encode()
    except UnicodeEncodeError:
        raise PlaceError(f"store {url!r}: its path is no UTF-8; rename the folder") from None
    quoted = _QUOTED.search(place.prefix)
    if quoted:
        raise PlaceError(f"store {url!r}: {quoted[0]!r} cannot be in the prefix of a store; choose another one")
