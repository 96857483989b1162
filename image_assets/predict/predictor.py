"""From bytes to an answer, on the way that every loaded image takes: the door, the extractor, the champion.

A network is given the pictures themselves, prepared as those that it was trained on.

A file is refused for the reasons that would put it into quarantine; features are those of `image_features`, bit for
bit. Probabilities are those of `predictions` up to their last digits, which depend on how many images are scored at a
time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

import numpy as np

from image_assets.dataset import DatasetSpec
from image_assets.features.decode import all_prepared, prepared
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.features.pipeline import BATCH_IMAGES
from image_assets.images.decode import decode
from image_assets.images.issues import issues_of
from image_assets.images.reasons import Rejected
from image_assets.ingest.fingerprint import image_id
from image_assets.model_assets import ModelAsset
from image_assets.predict.answer import Answer, LetIn, NoImage, Prediction
from image_assets.predict.current import CurrentModel
from image_assets.predictions.asked import pictures_of
from image_assets.store.models.model_files import ModelManifest
from image_assets.store.store import Store
from image_assets.workers import ordered_map


class Predictor:
    """Says what a dataset's current model takes image files for. May be used from several threads at once."""

    def __init__(self, dataset: DatasetSpec, store: Store, asset: ModelAsset | None = None) -> None:
        """Builds the extractor, or takes the process's one of its kind. The model is loaded at the first question.

        Args:
            dataset: Its limits, extractor, categories and what is unknown to its `classifier` count.
            store: Where its models are.
            asset: That trains the model that is asked; None: the one that `predictions.model` names.

        Raises:
            ExtractorError: the dataset's extractor cannot be used.
            ModelMissingError: the dataset does not ask for such models.
        """
        self.asset: ModelAsset = asset or dataset.predictions.model
        self._limits, self._quality = dataset.limits, dataset.quality
        form = pictures_of(dataset, self.asset)
        self._by_pictures = form is not None
        self._extractor = shared_extractor(dataset.extractor)
        self._given = form or self._extractor
        self._current = CurrentModel(dataset, store, self.asset, self._given.digest)

    def answer(self, content: bytes) -> Answer:
        """What one file is taken for, or why it is no image that is let in. Raises as `answers`."""
        return self._answered([content])[0]

    def answers(self, contents: Iterable[bytes]) -> Iterator[Answer]:
        """The same of many files, in their order, on all cores; a few dozen are held in memory.

        Every answer says which model it is of: another one may become the champion in between.

        Raises:
            ModelMissingError: there is no model yet.
            ModelRefusedError, NetworksMissingError: the current model cannot be used, see `CurrentModel.scorer`.
        """
        rest = iter(contents)
        batches = iter(lambda: list(islice(rest, BATCH_IMAGES)), [])
        return chain.from_iterable(ordered_map(self._answered, batches))

    def _answered(self, contents: Sequence[bytes]) -> list[Answer]:
        looked_at = [self.let_in(content) for content in contents]
        predicted = iter(self.predict([one for one in looked_at if isinstance(one, LetIn)]))
        return [one if isinstance(one, NoImage) else next(predicted) for one in looked_at]

    def let_in(self, content: bytes, *, with_issues: bool = False, with_features: bool = False) -> LetIn | NoImage:
        """What the door says of a file, and what the model takes of it; the model is not asked.

        Args:
            content: The file.
            with_issues: Whether it is looked at what is wrong with the picture, which takes milliseconds.
            with_features: Whether features are wanted even where the model is not given them.
        """
        try:
            pixels = decode(content, self._limits).pixels
            return LetIn(
                image_id(content),
                prepared(content, self._given, pixels),
                issues_of(pixels, self._quality) if with_issues else (),
                prepared(content, self._extractor, pixels) if with_features and self._by_pictures else None,
            )
        except Rejected as rejected:
            return NoImage(image_id(content), rejected.reason, rejected.detail)

    def predict(self, pictures: Sequence[LetIn]) -> list[Prediction]:
        """What pictures are taken for, in their order, all by the model that is current now. Raises as `answers`."""
        if not pictures:
            return []
        scorer = self._current.scorer()
        given = np.stack([one.prepared for one in pictures])
        if self._by_pictures:
            found, features = scorer.ranked(given), self._features_besides(pictures)
        else:
            rows = self._extractor.infer(given)
            found, features = scorer.ranked(rows), list(rows)
        names = [[scorer.names[label] for label in row] for row in found.labels.tolist()]
        return [
            Prediction(
                picture.image_id,
                tuple(zip(names[row], found.probabilities[row].tolist(), strict=True)),
                None if found.familiarity is None else float(found.familiarity[row]),
                bool(found.unknown[row]),
                self.asset,
                scorer.manifest.sha256,
                self._given.digest,
                features[row],
            )
            for row, picture in enumerate(pictures)
        ]

    def _features_besides(self, pictures: Sequence[LetIn]) -> list[np.ndarray | None]:
        """Features of the pictures that were prepared for them too."""
        inputs = [one.for_features for one in pictures if one.for_features is not None]
        found = iter(self._extractor.infer(np.stack(inputs)) if inputs else ())
        return [None if one.for_features is None else next(found) for one in pictures]

    @property
    def extractor(self) -> Extractor:
        """The dataset's extractor: of the features that a model is given, and that images are compared by."""
        return self._extractor

    @property
    def given_shape(self) -> tuple[int, ...]:
        """Of one picture as `LetIn.prepared` has it."""
        return tuple(self._given.shape)

    def manifest(self) -> ModelManifest:
        """What is known of the current model. Raises as `answers`."""
        return self._current.scorer().manifest

    def features(self, contents: Sequence[bytes]) -> np.ndarray:
        """float32 [N, D], of files that the door lets in, as `image_features` has them.

        Raises:
            Rejected: a file is no image that the door lets in.
        """
        return self._extractor.infer(all_prepared(contents, self._extractor))
