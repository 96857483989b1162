"""The statistics of a dataset's images, counted from its tables without reading a picture."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from image_assets.exploration.scales import ASPECT, COLOUR_CHANNELS, FILE_SIZE, METRIC_SCALES, SIDE, Scale
from image_assets.exploration.tally import CountQuery, pieces, tallied
from image_assets.features.colour_statistics import FEATURE_NAMES
from image_assets.ingest.let_go import QuarantineKept
from image_assets.schema import IMAGE_FEATURES, QUARANTINE, RAW_IMAGES
from image_assets.store.store import Store

IMAGE_COLUMNS = ("format", "width", "height", "bytes", *METRIC_SCALES)
"""What is read of `raw_images`, beside day and category."""


def _measures(scales: dict[str, Scale], numbers: dict[str, str]) -> str:
    """Rows of category, measure and number, for a piece that has a column or more for each measure."""
    return (
        "("
        + " UNION ALL ".join(
            f"SELECT category, '{name}' AS measure, {scale.sql(numbers[name])} AS level FROM piece "
            f"WHERE isfinite({numbers[name]})"
            for name, scale in scales.items()
        )
        + ")"
    )


_LEVEL_KEYS = {name: name for name in ("category", "measure", "level")}
_IMAGE_COUNTS = {
    "per_day": CountQuery({"date": "date", "category": "category"}, sums={"bytes": "bytes"}),
    "sizes": CountQuery({"width": SIDE.sql("width"), "height": SIDE.sql("height")}),
    "aspects": CountQuery({"level": ASPECT.sql("width / height")}),
    "file_sizes": CountQuery({"level": FILE_SIZE.sql("bytes")}),
    "formats": CountQuery({"format": "format"}),
    "metrics": CountQuery(_LEVEL_KEYS, source=_measures(METRIC_SCALES, {name: name for name in METRIC_SCALES})),
}
_CHANNEL_COUNTS = {
    "channels": CountQuery(
        _LEVEL_KEYS,
        source=_measures(
            COLOUR_CHANNELS,
            # Lists begin at 1.
            {channel: f"features[{FEATURE_NAMES.index(f'{channel}_mean') + 1}]" for channel in COLOUR_CHANNELS},
        ),
    )
}
_REFUSED_COUNTS = {"refused": CountQuery({"date": "date", "category": "category", "reason": "reason"})}
_EMPTY = pl.DataFrame({"n": pl.Series([], dtype=pl.Int64)})


@dataclass(frozen=True)
class Levels:
    """How many images of every category are on every level of some measures.

    Attributes:
        rows: Columns category, measure, level (see `Scale`), n.
        scales: The measures, in the order in which they are shown.
    """

    rows: pl.DataFrame = field(default_factory=lambda: _EMPTY)
    scales: dict[str, Scale] = field(default_factory=dict)

    def of(self, measure: str, groups: list[list[str]]) -> np.ndarray:
        """Images of groups of categories on every level of a measure, int64 `[len(groups), levels]`."""
        counts = np.zeros((len(groups), self.scales[measure].levels), np.int64)
        places = {category: row for row, group in enumerate(groups) for category in group}
        if self.rows.is_empty():
            return counts
        for category, level, n in self.rows.filter(measure=measure).select("category", "level", "n").iter_rows():
            if category in places:
                counts[places[category], level] += n
        return counts


@dataclass(frozen=True)
class ImageStatistics:
    """What is known of the images of a dataset. All counts are in columns `n`.

    Attributes:
        per_day: date, category, n, bytes (of the files together).
        sizes: width, height (levels of `scales.SIDE`), n.
        aspects: level of `scales.ASPECT`, n.
        file_sizes: level of `scales.FILE_SIZE`, n.
        formats: format, n.
        metrics: The quality metrics.
        channels: Means of the colour channels; without rows where the extractor is not `colour_statistics`.
        refused: date, category, reason, n: what is in quarantine.
    """

    per_day: pl.DataFrame
    sizes: pl.DataFrame
    aspects: pl.DataFrame
    file_sizes: pl.DataFrame
    formats: pl.DataFrame
    metrics: Levels
    channels: Levels
    refused: pl.DataFrame

    @property
    def images(self) -> int:
        """How many images are loaded."""
        return int(self.per_day["n"].sum())

    @property
    def categories(self) -> list[str]:
        """The categories that have images, the largest first."""
        if not self.images:
            return []
        sums = self.per_day.group_by("category").agg(pl.col("n").sum())
        return sums.sort(["n", "category"], descending=[True, False])["category"].to_list()


def image_statistics(store: Store, dataset: str, *, colours: str | None = None) -> ImageStatistics:
    """Count what the tables of a dataset hold. Pictures and thumbnails are not read.

    Args:
        store: Where the tables are.
        dataset: Its name.
        colours: Digest of its extractor where that is `colour_statistics`, whose features are counted too.

    Raises:
        DamagedFile: a file of a table is not as it was written.
    """
    features = None
    if colours is not None:
        of_others = pieces(store.table(dataset, IMAGE_FEATURES), ["features", "extractor"])
        # Features of another extractor have another meaning.
        features = (piece.filter(pc.field("extractor") == colours) for piece in of_others)
    found = statistics_of(
        pieces(store.table(dataset, RAW_IMAGES), IMAGE_COLUMNS),
        pieces(store.table(dataset, QUARANTINE), ["reason"]),
        features,
    )
    return replace(found, refused=_and_let_go(found.refused, QuarantineKept(store, dataset).counts()))


def _and_let_go(refused: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Files in quarantine with those whose rows were let go of, as `ImageStatistics.refused`."""
    if counts.is_empty():
        return refused
    keys = ["date", "category", "reason"]
    kinds = [pl.col("date").cast(pl.Date), "category", "reason", pl.col("n").cast(pl.Int64)]
    both = [one.select(kinds) for one in (refused, counts.rename({"files": "n"}))]
    return pl.concat(both).group_by(keys).agg(pl.col("n").sum()).sort(keys)


def statistics_of(
    images: Iterable[pa.Table], refused: Iterable[pa.Table], features: Iterable[pa.Table] | None = None
) -> ImageStatistics:
    """Count rows of tables, all of them with date and category.

    Args:
        images: `IMAGE_COLUMNS` of `raw_images`.
        refused: Column reason of `quarantine`.
        features: Column features of `image_features`, where they are colour statistics.
    """
    counted = tallied(_IMAGE_COUNTS, images)
    return ImageStatistics(
        **{name: counted[name] for name in ("per_day", "sizes", "aspects", "file_sizes", "formats")},
        metrics=Levels(counted["metrics"], METRIC_SCALES),
        channels=Levels(tallied(_CHANNEL_COUNTS, features)["channels"], COLOUR_CHANNELS) if features else Levels(),
        refused=tallied(_REFUSED_COUNTS, refused)["refused"],
    )
