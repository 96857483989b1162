"""Which images a classifier is evaluated on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from image_assets.settings.section import SettingsSection


class Split(SettingsSection):
    """How images are held out of training: lookalikes are never torn apart, whatever is chosen."""

    by: Literal["image", "time"] = Field(
        default="image",
        description="image: by its id alone, so an image never changes sides. time: the last days are held out, as "
        "in use, where a model meets what is newer than it; what is held out today is trained on later.",
    )
    last_days: PositiveInt = Field(
        default=7, description="Of `time`: so many days are held out, the last ones on which anything arrived."
    )
