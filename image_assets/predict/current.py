"""The current model, kept at hand and loaded anew when another one has become it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock

from image_assets.classifier.places import models_prefix
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.predictions.score import Scorer, check_usable
from image_assets.store.models.model_champion import champion_state
from image_assets.store.models.model_store import load_model, read_champion
from image_assets.store.store import Store


@dataclass(frozen=True)
class _Kept:
    state: str | None
    scorer: Scorer


class CurrentModel:
    """The champion of one of a dataset's assets. May be asked from several threads at once."""

    def __init__(self, dataset: DatasetSpec, store: Store, asset: ModelAsset, given: str) -> None:
        """Nothing is read yet.

        Args:
            dataset: Whose champion it is.
            store: Where models are kept.
            asset: That trains it.
            given: Digest of what the model is to be given.
        """
        self._dataset, self._given = dataset, given
        self._objects, self._prefix = store.objects(), models_prefix(dataset, asset)
        self._lock = Lock()
        self._kept: _Kept | None = None

    def scorer(self) -> Scorer:
        """The champion of this moment. Unless what names it was written since, one small request and nothing more.

        Raises:
            ModelMissingError: there is no model yet.
            ModelRefusedError: it is damaged, or of another extractor, or of other categories than the dataset's.
            NetworksMissingError: it is a network, and what networks need is not installed.
        """
        # Before it is read: where it is replaced in between, the next call sees another state and looks again.
        state = champion_state(self._objects, self._prefix)
        with self._lock:
            kept = self._kept
            if kept is None or kept.state != state:
                kept = self._kept = self._looked_up(kept, state)
            return kept.scorer

    def _looked_up(self, kept: _Kept | None, state: str | None) -> _Kept:
        if kept is not None and read_champion(self._objects, self._prefix).sha256 == kept.scorer.manifest.sha256:
            # A model was trained that did not become the champion.
            return replace(kept, state=state)
        model, manifest = load_model(self._objects, self._prefix, self._given)
        check_usable(manifest, self._dataset.categories)
        return _Kept(state, Scorer.of(model, manifest, self._dataset.classifier))
