"""When a newly trained model takes the place of the current one."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.section import SettingsSection


class Promotion(SettingsSection):
    """A challenger becomes the champion if it is no worse on the same held-out images."""

    margin: float = Field(
        default=0.005,
        ge=0,
        lt=1,
        description="How much lower its accuracy may be, as a share of the images; at least one image is allowed.",
    )
    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of the tests, one-sided.")
    max_disagreement: float | None = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="Where clearly more of the new images' labels than this share contradict the champion, they are "
        "taken for wrong and nothing trained on them is promoted; null: not looked at.",
    )
    keep: int = Field(default=30, ge=2, description="How many models are kept, the newest.")
