"""What was loaded does not go away by itself: a partition that would lose most of its images is left as it is.

`raw_images` may be the only copy. An empty mount point, a mistyped prefix or a disk that is away look like a day on
which nothing arrived; whoever means it says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from image_assets.schema import Partition
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.wording import some

ALLOW_LOSS_TAG = "image_assets/allow_loss"
"""The tag of a run that may let images go: `true`."""
_NOTHING = pl.DataFrame(schema={"image_id": pl.String, "source": pl.String})


class LossRefused(RuntimeError):
    """A partition would lose more of its images than the dataset file allows. Nothing was replaced."""


@dataclass(frozen=True)
class Loaded:
    """The images that a partition holds before it is loaded again.

    Attributes:
        images: How many.
        sources: Columns image_id and source, of those whose files can be read.
    """

    images: int
    sources: pl.DataFrame

    def refuse_loss(self, left: int, listed: int, share: float) -> None:
        """Raise `LossRefused` where fewer than `share` of the images would be left.

        Args:
            left: How many images the partition is going to hold, or are loaded in another one by now.
            listed: How many files its source lists.
            share: The dataset's `limits.keep_share`; 0 where all may go.
        """
        if not self.images or not share or left >= max(share * self.images, 1):
            return
        raise LossRefused(
            f"{self.images:,} images of it are loaded, and {left:,} would be left: its source lists {listed:,} files. "
            "Nothing was replaced. Is the landing zone there, whole, and the right one? If these images are to go, run "
            f"it again with --allow-loss, in Dagster's UI with the tag {ALLOW_LOSS_TAG}: true; "
            f"limits.keep_share (now {share:g}) says how many must stay"
        )

    def gone(self, kept: Iterable[str]) -> list[str]:
        """The sources of the images whose ids are not among `kept`, sorted."""
        return sorted(self.sources.filter(~pl.col("image_id").is_in(list(kept)))["source"])


def loaded_before(table: PartitionedTable, there: Snapshot, partition: Partition) -> Loaded:
    """What `raw_images` holds of a partition; without the content of the images.

    Args:
        table: `raw_images`.
        there: The table as it is.
        partition: Which one.
    """
    files = there.of(partition).written_files()
    return Loaded(sum(file.rows for file in files), pl.concat([_NOTHING, *(_ids(table, file) for file in files)]))


def refuse_to_lose(there: Snapshot, partition: Partition, listed: int, share: float) -> None:
    """Raise `LossRefused` where loading a partition would, by no more than how many files its source lists.

    Args:
        there: `raw_images` as it is.
        partition: Which one.
        listed: How many files its source lists.
        share: As `Loaded.refuse_loss` takes it.
    """
    images = sum(file.rows for file in there.of(partition).written_files())
    Loaded(images, _NOTHING).refuse_loss(listed, listed, share)


def loaded_ids(table: PartitionedTable, files: Sequence[WrittenFile]) -> set[str]:
    """The image ids in files of `raw_images`."""
    return {one for file in files for one in _ids(table, file)["image_id"]}


def told(partition: Partition, gone: Sequence[str]) -> str:
    """The warning that images are gone, for people."""
    left = f"{partition}: {len(gone):,} images that were loaded are no longer there, and left the tables: {some(gone)}"
    return f"{left}; what was moved to another category is loaded under that one"


def _ids(table: PartitionedTable, file: WrittenFile) -> pl.DataFrame:
    try:
        return pl.concat([_NOTHING, *table.files.frames(file.path, ["image_id", "source"])])
    except DamagedFile:
        # Its images are to be loaded again; how many there were, the table's log knows.
        return _NOTHING
