"""Where images come from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from image_assets.settings.annotated import AnnotatedSection, CocoSource, OpenImagesSource
from image_assets.settings.section import Section

__all__ = ["AnnotatedSection", "CocoSource", "FolderSource", "OpenImagesSource", "Source"]


class FolderSource(Section):
    """Files under `LANDING/<day>/<category>/**`, at any depth."""

    kind: Literal["folder"] = "folder"
    landing: str | None = Field(
        default=None, description="Local folder of the landing zone; default: the one the platform is started with."
    )
    ignore: tuple[str, ...] = Field(
        default=(".*", "Thumbs.db", "desktop.ini"),
        description="File and folder names (shell patterns) that are no arrivals: what desktops leave behind.",
    )


Source = Annotated[FolderSource | OpenImagesSource | CocoSource, Field(discriminator="kind")]
