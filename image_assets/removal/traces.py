"""Where removed images still are: everything of a dataset is read, and what holds their id or a name of theirs is told.

Of tables' files the columns of text and bytes are looked at, of archives their members, of all else the bytes. Pictures
are not compared: where an image's bytes or thumbnail lie, its id lies beside them, and pages that show pictures without
saying of which image go as a whole, see `models`.
"""

from __future__ import annotations

import html
import io
import json
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import ObjectStore

from image_assets.removal.tombstones import TOMBSTONES
from image_assets.store.objects import content_of, sizes_below
from image_assets.store.ranges import RangedStream, open_ranges
from image_assets.store.zip_damage import ZIP_DAMAGE
from image_assets.workers import ordered_map

_ARCHIVES = (".npz", ".skops")
_ROWS = 10_000


@dataclass(frozen=True)
class Sought:
    """What is looked for.

    Attributes:
        ids: Of images.
        names: Sources of their files.
    """

    ids: Collection[str]
    names: Collection[str] = ()

    @cached_property
    def needles(self) -> tuple[bytes, ...]:
        """The same as it may be written in files."""
        texts = {*self.ids, *self.names}
        texts |= {json.dumps(name)[1:-1] for name in self.names} | {html.escape(name) for name in self.names}
        return tuple(sorted(text.encode("utf-8", "surrogatepass") for text in texts if text))

    def within(self, content: bytes) -> bool:
        """Whether bytes hold any of it."""
        return any(needle in content for needle in self.needles)

    def in_file(self, objects: ObjectStore, path: str) -> bool:
        """Whether a stored file holds any of it. What cannot be read may, so it does; what is not there does not."""
        try:
            if path.endswith(".parquet"):
                return self._in_parquet(open_ranges(objects, path))
            content = content_of(objects, path) or b""
        except FileNotFoundError:
            return False
        return self._in_archive(content) if path.endswith(_ARCHIVES) else self.within(content)

    def _in_parquet(self, stream: RangedStream) -> bool:
        try:
            # Only the columns that are looked at are read: pictures can be many megabytes each.
            with pq.ParquetFile(pa.PythonFile(stream, mode="r"), pre_buffer=False) as file:
                names = [one.name for one in file.schema_arrow if _is_text(one)]
                wanted = pl.Series([*self.ids, *self.names], dtype=pl.String).implode()
                return any(
                    column.is_in(wanted).any()
                    for batch in file.iter_batches(_ROWS, columns=names)
                    for column in _texts(batch)
                )
        except (pa.ArrowInvalid, OSError):
            return True

    def _in_archive(self, content: bytes) -> bool:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return any(self.within(archive.read(name)) for name in archive.namelist())
        except ZIP_DAMAGE:
            return True


def traces(objects: ObjectStore, sought: Sought) -> list[str]:
    """The paths of all files of a dataset that hold any of what is sought, but for tombstones; sorted.

    Args:
        objects: Rooted at the dataset's folder.
        sought: What.
    """
    paths = sorted(path for path in sizes_below(objects) if not path.startswith(f"{TOMBSTONES}/"))

    def holds(path: str) -> bool:
        return sought.within(path.encode()) or sought.in_file(objects, path)

    return [path for path, found in zip(paths, ordered_map(holds, paths), strict=True) if found]


def _is_text(field: pa.Field) -> bool:
    kind = field.type.value_type if pa.types.is_list(field.type) else field.type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _texts(batch: pa.RecordBatch) -> Iterator[pl.Series]:
    for column in pl.DataFrame(batch).iter_columns():
        yield column.explode() if isinstance(column.dtype, pl.List) else column
