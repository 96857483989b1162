"""Label conflicts as a person sees them: a line per file, and the pictures side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from image_assets.answers.conflicts import ConflictingFile
from image_assets.markdown import code, markdown_image, markdown_table
from image_assets.reports.tables import plain_table
from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.thumbnails import thumbnails_of

_SHOWN = 20
NO_CONFLICTS = "no picture is under two categories"
NOT_COMPARED = "lookalikes were not looked for yet, only the same bytes: `image-assets run` compares images by features"


def conflict_table(files: Sequence[ConflictingFile]) -> Table:
    """A line per file of a label conflict."""
    table = plain_table("conflict", "kind", "state", "category", "day", "kept", "source")
    for one in files:
        kept = ("yes" if one.kept else "no") if one.loaded else "duplicate"
        source = escape(str(one.source))
        table.add_row(one.conflict_id[:12], one.kind, one.state, one.category, str(one.day), kept, source)
    return table


def conflicts_markdown(files: Sequence[ConflictingFile], raw_images: PartitionedTable) -> str:
    """The first files in conflicts, with thumbnails.

    Args:
        files: In their order.
        raw_images: Where the thumbnails are.
    """
    if not files:
        return NO_CONFLICTS
    shown = files[:_SHOWN]
    places = {one.image_id: Partition(one.day, one.category) for one in shown if one.loaded}
    pictures = thumbnails_of(raw_images, places)
    rows = [
        (
            markdown_image(pictures.get(one.image_id)),
            one.category,
            one.day,
            code(str(one.source)),
            one.kind,
            one.state,
            "yes" if one.kept else "no",
        )
        for one in shown
    ]
    return markdown_table(("picture", "category", "day", "source", "kind", "state", "kept"), rows)
