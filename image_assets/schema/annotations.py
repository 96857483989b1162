"""The tables of annotated datasets: which images are chosen, their labels, boxes and chips."""

from __future__ import annotations

import pyarrow as pa

from image_assets.schema.table import IMAGE_ID, NAMES, Column, TableSchema

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
        Column("categories", NAMES, "All categories that it has labels of, in the order of the dataset file"),
        Column("labels", NAMES, "Names of its positive labels of these categories"),
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
    "What is in the boxes: crops of the upright images, without loss. A crop has every pixel that its box touches; the "
    "sides of a box that was drawn on a turned picture are those on the upright one.",
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
        Column(
            "reason",
            pa.string(),
            "not_finite, outside (of 0 … 1), empty (no area), repeated (there already); orientation (not certain "
            "whether of the upright picture) or other_size (of a picture of another shape)",
        ),
        Column("detail", pa.string(), "What exactly was wrong, for a person"),
    ),
)
