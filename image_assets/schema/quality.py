"""The tables of what is found out about images: lookalikes, conflicts, reviews, suspects, accounts."""

from __future__ import annotations

import pyarrow as pa

from image_assets.schema.table import IMAGE_ID, LABEL, PARTITION_COLUMNS, SOURCE, WHERE, Column, TableSchema

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

DUPLICATE_GROUPS = TableSchema(
    "duplicate_groups",
    "Images that look alike, in groups: whoever looks like a member is a member. Images that are like no other are "
    "not listed.",
    (
        IMAGE_ID,
        *WHERE,
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

REVIEWS = TableSchema(
    "reviews",
    "What reviewers decided: whether an image belongs under a category. Of several marks the last one counts that was "
    "not taken back. An image that belongs under another category than its own is published and trained on under that.",
    (
        IMAGE_ID,
        Column("category", pa.string(), "The category in question"),
        Column("belongs", pa.bool_(), "Whether the image belongs there"),
        Column("reviewer", pa.string(), "Who decided"),
        Column("decided_at", pa.timestamp("us", "UTC"), "When"),
        Column("batch", pa.string(), "What was decided at once, and can be taken back at once"),
        Column("withdrawn", pa.bool_(), "Whether the row takes back what the batch said, instead of saying it"),
    ),
    partitioned=False,
    version=2,
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
    "The accounts: how many files arrived per day and category, and what became of them. What arrived in no category "
    "of the dataset is a row of the category `(no category)`.",
    (
        *PARTITION_COLUMNS,
        Column("listed", pa.int64(), "Files that arrived", "files"),
        Column("loaded", pa.int64(), "Of these: accepted images", "files"),
        Column("duplicates", pa.int64(), "Of these: loaded already", "files"),
        Column("quarantined", pa.int64(), "Of these: refused", "files"),
        Column("companions", pa.int64(), "Of these: what comes along with pictures and is none", "files"),
        Column("unplaced", pa.int64(), "Of these: in no category of the dataset", "files"),
        Column(
            "near_duplicates", pa.int64(), "Of those loaded: images that look like another that was there", "images"
        ),
        Column("reasons", pa.string(), "The quarantine by reason, such as `empty 1, not_an_image 2`"),
    ),
    partitioned=False,
    made_anew=True,
)
