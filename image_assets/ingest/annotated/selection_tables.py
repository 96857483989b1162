"""What became of the annotations' images: which of them have arrived, and the counts of every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.schema import SELECTED_IMAGES
from image_assets.store.tables.delta_tables import PartitionedTable

_ROWS = 100_000


@dataclass(frozen=True)
class ListedFiles:
    """The files that were listed, in all partitions.

    Attributes:
        of_image: Key → files that are the image.
        spelt_otherwise: How many of these have a name that the annotations write in another way.
        in_doubt: Files that may be several images.
    """

    of_image: Counter[str]
    spelt_otherwise: int
    in_doubt: int


def listed_files(selection: LabelSelection, arrivals: PartitionedTable) -> ListedFiles:
    """What the files of the table `arrivals` are."""
    matcher = selection.matcher()
    of_image: Counter[str] = Counter()
    spelt_otherwise = in_doubt = 0
    for match in filter(None, map(matcher.find, _sources(arrivals))):
        if match.key is None:
            in_doubt += 1
        else:
            of_image[match.key] += 1
            spelt_otherwise += match.is_spelt_otherwise
    return ListedFiles(of_image, spelt_otherwise, in_doubt)


def _sources(arrivals: PartitionedTable) -> Iterator[str]:
    for file in arrivals.snapshot().written_files():
        for batch in arrivals.files.read(file.path, ["source"], _ROWS):
            yield from batch["source"].to_pylist()


def selected_images(selection: LabelSelection, listed: ListedFiles) -> pl.DataFrame:
    """The rows of `selected_images`, sorted by key."""
    counts = listed.of_image
    files = pl.DataFrame(
        {"key": list(counts), "files": list(counts.values())}, schema={"key": pl.String, "files": pl.Int64}
    )
    rows = selection.images().collect().join(files, on="key", how="left")
    named = rows.with_columns(pl.col("files").fill_null(0)).rename({"key": "image_key", "part": "annotation_file"})
    return named.select(SELECTED_IMAGES.file_schema.names).sort("image_key")


def label_selection(selection: LabelSelection, images: pl.DataFrame, listed: ListedFiles) -> pl.DataFrame:
    """The rows of `label_selection`: the steps of the selection, and what of it has arrived.

    Args:
        selection: What the annotations say.
        images: The rows of `selected_images`.
        listed: The files that were listed.
    """
    steps = selection.steps()
    categories = steps.filter(pl.col("step") == Step.SELECTED)["part"].to_list()
    arrived = [
        (str(Step.SPELT_OTHERWISE), "", listed.spelt_otherwise),
        (str(Step.IN_DOUBT), "", listed.in_doubt),
    ]
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
