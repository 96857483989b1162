"""The tables of what models say of images: predictions, labels of ImageNet, the map."""

from __future__ import annotations

import pyarrow as pa

from image_assets.schema.table import IMAGE_ID, LABEL, NAMES, Column, TableSchema

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
        Column(
            "familiarity",
            pa.float32(),
            "Share of good images of sources that the model never saw that look less familiar to it, 0 … 1; null: the "
            "model cannot say",
            nullable=True,
        ),
        Column(
            "unknown",
            pa.bool_(),
            "Whether the probability is below the dataset file's classifier.unknown_below, or the familiarity below "
            "its classifier.held_back",
        ),
        Column("model", pa.string(), "SHA-256 of the model file"),
    ),
    version=2,
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
        Column("top_labels", NAMES, "The first labels, in the same order"),
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

EMBEDDING = TableSchema(
    "embedding",
    "The map: every image's place in the t-SNE of all features. Places stay until the map is fitted anew.",
    (
        IMAGE_ID,
        LABEL,
        Column("x", pa.float32(), "First coordinate of the map"),
        Column("y", pa.float32(), "Second coordinate of the map"),
        Column("z", pa.float32(), "Third coordinate; null: the map is a plane", nullable=True),
        Column(
            "how",
            pa.string(),
            "How the image came to its place: `fitted`, the map was made of it; `placed` among these in the same run; "
            "`added` on a later day; null: by a version that did not say",
            nullable=True,
        ),
        Column(
            "fit",
            pa.string(),
            "SHA-256 of the kept fit that the place belongs to; null: by a version that kept none",
            nullable=True,
        ),
        Column(
            "seal",
            pa.int64(),
            "Digest of the image's features and its place, by which a row that belongs to other features, or was "
            "changed, is known and placed anew; null: by a version that had none",
            nullable=True,
        ),
    ),
    partitioned=False,
    version=2,
)
