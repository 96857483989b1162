"""The tables of images: what arrived, what became of it, and the features."""

from __future__ import annotations

import pyarrow as pa

from image_assets.schema.table import FILE_BYTES, IMAGE_ID, LABEL, SOURCE, Column, TableSchema

ARRIVALS = TableSchema(
    "arrivals",
    "Every file that the source listed, whatever became of it.",
    (SOURCE, FILE_BYTES),
)

METRIC_COLUMNS = (
    Column(
        "brightness",
        pa.float32(),
        "Mean luma: 0 black … 1 white; this and what follows of a copy of the thumbnail's size",
    ),
    Column(
        "brightness_p05", pa.float32(), "Luma that 5 % of the pixels do not exceed: near 1 where nearly all is white"
    ),
    Column(
        "brightness_p99", pa.float32(), "Luma that 99 % of the pixels do not exceed: near 0 where nearly all is black"
    ),
    Column("contrast", pa.float32(), "Standard deviation of luma, 0 … 0.5"),
    Column(
        "sharpness", pa.float32(), "Variance of the Laplacian of the grey levels 0 … 255; near 0 where it is blurred"
    ),
    Column(
        "entropy",
        pa.float32(),
        "Entropy of the grey levels' histogram, 0 … 8; near 0 where there is hardly a picture",
        "bits",
    ),
    Column("colourfulness", pa.float32(), "After Hasler and Süsstrunk: 0 grey, 30 an ordinary photo, above 80 vivid"),
    Column(
        "greyscale", pa.bool_(), "Whether red, green and blue are the same in every pixel, give or take 8 of 255 levels"
    ),
    Column("perceptual_hash", pa.int64(), "pHash: 64 bits, of which pictures that look alike share nearly all"),
)
"""Of every image, measured as it is loaded: see `image_assets.images.metrics`."""

RAW_IMAGES = TableSchema(
    "raw_images",
    "Every accepted image, once.",
    (
        IMAGE_ID,
        LABEL,
        SOURCE,
        Column(
            "format", pa.string(), "Format found in the content: jpeg, png, webp, gif, bmp, tiff, avif, heic or jxl"
        ),
        Column("width", pa.int32(), "Width after the EXIF orientation is applied", "pixels"),
        Column("height", pa.int32(), "Height after the EXIF orientation is applied", "pixels"),
        FILE_BYTES,
        *METRIC_COLUMNS,
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

COMPANIONS = TableSchema(
    "companions",
    "Every file that came along with pictures and is none, named after them: labels, edits and metadata of other "
    "programs.",
    (
        SOURCE,
        FILE_BYTES,
        Column("picture", pa.string(), "Source of a picture that it is named after; null where none is", nullable=True),
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

LET_GO = TableSchema(
    "quarantine_let_go",
    "How many rows of `quarantine` were let go of after `retention.quarantine_days`, file by file of that table and "
    "reason by reason. A row counts as long as its file is no part of that table.",
    (
        Column("file", pa.string(), "The file of `quarantine` that they were in, below that table"),
        Column("reason", pa.string(), "Reason code, see the table of reasons"),
        Column("files", pa.int64(), "How many there were"),
        Column("names", pa.string(), "Sum, modulo 2^64, of the first 8 bytes of the SHA-256 of their sources, in hex"),
        Column("let_go_on", pa.date32(), "Day on which they were let go of, UTC"),
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
