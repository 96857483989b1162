"""What became of the annotations' images: which of them have arrived, and the counts of every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import polars as pl

from image_assets.ingest.annotated.matching import Matcher
from image_assets.ingest.annotated.selecting import Step
from image_assets.ingest.annotated.selection import Selection
from image_assets.schema import SELECTED_IMAGES
from io_managers.delta_tables import PartitionedTable

_ROWS = 100_000


def selected_images(selection: Selection, arrivals: PartitionedTable) -> pl.DataFrame:
    """The rows of `selected_images`, sorted by key.

    Args:
        selection: What the annotations say.
        arrivals: The table of listed files.
    """
    matcher = selection.matcher()
    counts = Counter(key for key in _keys(arrivals, matcher) if key is not None)
    files = pl.DataFrame(
        {"key": list(counts), "files": list(counts.values())}, schema={"key": pl.String, "files": pl.Int64}
    )
    rows = selection.images().collect().join(files, on="key", how="left")
    named = rows.with_columns(pl.col("files").fill_null(0)).rename({"key": "image_key", "part": "annotation_file"})
    return named.select(SELECTED_IMAGES.file_schema.names).sort("image_key")


def _keys(arrivals: PartitionedTable, matcher: Matcher) -> Iterator[str | None]:
    for file in arrivals.snapshot().written_files():
        for batch in arrivals.files.read(file.path, ["source"], _ROWS):
            yield from (matcher.key_of(source) for source in batch["source"].to_pylist())


def label_selection(selection: Selection, images: pl.DataFrame) -> pl.DataFrame:
    """The rows of `label_selection`: the steps of the selection, and what of it has arrived.

    Args:
        selection: What the annotations say.
        images: The rows of `selected_images`.
    """
    steps = selection.steps()
    categories = steps.filter(pl.col("step") == Step.SELECTED)["part"].to_list()
    arrived = []
    for category in categories:
        files = images.filter(pl.col("category") == category)["files"]
        arrived += [
            (str(Step.WITH_FILE), category, int((files > 0).sum())),
            (str(Step.WITHOUT_FILE), category, int((files == 0).sum())),
            (str(Step.FILES), category, int(files.sum())),
        ]
    found = pl.DataFrame(arrived, schema=steps.schema, orient="row")
    order = pl.Enum([str(step) for step in Step])
    rows = pl.concat([steps, found]).with_row_index()
    # By files of annotations in the order of their names, by categories in that of the dataset file.
    part = pl.when(pl.col("step") == Step.READ).then("part")
    return rows.sort(pl.col("step").cast(order), part, "index").drop("index")
