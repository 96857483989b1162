"""The store: where the platform keeps everything that it makes, a local folder or a bucket.

`<store>/<dataset>/<table>` holds the Delta tables, `<store>/<dataset>/feature_shards` the published files and
`<store>/<dataset>/classifier` the model. Nothing else in the code knows whether the store is local.
"""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.store import LocalStore, ObjectStore, from_url

from image_assets.schema import TableSchema
from io_managers.delta_tables import PartitionedTable
from io_managers.s3 import UsualCredentials, s3_settings

_ALLOW_HTTP = "aws_allow_http"
# A server that is away for seconds is waited for; longer than that, the run's own retries wait.
_RETRIES = {"max_retries": 5, "retry_timeout": dt.timedelta(seconds=20)}


class StoreError(ValueError):
    """The store's URL cannot be used: the message says why and what is possible."""


class Store:
    """Opens tables and object stores below one URL.

    Args:
        url: A folder, a `file://` URL or `s3://bucket/prefix`.
        options: Options of the object store under object_store's names, such as `aws_endpoint`.

    Raises:
        StoreError: another kind of URL, or a local path that is no folder.
    """

    def __init__(self, url: str, options: dict[str, str] | None = None) -> None:
        self.local = local_folder(url)
        if self.local is None and not url.startswith("s3://"):
            raise StoreError(f"store {url!r}: expected a folder, file:///… or s3://bucket/prefix")
        if self.local is not None and self.local.exists() and not self.local.is_dir():
            raise StoreError(f"store {url!r} is a file; expected a folder")
        self.url = str(self.local) if self.local is not None else url.rstrip("/")
        self.options = dict(options or {})

    def location(self, *parts: str) -> str:
        """The URL of something below the store."""
        return "/".join([self.url, *parts])

    def objects(self, *parts: str) -> ObjectStore:
        """An object store rooted below the store; a local folder is made when it is not there."""
        url = self.location(*parts)
        if self.local is not None:
            return LocalStore(url, mkdir=True)
        # obstore wants the client's own options apart from those of S3; Delta takes both together.
        config = {name: value for name, value in self.options.items() if name != _ALLOW_HTTP}
        allow_http = self.options.get(_ALLOW_HTTP, os.environ.get(_ALLOW_HTTP.upper(), ""))
        client = {"allow_http": allow_http.lower() == "true"}
        own_keys = "aws_access_key_id" in s3_settings(self.options)
        provider = {} if own_keys else {"credential_provider": UsualCredentials()}
        return from_url(url, config=config, client_options=client, retry_config=_RETRIES, **provider)  # pyright: ignore  # options by their names

    def table(self, dataset: str, schema: TableSchema) -> PartitionedTable:
        """A table of a dataset."""
        url = self.location(dataset, schema.name)
        return PartitionedTable(url, schema, self.objects(dataset, schema.name), self.options)


def local_folder(url: str) -> Path | None:
    """The absolute path that a local URL means, None for a URL of another scheme."""
    if url.startswith("file://"):
        return Path(unquote(urlsplit(url).path)).resolve()
    return None if "://" in url else Path(url).expanduser().resolve()
