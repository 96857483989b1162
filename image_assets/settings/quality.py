"""What counts as poor, alike, suspect, unusual or different."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import Field

from image_assets.settings.section import Name, SettingsSection


class NearDuplicates(SettingsSection):
    """When two images count as the same picture: their perceptual hashes are close, and their features confirm it."""

    distance: int = Field(
        default=10, ge=0, le=32, description="Bits of 64 in which their perceptual hashes may differ."
    )
    cosine: float = Field(default=0.85, ge=-1, le=1, description="Least cosine of their features.")
    close_distance: int = Field(
        default=2, ge=0, le=32, description="Up to so many bits, `close_cosine` is enough: saved smaller, or in grey."
    )
    close_cosine: float = Field(default=0.5, ge=-1, le=1, description="Least cosine of images that are so close.")


class LabelConflicts(SettingsSection):
    """What becomes of one picture under several categories, until a reviewer has marked it."""

    rule: Literal["hold", "first", "prefer"] = Field(
        default="hold",
        description="hold: neither is published nor trained on. first: the category of the day that it arrived first "
        "on is right; of one day, held. prefer: the category that comes first in `prefer` is right.",
    )
    prefer: tuple[Name, ...] = Field(default=(), description="Categories, the most trusted first; others are held.")
    limit: float = Field(
        default=0.01, ge=0, le=1, description="Share of images in open conflicts above which nothing is trained."
    )


class LabelNoise(SettingsSection):
    """Suspects among labels, and images far from their category."""

    folds: int = Field(default=5, ge=2, description="Every image is judged by a model of the other folds.")
    regularisation: float = Field(
        default=0.3,
        gt=0,
        description="As in classifier, but stronger, so that wrong labels are not learnt by heart.",
    )
    neighbours: int = Field(default=10, gt=0, description="Nearest images of the category that an image is held to.")
    outlier_score: float = Field(
        default=3.5,
        gt=0,
        description="Robust standard deviations from its category beyond which an image is an outlier.",
    )
    max_rows: int = Field(
        default=100_000, ge=100, description="Of more images, a sample in which every category keeps its share."
    )
    max_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of a category's images that may be suspects. More are warned of, beyond what "
        "chance explains (binomial test, 5 %).",
    )
    seed: int = Field(default=0, ge=0, description="Of folds and sample: the same images give the same suspects.")


class Volume(SettingsSection):
    """How many files usually arrive."""

    window_days: int = Field(default=28, ge=7, description="A day is compared with so many days before it.")
    min_days: int = Field(default=5, ge=2, description="With fewer days that had any file, nothing is compared.")
    factor: float = Field(
        default=2, gt=1, description="So many times the usual number of files, or its inverse, is always unusual."
    )
    reference_from: dt.date | None = Field(
        default=None,
        description="The last seven days with files are compared with the category's first `window_days`, so that what "
        "declines slowly is noticed. Count the first days from this date on: what has come since is the new normal.",
    )
    empty_day: Literal["warn", "error"] = Field(
        default="warn", description="What a day is on which a category has no file although it normally has some."
    )
    may_be_empty: tuple[Name, ...] = Field(
        default=(), description="Categories of which nothing need arrive on any day."
    )


class Quality(SettingsSection):
    """When an image counts as poor, and how many of a day's images may be."""

    dark: float = Field(
        default=0.32, ge=0, le=1, description="An image is dark when 99 % of its pixels are below this brightness."
    )
    bright: float = Field(
        default=0.95, ge=0, le=1, description="An image is bright when 95 % of its pixels are above this brightness."
    )
    blurred: float = Field(
        default=0.04,
        ge=0,
        description="An image is blurred when it shows something and its sharpness is below this share of the variance "
        "of its grey levels.",
    )
    low_information: float = Field(
        default=1, ge=0, le=8, description="An image shows next to nothing when its entropy is below this, bits."
    )
    odd_shape: float = Field(
        default=3, ge=1, description="An image is odd-shaped when its longer side is more than this times the shorter."
    )
    odd_size: float = Field(
        default=4,
        ge=1,
        description="An image is odd-sized when √(width × height) is more than this times the median, "
        "or the median more than this times it; the median is that of its day and category.",
    )
    share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of a partition's images of any of these kinds above which a warning is given.",
    )


class Drift(SettingsSection):
    """When a day of a category differs from the days before it, or from its first days."""

    window_days: int = Field(default=14, ge=1, le=366, description="Days before the day that it is compared with.")
    reference_days: int = Field(
        default=14,
        ge=0,
        le=366,
        description="The category's first days, which a day is compared with too, so that what changes slowly is "
        "noticed; more of them until they hold `min_images`. 0: none.",
    )
    reference_from: dt.date | None = Field(
        default=None, description="Count the first days from this date on: what has come since is the new normal."
    )
    min_images: int = Field(
        default=100,
        ge=20,
        description="Least images on either side. A day with fewer is compared together with those before it, at "
        "most `window_days`.",
    )
    sample: int = Field(
        default=2_000, ge=100, description="About so many images of the day, and as many on either side, are compared."
    )
    psi: float = Field(
        default=0.25, gt=0, description="Largest population stability index of any metric or main feature direction."
    )
    ks: float = Field(default=0.2, gt=0, le=1, description="Largest Kolmogorov-Smirnov distance of any of them.")
    auc: float = Field(
        default=0.8, ge=0.5, le=1, description="Largest AUC of a classifier that tells the day from the others."
    )
