"""The store: where the platform keeps everything that it makes, a local folder or a bucket.

`<store>/<dataset>/<table>` holds the Delta tables, `<store>/<dataset>/feature_shards` the published files and
`<store>/<dataset>/classifier` the model. Nothing else in the code knows whether the store is local.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, ObjectStore

from image_assets.dataset import DatasetSpec
from image_assets.places import (
    Place,
    PlaceError,
    make_folder,
    place_of,
    refuse_below_file,
    refuse_read_only,
    without_user,
)
from image_assets.schema import TableSchema
from image_assets.store.buckets import bucket_objects
from image_assets.store.conditions import refuse_ignored_conditions
from image_assets.store.s3 import s3_settings
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.trouble import said_of

_QUOTED = re.compile("%[0-9A-Fa-f]{2}")
# Written to see whether it can be; of a disk so many bytes, as a full one still takes a few.
_TOUCH, _TOUCHED = ".touched", 1_000_000


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
        self._makes_folders = True

    @classmethod
    def to_read(cls, url: str) -> Store:
        """A store to be read only: nothing is made in it, and one that is not there is empty.

        Raises:
            PlaceError: as the class, or it cannot be read.
        """
        store = cls(url)
        store._makes_folders = False
        if store.local is None:
            store._ask_bucket()
        elif store.local.is_dir() and not os.access(store.local, os.R_OK | os.X_OK):
            raise PlaceError(f"store {url!r}: there is no right to read it")
        return store

    @classmethod
    def to_write(cls, url: str) -> Store:
        """A store to be changed. It is written to once, so that a refusal comes before the work; nothing is left there.

        Raises:
            PlaceError: as the class, it cannot be written to, or its server overwrites what must not be overwritten.
        """
        store = cls(url)
        if store.local is None:
            store._ask_bucket(writing=True)
            return store
        try:
            with tempfile.TemporaryFile(dir=refuse_read_only(store.local, "store")) as file:
                file.write(bytes(_TOUCHED))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise PlaceError(f"store {url!r}: {error.strerror}") from None
        return store

    def _ask_bucket(self, *, writing: bool = False) -> None:
        endpoint = s3_settings(self.options).get("endpoint_url", "")
        if without_user(endpoint) != endpoint:
            # Libraries tell it in their errors, which are recorded.
            raise PlaceError(
                f"store {self.url!r}: AWS_ENDPOINT_URL has a user or a password in it; leave them out, "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are the keys"
            )
        objects = self.objects()
        try:
            # Some servers make the bucket that is written to.
            next(iter(objects.list(chunk_size=1)), None)
            if writing:
                obstore.put(objects, _TOUCH, b"")
                obstore.delete(objects, _TOUCH)
                self._see_conditions_honoured()
        except (BaseError, OSError) as error:
            raise PlaceError(f"store {self.url!r}: {said_of(error)}") from None

    def location(self, *parts: str) -> str:
        """The URL of something below the store."""
        return "/".join([self.url, *parts])

    def objects(self, *parts: str) -> ObjectStore:
        """An object store rooted below the store; a local folder is made when it is not there, unless to read."""
        if self.local is None:
            return bucket_objects(place_of(self.location(*parts), "store"), self.options)
        folder = self.local.joinpath(*parts)
        if not self._makes_folders and not folder.is_dir():
            return MemoryStore()
        make_folder(folder, "store")
        return LocalStore(folder)

    def table(self, dataset: str, schema: TableSchema, checkpoint_commits: int | None = None) -> PartitionedTable:
        """A table of a dataset.

        Args:
            dataset: Its name.
            schema: Which table.
            checkpoint_commits: What its file says of them; None, where that is not known: as the table has it.
        """
        url = self.location(dataset, schema.name)
        objects = self.objects(dataset, schema.name)
        check = self._see_conditions_honoured
        return PartitionedTable(url, schema, objects, self.options, check, checkpoint_commits)

    def table_to_write(self, dataset: DatasetSpec, schema: TableSchema) -> PartitionedTable:
        """A table of a dataset whose commits go by the settings of its file."""
        return self.table(dataset.name, schema, dataset.tables.checkpoint_commits)

    def _see_conditions_honoured(self) -> None:
        if self.local is None:
            refuse_ignored_conditions(self.objects(), self.url, self.options)


def _refuse_unwritable_names(place: Place, url: str) -> None:
    """Raise `PlaceError` for names that a table's log or a URL of its files cannot hold."""
    try:
        place.url.encode()
    except UnicodeEncodeError:
        raise PlaceError(f"store {url!r}: its path is no UTF-8; rename the folder") from None
    quoted = _QUOTED.search(place.prefix)
    if quoted:
        raise PlaceError(f"store {url!r}: {quoted[0]!r} cannot be in the prefix of a store; choose another one")
