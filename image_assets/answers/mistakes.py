"""Where is a model mistaken, and of what is it surest?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from image_assets.classifier.report.mistakes import Mistakes
from image_assets.classifier.report.places import MISTAKES, newest_name, read_report, report_name
from image_assets.dataset import DatasetSpec
from image_assets.store.store import Store


@dataclass(frozen=True)
class ModelMistakes:
    """The mistakes of a model on its held-out images, as its report shows them."""

    dataset: str
    found: Mistakes

    def as_json(self) -> dict[str, Any]:
        """What `image-assets report --of model` writes into a file that ends in `.json`."""
        return {"dataset": self.dataset, **self.found.model_dump(mode="json")}


def mistakes_in_report(dataset: DatasetSpec, store: Store, sha256: str | None = None) -> ModelMistakes:
    """Read those of a model.

    Args:
        dataset: Whose model it is.
        store: Where reports are.
        sha256: Of the model file, or its first twelve digits; None: the newest report.

    Raises:
        ReportMissingError: there is no report of it.
    """
    name = newest_name(MISTAKES) if sha256 is None else report_name(sha256, MISTAKES)
    return ModelMistakes(dataset.name, Mistakes.model_validate_json(read_report(store.objects(), dataset.name, name)))
