"""Suspects as a person sees them: the worst of either kind, as lines or with their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from image_assets.answers.suspects import Suspect
from image_assets.markdown import code, markdown_image, markdown_table
from image_assets.places import place_of
from image_assets.project import seen_from_here
from image_assets.reports.tables import plain_table

_COLUMNS = ("day and category", "kind", "score", "suggested", "image id")
_FILE = "file"
NO_SUSPECTS = "no suspects"
NOT_LOOKED_FOR = "suspects were not looked for yet: `image-assets run` does so once it has run a day to its end"


def suspects_table(suspects: Sequence[Suspect], landing: str | None) -> Table:
    """A line per suspect.

    Args:
        suspects: In their order.
        landing: The landing zone, where it is known: a file that lies there is named so that it can be opened.
    """
    table = plain_table(*_COLUMNS, _FILE, numbers=("score",))
    folder = place_of(landing, "landing").folder if landing else None
    for one in suspects:
        table.add_row(*_cells(one), one.image_id[:12], escape(_file(one, folder)))
    return table


def _file(one: Suspect, landing: Path | None) -> str:
    there = landing / one.source if landing and one.source else None
    return seen_from_here(there) if there and there.is_file() else one.source or ""


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
