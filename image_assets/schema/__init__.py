"""Every table's columns, types, units and meaning.

The one place where a column is defined: tables are created from it, checks compare with it, and the data
dictionary in `docs/` is generated from it.
"""

from image_assets.schema.annotations import (
    BOX_QUARANTINE,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    IMAGE_LABELS,
    LABEL_SELECTION,
    SELECTED_IMAGES,
)
from image_assets.schema.images import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    LET_GO,
    METRIC_COLUMNS,
    QUARANTINE,
    RAW_IMAGES,
)
from image_assets.schema.models import CONFIDENT_LABELS, EMBEDDING, IMAGENET_PREDICTIONS, PREDICTIONS
from image_assets.schema.quality import (
    ACCOUNTING,
    DUPLICATE_GROUPS,
    LABEL_CONFLICTS,
    LABEL_SUSPECTS,
    NEAR_DUPLICATES,
    REVIEWS,
)
from image_assets.schema.shards import shard_columns, shard_schema
from image_assets.schema.table import PARTITION_COLUMNS, Column, Partition, TableSchema, partition_of

TABLES = (
    ARRIVALS,
    RAW_IMAGES,
    DUPLICATES,
    QUARANTINE,
    COMPANIONS,
    LET_GO,
    IMAGE_FEATURES,
    NEAR_DUPLICATES,
    DUPLICATE_GROUPS,
    LABEL_CONFLICTS,
    PREDICTIONS,
    REVIEWS,
    EMBEDDING,
    LABEL_SUSPECTS,
    ACCOUNTING,
    LABEL_SELECTION,
    SELECTED_IMAGES,
    IMAGE_LABELS,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    BOX_QUARANTINE,
    IMAGENET_PREDICTIONS,
    CONFIDENT_LABELS,
)

__all__ = [
    "ACCOUNTING",
    "ARRIVALS",
    "BOX_QUARANTINE",
    "COMPANIONS",
    "CONFIDENT_LABELS",
    "DUPLICATES",
    "DUPLICATE_GROUPS",
    "EMBEDDING",
    "IMAGENET_PREDICTIONS",
    "IMAGE_BOXES",
    "IMAGE_CHIPS",
    "IMAGE_FEATURES",
    "IMAGE_LABELS",
    "LABEL_CONFLICTS",
    "LABEL_SELECTION",
    "LABEL_SUSPECTS",
    "LET_GO",
    "METRIC_COLUMNS",
    "NEAR_DUPLICATES",
    "PARTITION_COLUMNS",
    "PREDICTIONS",
    "QUARANTINE",
    "RAW_IMAGES",
    "REVIEWS",
    "SELECTED_IMAGES",
    "TABLES",
    "Column",
    "Partition",
    "TableSchema",
    "partition_of",
    "shard_columns",
    "shard_schema",
]
