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

METRICS = (
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
"""Of every image, measured as it is loaded: see `image_assets.quality.metrics`."""

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
        *METRICS,
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

NEAR_DUPLICATES = TableSchema(
    "near_duplicates",
    "Pairs of images that look alike: hashes within a few bits, confirmed by the features. Each image is compared with "
    "its own partition and with all others that had features by then.",
    (
        IMAGE_ID,
        Column("other_id", pa.string(), "The image that looks like it"),
        Column("other_date", pa.date32(), "Day of the partition that holds the other image"),
        Column("other_category", pa.string(), "Category of the partition that holds the other image"),
        Column("distance", pa.int16(), "Bits in which the perceptual hashes differ", "bits"),
        Column("cosine", pa.float32(), "Cosine of the feature vectors"),
    ),
)

_WHERE = (
    Column("date", pa.date32(), "Day of the partition that holds the image"),
    Column("category", pa.string(), "Category of the partition that holds the image"),
)

DUPLICATE_GROUPS = TableSchema(
    "duplicate_groups",
    "Images that look alike, in groups: whoever looks like a member is a member. Images that are like no other are "
    "not listed.",
    (
        IMAGE_ID,
        *_WHERE,
        Column("group_id", pa.string(), "The member that arrived first; by its id among those of one day"),
    ),
    partitioned=False,
)

LABEL_CONFLICTS = TableSchema(
    "label_conflicts",
    "Files of one picture under several categories: the same bytes, or near-duplicates. One row for each file.",
    (
        Column("conflict_id", pa.string(), "The first image of all that contradict each other"),
        IMAGE_ID,
        Column("date", pa.date32(), "Day that the file arrived"),
        Column("category", pa.string(), "Category that the file was delivered under"),
        SOURCE,
        Column("kind", pa.string(), "same bytes, or near-duplicate"),
        Column("loaded", pa.bool_(), "Whether this file is the image that was loaded; else it is a duplicate of it"),
        Column("state", pa.string(), "open, settled by rule, or settled by review"),
        Column("kept", pa.bool_(), "Whether the image may be published and trained on under this category"),
    ),
    partitioned=False,
)

PREDICTIONS = TableSchema(
    "predictions",
    "What the classifier takes every image for. A new day is scored by the champion of that morning, which has not "
    "seen it; a partition that is run again is scored again, by the champion of then.",
    (
        IMAGE_ID,
        LABEL,
        Column("predicted_label", pa.int16(), "Integer label of the most probable category"),
        Column("predicted_category", pa.string(), "The most probable category, also where the image is unknown"),
        Column("probability", pa.float32(), "Of the most probable category, 0 … 1"),
        Column("margin", pa.float32(), "By how much it is more probable than the next one, 0 … 1"),
        Column("unknown", pa.bool_(), "Whether the probability is below the dataset file's classifier.unknown_below"),
        Column("model", pa.string(), "SHA-256 of the model file"),
    ),
)

REVIEWS = TableSchema(
    "reviews",
    "What reviewers decided: whether an image belongs under a category. Of several marks the last one counts.",
    (
        IMAGE_ID,
        Column("category", pa.string(), "The category in question"),
        Column("belongs", pa.bool_(), "Whether the image belongs there"),
        Column("reviewer", pa.string(), "Who decided"),
        Column("decided_at", pa.timestamp("us", "UTC"), "When"),
    ),
    partitioned=False,
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
        Column(
            "near_duplicates", pa.int64(), "Of those loaded: images that look like another that was there", "images"
        ),
        Column("reasons", pa.string(), "The quarantine by reason, such as `empty 1, not_an_image 2`"),
    ),
    partitioned=False,
)

_NAMES = pa.list_(pa.field("element", pa.string(), nullable=False))
_KEY = Column(
    "image_key", pa.string(), "What the annotations call the image: its id in Open Images, `file_name` in COCO's form"
)
_ANNOTATION_FILE = Column("annotation_file", pa.string(), "Name of the annotation file that says so: the subset")

LABEL_SELECTION = TableSchema(
    "label_selection",
    "How the annotations became a selection: the number of rows or images after every step.",
    (
        Column("step", pa.string(), "The step, in words; steps are in their order"),
        Column("part", pa.string(), "Annotation file or category that is counted; empty where all are"),
        Column("rows", pa.int64(), "Rows, images or files, as the step says"),
    ),
    partitioned=False,
)

SELECTED_IMAGES = TableSchema(
    "selected_images",
    "Every image that the annotations give a positive label of a category, whether or not its file has arrived.",
    (
        _KEY,
        _ANNOTATION_FILE,
        Column(
            "category", pa.string(), "Category that its file is loaded under; null where it is left out", nullable=True
        ),
        Column("categories", _NAMES, "All categories that it has labels of, in the order of the dataset file"),
        Column("labels", _NAMES, "Names of its positive labels of these categories"),
        Column("files", pa.int64(), "Files of it that were listed, in all partitions", "files"),
    ),
    partitioned=False,
)

_LABEL_OF_ANNOTATIONS = (
    Column("label_code", pa.string(), "Code of the label: a MID such as /m/07dm6; the category's id in COCO's form"),
    Column("label_name", pa.string(), "Name of the label; its code where the annotations have no name for it"),
)

