"""Suspects as a person sees them: the worst of either kind, as lines or with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from image_assets.answers.suspects import Suspect
from image_assets.markdown import code, markdown_image, markdown_table
from image_assets.reports.tables import plain_table

_COLUMNS = ("day and category", "kind", "score", "suggested", "image id")
_FILE = "file"
NO_SUSPECTS = "no suspects"


def suspects_table(suspects: Sequence[Suspect]) -> Table:
    """A line per suspect."""
    table = plain_table(*_COLUMNS, numbers=("score",))
    table.add_column(_FILE, overflow="fold")
    for one in suspects:
        table.add_row(*_cells(one), one.image_id[:12], escape(one.source or ""))
    return table


def suspects_markdown(suspects: Sequence[Suspect], thumbnails: Mapping[str, bytes]) -> str:
    """Suspects as a Markdown table with their pictures.

    Args:
        suspects: In their order.
        thumbnails: JPEG of every image that there is one of, by its id.
    """
    if not suspects:
        return NO_SUSPECTS
    rows = [
        (markdown_image(thumbnails.get(one.image_id)), *_cells(one), *map(code, (one.image_id[:12], one.source or "")))
        for one in suspects
    ]
    return markdown_table(("image", *_COLUMNS, _FILE), rows)


def _cells(one: Suspect) -> tuple[str, str, str, str]:
    suggested = f"{one.suggested_category} ({one.probability:.0%})" if one.suggested_category else ""
    return str(one.partition), one.kind, f"{one.score:.3f}", suggested
