"""The catalogue of checks: what each holds, and what follows when it fails, written from their declarations."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from asset_checks import (
    accounting,
    classifier,
    classifier_baselines,
    drift,
    embedding,
    feature_shards,
    image_chips,
    image_features,
    image_quality,
    imagenet_predictions,
    label_conflicts,
    label_selection,
    label_suspects,
    near_duplicates,
    predictions,
    raw_images,
    url_lists,
    volume,
)
from asset_checks.check import Check, markdown_table

_ANNOTATED = "only of a source with annotations"
SECTIONS: tuple[tuple[str, str, tuple[Check, ...]], ...] = (
    ("raw_images", "", (*raw_images.CHECKS, *image_quality.CHECKS, *volume.CHECKS, drift.metrics_drift)),
    ("raw_images", "only of a source of kind `url_list`", tuple(url_lists.CHECKS)),
    ("image_features", "", (*image_features.CHECKS, drift.features_drift)),
    ("predictions", "", tuple(predictions.CHECKS)),
    ("near_duplicates", "", tuple(near_duplicates.CHECKS)),
    ("feature_shards", "", tuple(feature_shards.CHECKS)),
    ("label_conflicts", "", tuple(label_conflicts.CHECKS)),
    ("classifier", "", (*classifier.CHECKS, *classifier_baselines.CHECKS)),
    ("embedding", "", tuple(embedding.CHECKS)),
    ("label_suspects", "", tuple(label_suspects.CHECKS)),
    ("accounting", "", tuple(accounting.CHECKS)),
    ("label_selection", _ANNOTATED, tuple(label_selection.CHECKS)),
    ("image_labels", _ANNOTATED, tuple(image_chips.LABEL_CHECKS)),
    ("image_boxes", f"{_ANNOTATED} and boxes", tuple(image_chips.BOX_CHECKS)),
    ("image_chips", f"{_ANNOTATED} and boxes", tuple(image_chips.CHECKS)),
    ("imagenet_predictions", "only where `imagenet` is wanted", tuple(imagenet_predictions.CHECKS)),
)
"""Asset, which datasets have these checks (empty: any), and the checks."""


def catalogue() -> str:
    """The catalogue as Markdown."""
    parts = [
        "# Checks",
        "Written by `make docs` from the declarations in `asset_checks/`; a test keeps it true. "
        "An ERROR blocks what is made from its asset, or says why not; a WARN never blocks.",
    ]
    for asset, where, checks in SECTIONS:
        parts += [f"## {asset}" + (f", {where}" if where else ""), markdown_table(_rows(checks))]
    return "\n\n".join(parts) + "\n"


def _rows(checks: tuple[Check, ...]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "check": [f"`{one.name}`" for one in checks],
            "what holds": [one.description for one in checks],
            "severity": [one.severity.value for one in checks],
            "blocks": ["yes" if one.blocking else f"no. {one.not_blocking_because}".strip() for one in checks],
            "key": [", ".join(f"`{key}`" for key in one.key.split(", ") if key) for one in checks],
        }
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(catalogue(), encoding="utf-8")
