"""The table of suspects: label noise and outliers of a dataset together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.categories.record import in_use
from image_assets.dataset import DatasetSpec
from image_assets.features.sample import stratified_sample
from image_assets.features.table import FeatureTable, feature_table
from image_assets.lookalikes.groups import duplicate_groups
from image_assets.schema import LABEL_SUSPECTS
from image_assets.suspects.label_noise import label_suspects
from image_assets.suspects.outliers import outlier_scores


@dataclass(frozen=True)
class SuspectsReport:
    """What was found.

    Attributes:
        rows: The table `label_suspects`, labels first and the most suspect of each kind first.
        images: Images of the dataset.
        judged: Images whose labels were judged.
        skipped: Why some or all labels were not; empty where all were.
        sampled: Whether only a sample was looked at.
    """

    rows: pl.DataFrame
    images: int
    judged: int
    skipped: str
    sampled: bool


def find_suspects(
    image_features: pl.LazyFrame, pairs: pl.DataFrame, dataset: DatasetSpec, extractor_digest: str
) -> SuspectsReport:
    """Judge the labels of a dataset; of a large one, those of a sample.

    Args:
        image_features: All rows of the table.
        pairs: Images that look alike, as in `duplicate_groups`.
        dataset: Its categories and settings.
        extractor_digest: Of the extractor that made the features.

    Raises:
        MixedExtractors, UnusableFeaturesError: features that cannot be compared.
    """
    spec = dataset.label_noise
    image_features = in_use(image_features, dataset)
    images = image_features.select("image_id", "label", "date", "category").collect()
    sampled = images.height > spec.max_rows
    if sampled:
        chosen = stratified_sample(images, spec.max_rows, spec.seed)
        image_features = image_features.filter(pl.col("image_id").is_in(chosen.implode()))
    table = feature_table(image_features, extractor_digest)
    groups = lookalike_groups(table.image_ids, pairs)
    found = label_suspects(table.features, table.labels, table.image_ids, groups, dataset.categories, spec)
    names = pl.DataFrame(
        {"suggested": list(dataset.categories.values()), "suggested_category": list(dataset.categories)},
        schema_overrides={"suggested": pl.Int16},
    )
    labels = found.suspects.join(names, on="suggested", how="left", maintain_order="left").with_columns(
        kind=pl.lit("label")
    )
    outliers = _outliers(table, spec.neighbours, spec.outlier_score, spec.seed)
    rows = pl.concat([labels.drop("suggested"), outliers], how="diagonal").join(
        images.select("image_id", "date", "category").unique("image_id"),
        on="image_id",
        how="left",
        maintain_order="left",
    )
    columns = LABEL_SUSPECTS.file_schema.names
    return SuspectsReport(rows.select(columns), images.height, found.judged, found.skipped, sampled)


def lookalike_groups(image_ids: pl.Series, pairs: pl.DataFrame) -> np.ndarray:
    """A number for every image, the same for those that look alike.

    Args:
        image_ids: [N].
        pairs: As in `duplicate_groups`; of images that are not asked for, too.

    Returns:
        uint32 [N].
    """
    groups = duplicate_groups(pairs).select("image_id", "group_id")
    named = image_ids.to_frame("image_id").join(groups, on="image_id", how="left", maintain_order="left")
    return named["group_id"].fill_null(named["image_id"]).rank("dense").to_numpy()


def _outliers(table: FeatureTable, neighbours: int, limit: float, seed: int) -> pl.DataFrame:
    scores = outlier_scores(table.features, table.labels, neighbours, seed)
    far = np.flatnonzero(scores > limit)  # not where the score is NaN
    return pl.DataFrame(
        {"image_id": table.image_ids.gather(far), "label": table.labels[far], "score": scores[far].astype(np.float32)},
        schema={"image_id": pl.String, "label": pl.Int16, "score": pl.Float32},
    ).select(pl.all().sort_by("score", "image_id", descending=[True, False]), kind=pl.lit("outlier"))
