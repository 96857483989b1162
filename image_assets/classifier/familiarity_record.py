"""What a model's measure of familiarity was calibrated on: the record that its manifest keeps, and its words. Light."""

from __future__ import annotations

from typing import Any

from pydantic import Field, ValidationError

from image_assets.settings.section import Frozen
from image_assets.store.models.model_files import ModelManifest

FAMILIARITY = "familiarity"
"""Among the metrics of a manifest."""


class FamiliarityRecord(Frozen):
    """How it was found out what a good image of a new source looks like to a model."""

    images: int = Field(description="Training images that were measured, each by a model that was not trained on it.")
    of_new_sources: int = Field(description="Of these, by a model that saw no image of their source.")
    sources: int = Field(default=0, description="Source sets that they came from; 0: not noted.")
    folds: int = Field(default=0, description="Models that were trained for it; 0: not noted.")
    held_back: float = Field(default=0.0, description="Share of them that is unknown, by the limit.")
    limit: float | None = Field(default=None, description="Of the measure: what is below it is unknown.")

    def __str__(self) -> str:
        if not self.of_new_sources:
            return f"calibrated on {self.images:,} training images left out at random, for {self._no_source}"
        return (
            f"calibrated on {self.images:,} training images, of which {self.of_new_sources:,} are of sources that were "
            "left out; the others were left out at random"
        )

    @property
    def sentence(self) -> str:
        """Where the limit of what is unknown comes from, for people; empty where nothing is held back."""
        if not self.held_back:
            return ""
        of = f"{self.held_back:.0%} of {self.images:,} training images"
        told = f"What is unknown is told by a limit that holds back {of}"
        if not self.of_new_sources:
            more = "of good images of a new one more will be unknown"
            return f"{told} left out at random, for {self._no_source}: {more}."
        at_random = self.images - self.of_new_sources
        others = f", but {at_random:,} at random, whose category is of one source" if at_random else ""
        many = f" of {self.sources:,} sources" if self.sources else ""
        return f"{told}{many}, each left out with its source{others}."

    @property
    def _no_source(self) -> str:
        return "all come from one source" if self.sources == 1 else "no source can be left out"


def familiarity_of_manifest(manifest: ModelManifest) -> FamiliarityRecord | None:
    """What the manifest of a model says; None where the model cannot tell, or is of before it was noted."""
    found: Any = manifest.metrics.get(FAMILIARITY)
    try:
        return FamiliarityRecord.model_validate(found) if found is not None else None
    except ValidationError:
        return None
