"""What must hold of pictures under several categories: few, settled, and not published meanwhile."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.lookalikes.label_conflicts import OPEN
from image_assets.schema import LABEL_CONFLICTS, RAW_IMAGES
from image_assets.shards.republish import to_publish_again

_SETTLE = (
    "Look at the pictures in the metadata of label_conflicts and settle each with `image-assets conflicts settle`, "
    "or give a rule in label_conflicts of the dataset file. Until then they are neither published nor trained on."
)
_SHOWN = ("conflict_id", "image_id", "date", "category", "source", "kind", "state")


@check("No picture is under two categories without anybody having decided which of them is right.", severity=WARN)
def no_open_conflict(subject: Subject) -> Outcome:
    """Files in open conflicts, with their sources."""
    files = _open_files(subject)
    return Outcome(
        passed=files.is_empty(),
        figures={"open conflicts": files["conflict_id"].n_unique(), "files": files.height},
        sample=files.select(_SHOWN),
        advice=_SETTLE,
    )


@check("The share of images in open conflicts is within the dataset's limit.", key="label_conflicts.limit")
def open_conflicts_within_limit(subject: Subject) -> Outcome:
    """Images that are held back for an open conflict ÷ images, against `label_conflicts.limit`."""
    files = _open_files(subject).filter("loaded")
    images = subject.rows(RAW_IMAGES).select(pl.len()).collect().item()
    share = files["image_id"].n_unique() / images if images else 0.0
    limit = subject.dataset.label_conflicts.limit
    return Outcome(
        passed=share <= limit,
        figures={"share": round(share, 5), "limit": limit, "images": images},
        sample=files.select(_SHOWN),
        advice=f"A supplier may have sent a folder under the wrong category. {_SETTLE}",
    )


@check(
    "What is published leaves out just the images whose category is in doubt, and follows what people said.",
    severity=WARN,
)
def published_without_conflicts(subject: Subject) -> Outcome:
    """The manifests of the partitions concerned against the conflicts and the reviews."""
    files = subject.rows(LABEL_CONFLICTS).collect()
    stale = to_publish_again(subject.dataset, subject.store, files, files)
    return Outcome(
        passed=not stale,
        figures={"partitions to publish again": len(stale)},
        sample=pl.DataFrame({"partition": [str(one) for one in stale]}),
        advice="They are published again by themselves when the daemon is running or with the next `image-assets "
        "run`; or materialise their feature_shards.",
    )


def _open_files(subject: Subject) -> pl.DataFrame:
    return subject.rows(LABEL_CONFLICTS).filter(pl.col("state") == OPEN).collect()