IMAGE_LABELS = TableSchema(
    "image_labels",
    "All labels that the annotations give the loaded images: positive, negative and unsure ones.",
    (
        IMAGE_ID,
        _KEY,
        _ANNOTATION_FILE,
        Column("label_source", pa.string(), "Who says so: verification, crowdsource-verification, machine …"),
        *_LABEL_OF_ANNOTATIONS,
        Column("confidence", pa.float64(), "0 … 1", nullable=True),
        Column(
            "positive", pa.bool_(), "Whether the label is there (true) or not (false); null: neither", nullable=True
        ),
    ),
)

_BOX = (
    IMAGE_ID,
    Column("box", pa.int32(), "Number of the box within its image, from 0"),
    *_LABEL_OF_ANNOTATIONS,
    Column("xmin", pa.float64(), "Left side, as a fraction of the width"),
    Column("xmax", pa.float64(), "Right side, as a fraction of the width"),
    Column("ymin", pa.float64(), "Upper side, as a fraction of the height"),
    Column("ymax", pa.float64(), "Lower side, as a fraction of the height"),
)
_BOX_FLAGS = (
    Column("confidence", pa.float64(), "0 … 1", nullable=True),
    Column("box_source", pa.string(), "How the box was made: xclick, activemil, freeform …"),
    Column("occluded", pa.bool_(), "Whether something hides a part of it; null: unknown", nullable=True),
    Column("truncated", pa.bool_(), "Whether it reaches beyond the picture; null: unknown", nullable=True),
    Column("group_of", pa.bool_(), "Whether it holds several that touch (COCO: a crowd); null: unknown", nullable=True),
    Column("depiction", pa.bool_(), "Whether it is a drawing or a figure of it; null: unknown", nullable=True),
    Column("inside", pa.bool_(), "Whether it is seen from within; null: unknown", nullable=True),
)

IMAGE_BOXES = TableSchema(
    "image_boxes", "The boxes of the loaded images, as the annotations give them.", (*_BOX, *_BOX_FLAGS)
)

IMAGE_CHIPS = TableSchema(
    "image_chips",
    "What is in the boxes: crops of the upright images, without loss. A crop has every pixel that its box touches.",
    (
        Column("chip_id", pa.string(), "SHA-256 of the crop's PNG with its image, label and box, hexadecimal"),
        *_BOX,
        *_BOX_FLAGS,
        Column("left", pa.int32(), "First column: floor of xmin × width", "pixels"),
        Column("upper", pa.int32(), "First row: floor of ymin × height", "pixels"),
        Column("right", pa.int32(), "Column behind the last: ceiling of xmax × width", "pixels"),
        Column("lower", pa.int32(), "Row behind the last: ceiling of ymax × height", "pixels"),
        Column("content", pa.binary(), "PNG, RGB"),
    ),
)

BOX_QUARANTINE = TableSchema(
    "box_quarantine",
    "The boxes that no chip can be cut out by, with the reason.",
    (
        *_BOX,
        Column("reason", pa.string(), "not_finite, outside (of 0 … 1), empty (no area), or repeated (there already)"),
        Column("detail", pa.string(), "What exactly was wrong, for a person"),
    ),
)

IMAGENET_PREDICTIONS = TableSchema(
    "imagenet_predictions",
    "The most probable labels of ImageNet: of every image, or of every chip of a dataset that has boxes.",
    (
        IMAGE_ID,
        Column("chip_id", pa.string(), "The chip that was looked at; null: the whole image", nullable=True),
        Column(
            "delivered_as", pa.string(), "Category that the image was delivered under; of a chip, its box's label name"
        ),
        Column("imagenet_class", pa.int16(), "Number of the first label among the 1,000 classes, from 0"),
        Column("imagenet_label", pa.string(), "The first label: all synonyms"),
        Column("score", pa.float32(), "Probability of the first label, 0 … 1"),
        Column(
            "top_classes",
            pa.list_(pa.field("element", pa.int16(), nullable=False)),
            "Numbers of the first labels, the most probable one first",
        ),
        Column("top_labels", _NAMES, "The first labels, in the same order"),
        Column(
            "top_scores",
            pa.list_(pa.field("element", pa.float32(), nullable=False)),
            "Probabilities of the first labels, in the same order",
        ),
        Column("classifier", pa.string(), "Digest of the classifier's weights and settings"),
    ),
)

CONFIDENT_LABELS = TableSchema(
    "confident_labels",
    "The labels of ImageNet that many images or chips were given with confidence, the most frequent first.",
    (
        Column("imagenet_class", pa.int16(), "Number of the label among the 1,000 classes, from 0"),
        Column("imagenet_label", pa.string(), "The label: all synonyms"),
        Column("images", pa.int64(), "Images or chips with this first label and a score above imagenet.confident"),
        Column("share", pa.float64(), "Of all images or chips that were looked at, 0 … 1"),
        Column("mean_score", pa.float64(), "Mean score of the confident ones, 0 … 1"),
        Column("most_delivered_as", pa.string(), "What most of them were delivered as"),
        Column("agreement", pa.float64(), "Share of them that were delivered as just that, 0 … 1"),
    ),
    partitioned=False,
)

TABLES = (
    ARRIVALS,
    RAW_IMAGES,
    DUPLICATES,
    QUARANTINE,
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
