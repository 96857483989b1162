"""What is known of the tables of earlier versions: which columns come from which, and what each version changed.

Whoever raises the `version` of a table's declaration says here what becomes of rows of the version before: nothing,
where a column is new that can be derived or may be null.
"""

from __future__ import annotations

import hashlib
from functools import partial

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.health.accounting import accounts_of
from image_assets.images.decode import decode
from image_assets.images.metrics import measure_copies
from image_assets.images.reasons import Rejected
from image_assets.images.thumbnail import small_copy, thumbnail
from image_assets.ingest.fingerprint import image_id
from image_assets.migrations.steps import CannotDerive, Derivation, Migrations, Where
from image_assets.schema import ACCOUNTING, METRIC_COLUMNS, RAW_IMAGES, REVIEWS
from image_assets.settings.stages import Limits
from image_assets.workers import ordered_map

# What was let in once is not refused for its size now.
_ANY_SIZE = Limits(max_bytes=2**40, max_pixels=2**40, max_side=2**31, min_side=1)
_OF_ACCOUNTS = tuple(column.name for column in ACCOUNTING.columns if column.name not in ("date", "category", "reasons"))


def _from_content(rows: pl.DataFrame, where: Where) -> pl.DataFrame:
    """All that loading finds out about an image, from the image itself."""
    seen = list(ordered_map(partial(_looked_at, where=where), rows["content"]))
    metrics = measure_copies([copy for _, copy in seen])
    found = [{**row, **measured._asdict()} for (row, _), measured in zip(seen, metrics, strict=True)]
    columns = [column for column in RAW_IMAGES.columns if column.name in _FROM_CONTENT]
    schema = pa.schema([pa.field(column.name, column.type) for column in columns])
    return pl.DataFrame(pl.from_arrow(pa.Table.from_pylist(found, schema)))


def _looked_at(content: bytes, where: Where) -> tuple[dict[str, object], np.ndarray]:
    try:
        image = decode(content, _ANY_SIZE)
    except Rejected as rejected:
        raise CannotDerive(f"{where.partition}: image {image_id(content)[:12]}: {rejected.detail}") from rejected
    height, width, _ = image.pixels.shape
    copy = small_copy(image.pixels)
    row = {"image_id": image_id(content), "bytes": len(content), "format": image.format}
    return {**row, "width": width, "height": height, "thumbnail": thumbnail(copy)}, copy


def _counted_anew(rows: pl.DataFrame, where: Where) -> pl.DataFrame:
    """The accounts of the same days and categories, from the tables that they count."""
    now = accounts_of(where.store, where.dataset).rows
    joined = rows.select("date", "category").join(now, on=["date", "category"], how="left", maintain_order="left")
    return joined.select(pl.col(_OF_ACCOUNTS).fill_null(0))


def _said_at_once(rows: pl.DataFrame, where: Where) -> pl.DataFrame:
    """What somebody decided at one moment was one decision; before there were batches, nothing was taken back."""
    del where
    said = rows.select(text=pl.concat_str(pl.col("decided_at").dt.to_string("iso"), "reviewer", separator=" "))["text"]
    names = {text: hashlib.sha256(text.encode()).hexdigest()[:16] for text in said.unique()}
    return pl.DataFrame({"batch": said.replace_strict(names, return_dtype=pl.String)}).with_columns(withdrawn=False)


_FROM_CONTENT = (
    *("image_id", "bytes", "format", "width", "height", "thumbnail"),
    *(column.name for column in METRIC_COLUMNS),
)

DECLARED = Migrations(
    derivations={
        RAW_IMAGES.name: (Derivation(_FROM_CONTENT, ("content",), _from_content),),
        ACCOUNTING.name: (Derivation(_OF_ACCOUNTS, ("date", "category"), _counted_anew),),
        REVIEWS.name: (Derivation(("batch", "withdrawn"), ("reviewer", "decided_at"), _said_at_once),),
    }
)
