"""What a model takes images for: probabilities to rows of `predictions`, and the figures of a partition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import polars as pl
from threadpoolctl import ThreadpoolController

from image_assets.classifier.unknown import unknown_to
from image_assets.features.table import MixedExtractors, feature_matrix
from image_assets.schema import PREDICTIONS, Partition
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model import Model
from image_assets.store.models.model_store import ModelManifest, ModelRefusedError
from image_assets.store.tables.partition_files import PartitionFiles

_READ_ROWS = 4_096
_COLUMNS = ["image_id", "label", "features", "extractor"]
_LIMITED = Lock()


@dataclass(frozen=True)
class Ranked:
    """What a model takes N images for.

    Attributes:
        labels: int [N, K], the most probable first.
        probabilities: float [N, K], theirs.
        familiarity: float32 [N] in [0, 1], see `Model.familiarity`; None where the model cannot say.
        unknown: bool [N], see `Scorer`.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    familiarity: np.ndarray | None
    unknown: np.ndarray


class _Libraries:
    """The libraries of linear algebra of this process, for one model.

    To find them takes milliseconds, longer than most answers. A model's first answers may load more of them: they are
    looked for until a look finds no more.
    """

    def __init__(self) -> None:
        self._found: ThreadpoolController | None = None
        self._settled = False

    def found(self) -> ThreadpoolController:
        """Those that are loaded now. Asked by one thread at a time."""
        if self._found is None or not self._settled:
            before, self._found = self._found, ThreadpoolController()
            self._settled = before is not None and len(before) == len(self._found)
        return self._found


@dataclass(frozen=True)
class Scorer:
    """A model with what it takes to make rows of its answers.

    An image is unknown where its highest probability or its familiarity is below what is asked for.

    Attributes:
        model: Fitted; gives probabilities.
        manifest: Of the model.
        unknown_below: Probability below which an image is unknown.
        held_back: Familiarity below which it is: the share of good images that is held back.
    """

    model: Model
    manifest: ModelManifest
    unknown_below: float
    held_back: float = 0.0
    _libraries: _Libraries = field(default_factory=_Libraries, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, model: Model, manifest: ModelManifest, spec: Classifier) -> Scorer:
        """A model in the hands of a dataset."""
        return cls(model, manifest, spec.unknown_below, spec.held_back)

    @property
    def names(self) -> dict[int, str]:
        """Label → category."""
        return {label: name for name, label in self.manifest.classes.items()}

    def ranked(self, given: np.ndarray) -> Ranked:
        """What images are taken for. May be called from several threads at once.

        Args:
            given: As the model takes them: features, float32 [N, D], or prepared pictures, uint8 [N, H, W, C].
        """
        # The same bits on any number of cores, as in training. The limit is of the whole process: what one thread
        # sets another would take away.
        with _LIMITED, self._libraries.found().limit(limits=1):
            probabilities = self.model.predict_proba(given)
            order = np.argsort(-probabilities, axis=1, kind="stable")
            limits = self.unknown_below, self.held_back
            unknown, familiarity = unknown_to(self.model, given, probabilities, *limits)
        ranked = np.take_along_axis(probabilities, order, axis=1)
        return Ranked(self.model.classes[order], ranked, familiarity, unknown)

    def rows(self, images: pl.DataFrame) -> pl.DataFrame:
        """Rows of `predictions` for rows of `image_features`, in their order. No rows give none.

        Raises:
            MixedExtractors: features of another extractor than the model was trained on.
            ValueError: feature vectors of different widths, or of another width than the model's.
        """
        if images.is_empty():
            return PREDICTIONS.no_rows()
        _check_extractor(images, self.manifest)
        return self.rows_of(images, feature_matrix(images))

    def rows_of(self, images: pl.DataFrame, given: np.ndarray) -> pl.DataFrame:
        """Rows of `predictions` for images, in their order.

        Args:
            images: N rows with `image_id` and `label`.
            given: The same images as the model takes them, see `ranked`.
        """
        found, names = self.ranked(given), self.names
        labels, probabilities = found.labels, found.probabilities
        rows = pl.DataFrame(
            {
                "image_id": images["image_id"],
                "label": images["label"],
                "predicted_label": labels[:, 0].astype(np.int16),
                "predicted_category": [names[label] for label in labels[:, 0].tolist()],
                "probability": probabilities[:, 0].astype(np.float32),
                "margin": (probabilities[:, 0] - probabilities[:, 1]).astype(np.float32),
            }
        )
        return rows.with_columns(
            familiarity=pl.lit(None if found.familiarity is None else pl.Series(found.familiarity), pl.Float32),
            unknown=pl.Series(found.unknown),
            model=pl.lit(self.manifest.sha256),
        )


def check_usable(manifest: ModelManifest, categories: Mapping[str, int]) -> None:
    """See that a model's answers mean in the dataset what they meant when it was trained; new categories do no harm.

    Raises:
        ModelRefusedError: naming the categories that have another label by now, or none.
    """
    changed = {name: label for name, label in manifest.classes.items() if categories.get(name) != label}
    if changed:
        raise ModelRefusedError(
            f"the model {manifest.file} knows the categories {changed}, which the dataset file has no more or with "
            "another label; train the model again"
        )


def score_files(scorer: Scorer, image_features: PartitionFiles) -> pl.DataFrame:
    """Rows of `predictions` for every image of a partition of `image_features`, by image id.

    Features are read and forgotten a few thousand at a time: memory does not grow with the partition.

    Raises:
        DamagedFile: a file is not as it was written.
        MixedExtractors, ValueError: as `Scorer.rows`.
    """
    parts = [PREDICTIONS.no_rows()]
    for file in image_features.files:
        parts += [scorer.rows(some) for some in image_features.table.files.frames(file.path, _COLUMNS, _READ_ROWS)]
    return pl.concat(parts).sort("image_id")


def trained_on(manifest: ModelManifest, partition: Partition) -> bool:
    """Whether images of the partition were there when the model was trained: then its answers are no test of it."""
    return (partition.date, partition.category) in manifest.partitions


def figures_of(rows: pl.DataFrame) -> dict[str, float]:
    """Figures of a partition's predictions: how many, how certain, how many unknown or as delivered."""
    if rows.is_empty():
        return {"images": 0}
    agreed = rows["predicted_label"] == rows["label"]
    return {
        "images": rows.height,
        "taken for what they were delivered as": round(float(np.mean(agreed.to_numpy())), 4),
        "unknown": round(float(np.mean(rows["unknown"].to_numpy())), 4),
        "mean probability": round(float(np.mean(rows["probability"].to_numpy())), 4),
    }


def _check_extractor(images: pl.DataFrame, manifest: ModelManifest) -> None:
    foreign = images.filter(pl.col("extractor") != manifest.extractor_digest)
    if not foreign.is_empty():
        raise MixedExtractors(
            f"{foreign.height} of {images.height} features are of another extractor than the model's, "
            f"{manifest.extractor} {manifest.extractor_digest}; "
            f"the first is that of image {foreign['image_id'][0]}; materialise image_features of this partition again"
        )
