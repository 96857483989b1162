"""What is answered of an image file, and what lies between the file and the answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from image_assets.images.reasons import Reason
from image_assets.model_assets import ModelAsset


@dataclass(frozen=True, eq=False)
class LetIn:
    """A file that the door lets in, as far as the model's input.

    Attributes:
        image_id: SHA-256 of the file's bytes.
        prepared: uint8 `[*shape]`, as the extractor takes it; for a network, as that does.
        issues: Names of what is wrong with the picture, as in `image_assets.images.issues`, where that was asked.
        for_features: As the extractor takes it, where a network is asked and features are wanted too.
    """

    image_id: str
    prepared: np.ndarray
    issues: tuple[str, ...]
    for_features: np.ndarray | None = None


@dataclass(frozen=True)
class Prediction:
    """What the current model takes an image for.

    Attributes:
        image_id: SHA-256 of the file's bytes, as in the tables.
        categories: Every category that the model knows with its probability, in [0, 1], the most probable first.
        familiarity: In [0, 1], the share of good images of sources that the model never saw that look less familiar to
            it; None where the model cannot say, as no network can.
        unknown: Whether the highest probability is below the dataset's `classifier.unknown_below`, or the familiarity
            below `classifier.held_back`.
        asset: The asset that trained the model.
        model: SHA-256 of the model's file.
        extractor: Digest of the extractor whose features the model was given, or of the form of a network's pictures.
        features: Of the dataset's extractor, float32 [D]; None where a network was asked and they were not wanted.
    """

    image_id: str
    categories: tuple[tuple[str, float], ...]
    familiarity: float | None
    unknown: bool
    asset: ModelAsset
    model: str
    extractor: str
    features: np.ndarray | None = field(compare=False, repr=False)

    @property
    def category(self) -> str:
        """The most probable category."""
        return self.categories[0][0]

    @property
    def probability(self) -> float:
        """That of the most probable category."""
        return self.categories[0][1]

    def as_json(self) -> dict[str, Any]:
        """Plain values, without the features."""
        plain = {name: value for name, value in vars(self).items() if name != "features"}
        return {**plain, "category": self.category, "categories": dict(self.categories)}


@dataclass(frozen=True)
class NoImage:
    """A file that the door does not let in, with what the quarantine says of such a one.

    Attributes:
        image_id: SHA-256 of the file's bytes.
        reason: The code.
        detail: For a person.
    """

    image_id: str
    reason: Reason
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "reason": self.reason.value}


Answer = Prediction | NoImage
