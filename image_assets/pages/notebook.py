"""What a notebook shows of pictures and pages: HTML of a cell, every text escaped, nothing that runs."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from image_assets.pages.page import Picture
from image_assets.pages.rendering import ENVIRONMENT


@dataclass(frozen=True, repr=False)
class Thumbnails:
    """Pictures that a notebook shows side by side.

    Attributes:
        pictures: In their order.
    """

    pictures: Sequence[Picture]

    def __repr__(self) -> str:
        return f"<{len(self.pictures)} thumbnails>"

    def _repr_html_(self) -> str:
        return _macro("thumbnails")(self.pictures)


@dataclass(frozen=True, repr=False)
class WholePage:
    """A page of its own, which a notebook shows in a frame.

    Attributes:
        title: What it is.
        html: The page.
    """

    title: str
    html: str

    def save(self, file: str | Path) -> None:
        """Write it into a file."""
        Path(file).write_text(self.html, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<{self.title}: a page of {len(self.html):,} characters; .save(file) writes it>"

    def _repr_html_(self) -> str:
        # Escaped here: what cannot be printed stays as the page has it.
        return _macro("whole_page")(self.title, Markup(html.escape(self.html)))


def overview(title: str, description: str, figures: Mapping[str, object]) -> str:
    """A heading with a small table below it."""
    return _macro("overview")(title, description, figures)


def _macro(name: str) -> Any:
    return getattr(ENVIRONMENT.get_template("notebook.html").module, name)
