"""Every table's columns, types, units and meaning.

The one place where a column is defined: tables are created from it, checks compare with it, and the data
dictionary in `docs/` is generated from it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pyarrow as pa


@dataclass(frozen=True, order=True)
class Partition:
    """One day of arrival of one category: what is loaded, checked and replaced as a whole."""

    date: dt.date
    category: str

    def __str__(self) -> str:
        return f"{self.date.isoformat()} {self.category}"


@dataclass(frozen=True)
class Column:
    """One column: its Arrow type, its unit (empty where there is none) and what it means."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table under `<store>/<dataset>/<name>`."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    partitioned: bool = True

    @property
    def partition_by(self) -> list[str]:
        """The partition columns, in the order of the folders."""
        return ["date", "category"] if self.partitioned else []

    @property
    def arrow(self) -> pa.Schema:
        """The Arrow schema of the table, partition columns last."""
        return pa.schema([*self.file_schema, *(PARTITION_SCHEMA if self.partitioned else [])])

    @property
    def file_schema(self) -> pa.Schema:
        """The Arrow schema inside a file: without the partition columns, which are the folder's name."""
        return pa.schema([pa.field(c.name, c.type, c.nullable) for c in self.columns])


PARTITION_COLUMNS = (
    Column("date", pa.date32(), "Day of arrival, in the dataset's time zone"),
    Column("category", pa.string(), "Category that the image was delivered under"),
)
PARTITION_SCHEMA = pa.schema([pa.field(c.name, c.type, nullable=False) for c in PARTITION_COLUMNS])

IMAGE_ID = Column("image_id", pa.string(), "SHA-256 of the file's bytes, lower-case hexadecimal")
LABEL = Column("label", pa.int16(), "Integer label of the category, as the dataset file gives it")
SOURCE = Column("source", pa.string(), "Where the file came from: its path below the landing zone")
FILE_BYTES = Column("bytes", pa.int64(), "Size of the file", "bytes")

ARRIVALS = TableSchema(
    "arrivals",
    "Every file that the source listed, whatever became of it.",
    (SOURCE, FILE_BYTES),
)

RAW_IMAGES = TableSchema(
    "raw_images",
    "Every accepted image, once.",
    (
        IMAGE_ID,
        LABEL,
        SOURCE,
        Column("format", pa.string(), "Format found in the content: jpeg, png, webp, gif, bmp or tiff"),
        Column("width", pa.int32(), "Width after the EXIF orientation is applied", "pixels"),
        Column("height", pa.int32(), "Height after the EXIF orientation is applied", "pixels"),
        FILE_BYTES,
        Column("thumbnail", pa.binary(), "JPEG of at most 96 pixels a side"),
        Column("content", pa.binary(), "The file itself, unchanged"),
    ),
)

DUPLICATES = TableSchema(
    "duplicates",
    "Every file whose bytes were loaded already: in the same partition or in another.",
    (
        IMAGE_ID,
        SOURCE,
        FILE_BYTES,
        Column("original_date", pa.date32(), "Day of the partition that holds the image"),
        Column("original_category", pa.string(), "Category of the partition that holds the image"),
        Column("original_source", pa.string(), "Source of the image that was loaded"),
    ),
)

QUARANTINE = TableSchema(
    "quarantine",
    "Every file that was refused, with the reason.",
    (
        SOURCE,
        FILE_BYTES,
        Column(
            "image_id", pa.string(), "SHA-256 of the file's bytes; null where they could not be read", nullable=True
        ),
        Column("reason", pa.string(), "Reason code, see the table of reasons"),
        Column("detail", pa.string(), "What exactly was wrong, for a person"),
    ),
)

IMAGE_FEATURES = TableSchema(
    "image_features",
    "One feature vector for every loaded image.",
    (
        IMAGE_ID,
        LABEL,
        Column(
            "features",
            pa.list_(pa.field("element", pa.float32(), nullable=False)),
            "Feature vector; the width follows the extractor",
        ),
        Column("extractor", pa.string(), "Digest of the extractor's weights and settings"),
    ),
)

EMBEDDING = TableSchema(
    "embedding",
    "The map: every image's place in the t-SNE of all features.",
    (
        IMAGE_ID,
        LABEL,
        Column("x", pa.float32(), "First coordinate of the map"),
        Column("y", pa.float32(), "Second coordinate of the map"),
    ),
    partitioned=False,
)

LABEL_SUSPECTS = TableSchema(
    "label_suspects",
    "Images to look at: whose label is probably wrong, or which are far from their category.",
    (
        IMAGE_ID,
        LABEL,
        *PARTITION_COLUMNS,
        Column("kind", pa.string(), "`label`: another category is more probable; `outlier`: far from its category"),
        Column(
            "score",
            pa.float32(),
            "The higher, the more suspect. label: one minus the probability of the image's own label; outlier: "
            "distance to the category's nearest images in robust standard deviations",
        ),
        Column(
            "suggested_category",
            pa.string(),
            "The most probable other category; null for outliers",
            nullable=True,
        ),
        Column("probability", pa.float32(), "Of the suggested category; null for outliers", nullable=True),
    ),
    partitioned=False,
)

ACCOUNTING = TableSchema(
    "accounting",
    "The accounts: how many files arrived per day and category, and what became of them.",
    (
        *PARTITION_COLUMNS,
        Column("listed", pa.int64(), "Files that the source listed", "files"),
        Column("loaded", pa.int64(), "Of these: accepted images", "files"),
        Column("duplicates", pa.int64(), "Of these: loaded already", "files"),
        Column("quarantined", pa.int64(), "Of these: refused", "files"),
        Column("reasons", pa.string(), "The quarantine by reason, such as `empty 1, not_an_image 2`"),
    ),
    partitioned=False,
)

TABLES = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, IMAGE_FEATURES, EMBEDDING, LABEL_SUSPECTS, ACCOUNTING)


def shard_columns(width: int) -> tuple[Column, ...]:
    """Columns of a published shard: id, label and one column per feature."""
    return (
        Column("picture_id", pa.string(), "SHA-256 of the image file's bytes, lower-case hexadecimal"),
        Column("category_label", pa.int16(), LABEL.meaning),
        *(Column(f"feature_{i}", pa.float32(), f"Feature {i} of {width}") for i in range(1, width + 1)),
    )


def shard_schema(width: int) -> pa.Schema:
    """Arrow schema of a published shard with `width` features: `width + 2` columns."""
    return pa.schema([pa.field(c.name, c.type, c.nullable) for c in shard_columns(width)])
