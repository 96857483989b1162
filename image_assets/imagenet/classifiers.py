"""What gives the labels: the embedded extractor's head, or any TF Hub image classification module; one interface.

A new one is a class with the members of `ImagenetClassifier`, and a line in `build_classifier`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from image_assets.features.comparison_images import comparison_batches
from image_assets.features.digest import extractor_digest, folder_digest
from image_assets.features.efficientnet_lite import EfficientNetLiteExtractor
from image_assets.features.errors import HubModuleError, WeightsError
from image_assets.features.hub_module import HubModule, module_folder
from image_assets.features.preprocess import Prepares, Resize, Resized, check_batch
from image_assets.imagenet.labels import CLASSES, WITH_BACKGROUND, are_probabilities, softmax, without_background
from image_assets.settings.imagenet import Imagenet


class ImagenetClassifier(Prepares, Protocol):
    """Tells which of the 1,000 classes an image shows. All methods may be called from several threads at once.

    Attributes:
        name: As dataset files call it.
        weights: SHA-256 of its weights: of their file, or over the files of a module.
        digest: 64 hexadecimal digits that change with the weights and with every setting that changes a probability.
    """

    name: str
    weights: str
    digest: str

    def classify(self, batch: np.ndarray) -> np.ndarray:
        """Probabilities of the classes in their usual order, float32 `[N, 1000]`.

        Args:
            batch: Prepared images, uint8 `[N, image_size, image_size, 3]`.
        """
        ...


class EmbeddedClassifier(EfficientNetLiteExtractor):
    """EfficientNet-Lite0 with its published head.

    Raises:
        WeightsError: the installed weights are missing or are not the expected ones; nothing of others is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.name = "embedded"
        self.digest = extractor_digest(self.digest, {"output": "softmax of the head"})


class HubClassifier(Resized):
    """A TF Hub image classification module: RGB images in [0, 1] to logits or probabilities of 1,000 or 1,001 classes.

    Which of the two they are is told once, by the comparison images: where all outputs are probabilities they are taken
    as such, else softmax makes them so. Of 1,001 classes the first one is the background; it is never the answer, and
    keeps its share of the probability.

    Args:
        module: URL of the module, or the folder of a SavedModel.
        image_size: Side of the square input in pixels.
        sha256: What the digest of the module's files must be; None: anything.

    Raises:
        WeightsError: the files have another digest; nothing of them was loaded.
        HubModuleError: as `HubModule`; in particular where there are other than 1,000 or 1,001 outputs, or some are no
            numbers.
    """

    def __init__(self, module: str, image_size: int, sha256: str | None = None) -> None:
        # Black bars would be a part of the picture that no training image had.
        resize = Resize(image_size, "squash")
        super().__init__(resize)
        self.name = "tf_hub"
        folder = module_folder(module)
        self.weights = _checked_digest(module, folder, sha256)
        settings = {"classifier": self.name, **resize.settings, "layout": "RGB, channels last, 0 … 1"}
        self.digest = extractor_digest(self.weights, settings)
        self._module = HubModule(module, folder, image_size, (CLASSES, WITH_BACKGROUND))
        outputs = np.concatenate([self._module.infer(batch) for batch in comparison_batches(image_size)])
        if not np.isfinite(outputs).all():
            raise HubModuleError(f"{module}: gives NaN or infinity; expected logits or probabilities of every class")
        self._gives_logits = not are_probabilities(outputs)

    def classify(self, batch: np.ndarray) -> np.ndarray:
        """Probabilities, float32 `[N, 1000]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        check_batch(batch, self.image_size)
        outputs = self._module.infer(batch)
        return without_background(softmax(outputs) if self._gives_logits else outputs)


def shared_classifier(spec: Imagenet) -> ImagenetClassifier:
    """The process's one classifier of its kind, built when it is first asked for. Raises as `build_classifier`."""
    return _built(spec.classifier, spec.module, spec.image_size, spec.sha256)


@lru_cache(maxsize=2)
def _built(kind: str, module: str | None, image_size: int | None, sha256: str | None) -> ImagenetClassifier:
    return build_classifier(kind, module, image_size, sha256)


def build_classifier(
    kind: str, module: str | None = None, image_size: int | None = None, sha256: str | None = None
) -> ImagenetClassifier:
    """Build the classifier that a dataset asks for; the arguments are those of the section `imagenet`.

    Raises:
        ExtractorError: its weights or its module cannot be used, or are not those that they should be.
    """
    if kind == "embedded":
        return EmbeddedClassifier()
    if kind == "tf_hub" and module is not None and image_size is not None:
        return HubClassifier(module, image_size, sha256)
    raise ValueError(f"imagenet: no classifier {kind!r}; expected embedded, or tf_hub with module and image_size")


def _checked_digest(module: str, folder: Path, sha256: str | None) -> str:
    found = folder_digest(folder)
    if sha256 is not None and found != sha256:
        raise WeightsError(
            f"{module}: not the expected module, nothing of it was loaded: expected SHA-256 {sha256}, found {found} in "
            f"{folder}; get the module again, or correct imagenet.sha256 if this is the one that you trust"
        )
    return found
