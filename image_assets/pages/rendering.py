"""HTML from the templates beside this module: what they are given is escaped, unless they mark it `safe`."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from image_assets.markdown import data_url
from image_assets.wording import printable_text

_WRITTEN_NUMBER = re.compile(r"[\d.,%–−±+ ]*\d[\d.,%–−± ]*")


def _is_number(value: object) -> bool:
    """Whether it is one, or is written like one: 1,234, 97.3 %, 0.91 – 0.94, +7.2."""
    return not isinstance(value, str) or bool(_WRITTEN_NUMBER.fullmatch(value))


def _number_columns(rows: Sequence[Sequence[object]], header: Sequence[str]) -> list[bool]:
    """Of every column whether it holds numbers: the first, which names the rows, in its first row, others anywhere."""
    looked_at = [rows[:1] if column == 0 else rows for column in range(len(header))]
    return [any(_is_number(row[column]) for row in some) for column, some in enumerate(looked_at)]


def _markdown(text: str) -> str:
    """Text that no reader of Markdown takes for HTML, a table's border or a link."""
    clean = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return html.escape(re.sub(r"([\\`*_[\]|#])", r"\\\1", clean), quote=False)


ENVIRONMENT = Environment(
    loader=PackageLoader("image_assets.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=lambda value: value if hasattr(value, "__html__") else printable_text(str(value)),
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
"""What all templates are filled in by; a name that one is not given is an error."""
ENVIRONMENT.filters["data_url"] = data_url
ENVIRONMENT.filters["number_columns"] = _number_columns
MARKDOWN = ENVIRONMENT.overlay(
    autoescape=False, finalize=lambda value: value if hasattr(value, "__html__") else _markdown(str(value))
)
"""The same for templates of Markdown."""
