"""A network beside the classifier of features: both asked about the same images, which neither has learnt from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from obstore.store import ObjectStore

from image_assets.classifier.daily.daily_model import FeatureKind, Tables
from image_assets.classifier.intervals import wilson
from image_assets.classifier.mcnemar import mcnemar
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.promotion.champion import unseen_by_both
from image_assets.classifier.training.row_index import RowIndex
from image_assets.classifier.training.training_rows import streamed_rows
from image_assets.dataset import DatasetSpec
from image_assets.markdown import markdown_table
from image_assets.networks.cnn import TrainedCnn
from image_assets.store.models.model_store import ModelManifest, ModelMissingError, ModelRefusedError, load_model

HEADER = ("model", "accuracy", "95 % interval", "right where the other is wrong")


@dataclass(frozen=True)
class Comparison:
    """What two models make of the same images.

    Attributes:
        classifier: Name and kind of the classifier of features.
        network: The same of the network.
        right: bool [N], where the classifier is right.
        also_right: bool [N], where the network is.
        why: Why there is nothing to compare with; empty where there is.
    """

    classifier: str
    network: str
    right: np.ndarray
    also_right: np.ndarray
    why: str = ""

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided: how likely answers as different are where both are equally good."""
        return mcnemar(self.right, self.also_right)

    @property
    def rows(self) -> list[tuple[str, str, str, str]]:
        """A line per model, under `HEADER`."""
        sides = ((self.classifier, self.right, self.also_right), (self.network, self.also_right, self.right))
        found = []
        for name, right, other in sides:
            low, high = wilson(float(right.sum()), len(right))
            found.append((name, f"{right.mean():.2%}", f"{low:.1%} … {high:.1%}", f"{int((right & ~other).sum()):,}"))
        return found

    @property
    def said(self) -> str:
        """What it comes to, in a sentence."""
        if self.why:
            return self.why
        better = self.network if self.also_right.sum() > self.right.sum() else self.classifier
        chance = f"McNemar's exact test: p = {self.p_value:.3g}"
        if self.p_value < 0.05:
            return f"On the same {len(self.right):,} images, held out from both, {better} is better ({chance})."
        return f"On the same {len(self.right):,} images, held out from both, neither is clearly better ({chance})."

    def markdown(self) -> str:
        """The sentence, and a table of the two."""
        if self.why:
            return f"{self.why}\n"
        return f"{self.said}\n\n{markdown_table(HEADER, self.rows, 'lrrr')}\n"


def beside_the_classifier(
    objects: ObjectStore,
    dataset: DatasetSpec,
    tables: Tables,
    extractor: FeatureKind,
    trained: TrainedCnn,
    manifest: ModelManifest,
) -> Comparison:
    """Ask the current classifier of features about the images that the network was judged on.

    Args:
        objects: The store.
        dataset: Whose.
        tables: Of which the features are read.
        extractor: Whose features these are.
        trained: The network.
        manifest: Of the network.
    """
    nothing = np.zeros(0, bool)
    try:
        classifier, its = load_model(objects, classifier_prefix(dataset), extractor.digest)
    except (ModelMissingError, ModelRefusedError) as error:
        return Comparison("", "", nothing, nothing, f"There is no classifier of features to compare with: {error}")
    shared = unseen_by_both(trained.evidence(), its, manifest)[trained.aside]
    if not shared.any():
        return Comparison("", "", nothing, nothing, "No image is held out from both the network and the classifier.")
    with streamed_rows(tables.image_features, RowIndex(trained.held_out), extractor.width) as matrix:
        answers = classifier.predict(matrix.whole()[shared])
    truth = trained.truth[shared]
    own = trained.model.classes[trained.probabilities[shared].argmax(axis=1)]
    of_network = f"network, {trained.spec.preset}, on pixels"
    return Comparison(f"{its.kind}, on {its.extractor}", of_network, answers == truth, own == truth)
