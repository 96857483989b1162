"""Which of a dataset's models says what images are."""

from __future__ import annotations

from pydantic import Field

from image_assets.model_assets import ModelAsset
from image_assets.settings.section import SettingsSection


class Predictions(SettingsSection):
    """What says of images what they are."""

    model: ModelAsset = Field(
        default="classifier",
        description="The asset whose champion is asked, by `predictions` and by whoever asks and does not say another: "
        "classifier, which goes by features; cnn_classifier, the network of `networks.cnn_classifier`.",
    )
