"""Which models are there, which one is current, and why?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.by_hand import KeptModel, find_model, kept_models
from image_assets.dataset import DatasetSpec
from image_assets.store.models.model_history import Decision, read_history
from image_assets.store.store import Store


@dataclass(frozen=True)
class Models:
    """The models of a dataset.

    Attributes:
        models: That are kept, the newest day of data first.
        history: Every decision, the oldest first, also on models that are gone.
    """

    models: tuple[KeptModel, ...]
    history: tuple[Decision, ...]

    def as_json(self, *, with_history: bool = True) -> dict[str, Any]:
        """The output of `image-assets models list --json`."""
        report: dict[str, Any] = {"models": [one.as_json() for one in self.models]}
        if with_history:
            report["history"] = [one.model_dump(mode="json") for one in self.history]
        return report


def models_of(dataset: DatasetSpec, store: Store) -> Models:
    """All models of a dataset. Raises `ModelCommandError` where there is none."""
    objects, prefix = store.objects(), classifier_prefix(dataset)
    return Models(tuple(kept_models(objects, prefix)), tuple(read_history(objects, prefix)))


def model_of(dataset: DatasetSpec, store: Store, beginning: str) -> KeptModel:
    """The only model whose digest begins so, or the current one for `champion`. Raises as `find_model`."""
    objects, prefix = store.objects(), classifier_prefix(dataset)
    digits = find_model(objects, prefix, beginning)
    (found,) = (one for one in kept_models(objects, prefix) if one.digits == digits)
    return found
