"""The columns of published shards."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from image_assets.schema.table import LABEL, Column


def shard_columns(width: int) -> tuple[Column, ...]:
    """Columns of a published shard: id, label and one column per feature."""
    return (
        Column("picture_id", pa.string(), "SHA-256 of the image file's bytes, lower-case hexadecimal"),
        Column("category_label", pa.int16(), LABEL.meaning),
        *(Column(f"feature_{i}", pa.float32(), f"Feature {i} of {width}") for i in range(1, width + 1)),
    )


@cache
def shard_schema(width: int) -> pa.Schema:
    """Arrow schema of a published shard with `width` features: `width + 2` columns."""
    return pa.schema([pa.field(c.name, c.type, c.nullable) for c in shard_columns(width)])
