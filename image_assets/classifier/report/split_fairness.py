"""Whether the images held out are a fair sample: of the same classes, days and looks, and nothing seen in training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from image_assets.classifier.report.subject import ReportSubject
from image_assets.health.drift import Figure, compare_features
from image_assets.settings.classifier import Classifier

_CHANCE = 0.9999
_LEAST_PER_SIDE = 20


@dataclass(frozen=True)
class SplitFairness:
    """The two sides of the split.

    Attributes:
        classes: `category`, `training`, `held_out`, `share` held out, `low` and `high`: the shares that chance alone
            stays within, but for once in 10,000.
        days: `date`, `training`, `held_out`, `share`, `right` (of those held out): by day of arrival.
        groups: Groups of lookalikes.
        torn: Of these, the ones with images on both sides.
        auc: Of a classifier that is to tell the sides apart, cross-validated; None of too few images. Near 0.5 the
            sides look alike.
        compared: Images of each side that it was measured on.
    """

    classes: pl.DataFrame
    days: pl.DataFrame
    groups: int
    torn: int
    auc: Figure | None
    compared: tuple[int, int]

    @property
    def unlikely_classes(self) -> list[str]:
        """Categories of which chance alone would hardly have held out so many or so few."""
        return self.classes.filter(~pl.col("share").is_between("low", "high"))["category"].to_list()


def said_of_held_out(spec: Classifier) -> str:
    """A sentence for people on which images were held out."""
    if spec.split.by == "source":
        return (
            f"About {spec.held_out:.0%} of the sources were held out, each with all its images; the source that a "
            "category began with is always trained on."
        )
    if spec.split.by == "time":
        return f"The last {spec.split.last_days:,} days with data were held out, with all their images."
    return f"{spec.held_out:.0%} of the images were to be held out, whichever have such ids."


def split_fairness(subject: ReportSubject, share: float, most: int, seed: int) -> SplitFairness:
    """Compare the two sides.

    Args:
        subject: Model and images.
        share: Of the images that were to be held out.
        most: Images of a side to compare the features of.
        seed: Of the samples.
    """
    right = np.zeros(len(subject.labels), bool)
    right[subject.held_out] = subject.predicted == subject.truth
    rows = subject.images.select("date", "group").with_columns(
        label=subject.labels, aside=subject.aside, right=pl.Series(right)
    )
    members = rows.group_by("group").agg(pl.len().alias("images"), pl.col("aside").n_unique().alias("sides"))
    together = members.filter(pl.col("images") > 1)
    sides = [subject.sample(held_out=held_out, most=most, seed=seed) for held_out in (False, True)]
    training, judged = sides
    enough = min(len(training), len(judged)) >= _LEAST_PER_SIDE
    auc = compare_features(subject.features[training], subject.features[judged]).auc if enough else None
    counted = [pl.len().alias("images"), pl.col("aside").sum().cast(pl.Int64).alias("held_out")]
    return SplitFairness(
        _classes(rows, subject, share),
        _with_share(rows.group_by("date").agg(*counted, pl.col("right").sum().cast(pl.Int64)).sort("date")),
        together.height,
        together.filter(pl.col("sides") > 1).height,
        auc,
        (len(training), len(judged)),
    )


def _with_share(counts: pl.DataFrame) -> pl.DataFrame:
    return counts.with_columns(
        training=(pl.col("images") - pl.col("held_out")).cast(pl.Int64), share=pl.col("held_out") / pl.col("images")
    )


def _classes(rows: pl.DataFrame, subject: ReportSubject, share: float) -> pl.DataFrame:
    counts = rows.group_by("label").agg(
        pl.len().alias("images"),
        pl.col("aside").sum().cast(pl.Int64).alias("held_out"),
        pl.col("group").n_unique().alias("groups"),
    )
    # Lookalikes fall together: what chance decides on are groups. The normal approximation of the binomial.
    half = float(stats.norm.ppf((1 + _CHANCE) / 2)) * (pl.lit(share * (1 - share)) / pl.col("groups")).sqrt()
    slack = half + 1 / pl.col("groups")
    return (
        _with_share(counts.sort("label"))
        .with_columns(
            category=pl.col("label").replace_strict(subject.names, return_dtype=pl.String),
            low=(share - slack).clip(0, 1),
            high=(share + slack).clip(0, 1),
        )
        .select("category", "training", "held_out", "share", "low", "high")
    )
