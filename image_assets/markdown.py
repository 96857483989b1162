"""Tables and pictures in Markdown, and text of others in it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence

from image_assets.wording import printable_text

_BARE_BORDER = re.compile(r"(?<!\\)\|")


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]], sides: str = "") -> str:
    """Rows as a Markdown table, each on one line, whatever a cell holds.

    Args:
        header: Names of the columns.
        rows: A cell for every column; numbers with a point are written with four digits.
        sides: `l` or `r` for every column: the side that it is aligned to; left where it is not told.
    """
    borders = "|".join("---:" if side == "r" else "---" for side in sides.ljust(len(header), "l"))
    # No name at all takes one space.
    return "\n".join([" ".join(_line(header).split()), f"|{borders}|", *(_line(row) for row in rows)])


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(_BARE_BORDER.sub(r"\\|", text).split())


def code(text: str) -> str:
    """Text of others in the type of code, in which nothing is markup."""
    return f"`{text.replace('`', chr(39))}`"


def plain(text: str) -> str:
    """Text that may hold words of others, such as names of files: one line, and nothing in it becomes a tag.

    A bracket and a parenthesis that follow each other would become a link, or a picture that a server is asked for.
    """
    shown = text.replace("<", "‹").replace(">", "›").replace("](", "] (").replace("][", "] [")
    return printable_text(" ".join(shown.split()))


def markdown_image(content: bytes | None, title: str = "", kind: str = "jpeg") -> str:
    """An image file within the text; nothing where there is none."""
    return f"![{title}]({data_url(content, kind)})" if content else ""


def data_url(content: bytes, kind: str = "jpeg") -> str:
    """An image file as an address that needs no other file."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
