"""What ought to hold of the pictures of a loaded partition: few are dark, blurred, empty or of an odd shape or size.

These checks warn. When an image counts as such is said in `image_assets.images.issues` and in the dataset file.
"""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.asset_checks.thumbnails import with_thumbnails
from image_assets.images.issues import BLURRED, BRIGHT, DARK, ISSUES, LOW_INFORMATION, ODD_SHAPE, ODD_SIZE, Issue
from image_assets.schema import RAW_IMAGES

_SHOWN = 10
_SHARE = {"share": "limit"}


@check("Few images are dark throughout.", severity=WARN, key="quality.dark, quality.share", over_time=_SHARE)
def dark_images(subject: Subject) -> Outcome:
    """Share of images that are nearly black."""
    return _share(subject, DARK, "Look for a covered or broken camera, a night shift, or an export without its gamma.")


@check("Few images are bright throughout.", severity=WARN, key="quality.bright, quality.share", over_time=_SHARE)
def bright_images(subject: Subject) -> Outcome:
    """Share of images that are nearly white."""
    return _share(subject, BRIGHT, "Look for an overexposed camera, empty scans, or transparency that became white.")


@check("Few images are blurred.", severity=WARN, key="quality.blurred, quality.share", over_time=_SHARE)
def blurred_images(subject: Subject) -> Outcome:
    """Share of images without a sharp edge, by their sharpness relative to their contrast."""
    return _share(subject, BLURRED, "Look for a camera out of focus or moving, or small images that were enlarged.")


@check(
    "Few images show next to nothing.", severity=WARN, key="quality.low_information, quality.share", over_time=_SHARE
)
def low_information_images(subject: Subject) -> Outcome:
    """Share of images that are even, or nearly so, by the entropy of their grey levels."""
    return _share(subject, LOW_INFORMATION, "Look for placeholders, failed renderings, and pages that are empty.")


@check(
    "Few images are far longer than wide, or far wider than long.",
    severity=WARN,
    key="quality.odd_shape, quality.share",
    over_time=_SHARE,
)
def odd_shaped_images(subject: Subject) -> Outcome:
    """Share of images of an extreme aspect ratio."""
    return _share(
        subject, ODD_SHAPE, "Look for banners, panoramas and badly cut images: padding leaves little of them."
    )


@check(
    "Few images are far smaller or larger than the others of their day and category.",
    severity=WARN,
    key="quality.odd_size, quality.share",
    over_time=_SHARE,
)
def odd_sized_images(subject: Subject) -> Outcome:
    """Share of images whose size is far from the partition's median."""
    return _share(
        subject, ODD_SIZE, "Look for thumbnails among originals, or another camera; limits.min_side refuses them."
    )


def _share(subject: Subject, issue: Issue, advice: str) -> Outcome:
    quality = subject.dataset.quality
    rows = subject.shared("quality", lambda: _judged(subject))
    found = rows.select("image_id", "source", figure=f"{issue.name} figure", found=issue.name).filter("found")
    found = found.drop("found").sort("figure", "image_id", descending=[issue.above, False])
    share = found.height / rows.height if rows.height else 0.0
    passed = share <= quality.share
    return Outcome(
        passed=passed,
        figures={
            "share": round(share, 4),
            "limit": quality.share,
            "images": rows.height,
            "found": found.height,
            f"quality.{issue.name}": issue.threshold(quality),
        },
        # Pictures are large for an event log: they are shown where there is something to look at.
        sample=None if passed else with_thumbnails(subject, found.head(_SHOWN)),
        advice=f"{advice} If such images belong here, change quality.{issue.name} or quality.share.",
    )


def _judged(subject: Subject) -> pl.DataFrame:
    """The partition's images, for every issue with the figure that decides it and whether they have it."""
    quality = subject.dataset.quality
    columns = [
        column
        for issue in ISSUES
        for column in (
            issue.figure.cast(pl.Float64).alias(f"{issue.name} figure"),
            issue.found(quality).alias(issue.name),
        )
    ]
    return subject.rows(RAW_IMAGES).select("image_id", "source", *columns).collect()
