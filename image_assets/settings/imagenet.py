"""What looks for the labels of ImageNet, and which of them are counted."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, PositiveInt, model_validator

from image_assets.settings.section import SettingsSection


class Imagenet(SettingsSection):
    """Labels of ImageNet for every image, or for every chip of a dataset with boxes; none by default."""

    classifier: Literal["none", "embedded", "tf_hub"] = Field(
        default="none",
        description="embedded: EfficientNet-Lite0 with its published head, no download. tf_hub: an image "
        "classification module of TensorFlow Hub for the 1,000 classes, such as MobileNet or ResNet50.",
    )
    module: str | None = Field(
        default=None, description="Of `tf_hub`: URL of the module, or the folder of a SavedModel."
    )
    image_size: int | None = Field(
        default=None, gt=0, le=4096, description="Of `tf_hub`: side of the square input in pixels."
    )
    sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="Of `tf_hub`: digest of the module's files, as the metadata of `imagenet_predictions` say it. A "
        "module with another one is refused before anything of it is loaded.",
    )
    top: int = Field(default=5, ge=1, le=1000, description="How many labels are kept of each image.")
    confident: float = Field(
        default=0.9, ge=0, lt=1, description="Only first labels with a score above this are confident."
    )
    min_images: PositiveInt = Field(
        default=100, description="`confident_labels` lists labels with more confident images than this."
    )

    @property
    def wanted(self) -> bool:
        """Whether anything is to be made."""
        return self.classifier != "none"

    @model_validator(mode="after")
    def _module_belongs_to_tf_hub(self) -> Self:
        needed = {"module": self.module, "image_size": self.image_size}
        if self.classifier == "tf_hub":
            missing = [name for name, value in needed.items() if value is None]
            if missing:
                raise ValueError(f"classifier tf_hub needs {' and '.join(missing)}")
        else:
            given = [name for name, value in (needed | {"sha256": self.sha256}).items() if value is not None]
            if given:
                raise ValueError(f"{', '.join(given)}: only classifier tf_hub takes this, not {self.classifier}")
        return self
