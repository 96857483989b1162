"""How long what is of use for a while is kept."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.section import SettingsSection


class Retention(SettingsSection):
    """What `image-assets gc` lets go of, and when."""

    quarantine_days: int | None = Field(
        default=None,
        ge=1,
        description="Days after which the rows of `quarantine` go, and how many there were for which reason stays; "
        "where it is not said, never.",
    )
