"""Any TF Hub image feature-vector module as an extractor, by URL or as the folder of a SavedModel.

TensorFlow runs it (`hub_module`), or onnxruntime runs what was converted from it (`hub_onnx`).
"""

from __future__ import annotations

import numpy as np

from image_assets.features import hub_onnx
from image_assets.features.digest import extractor_digest, folder_digest
from image_assets.features.hub_module import HubModule, module_folder
from image_assets.features.preprocess import Resize, Resized, check_batch
from image_assets.settings.stages import HubRuntime


class TfHubExtractor(Resized):
    """A TF Hub module that takes RGB images in [0, 1] and gives one feature vector each.

    Args:
        module: URL of the module, or the folder of a SavedModel.
        image_size: Side of the square input in pixels.
        width: Number of features that the module must give.
        runtime: What runs it. The features agree to 1e-4; their bits differ, and so do the digests.

    Raises:
        HubModuleError: TensorFlow is needed and not installed, or the module cannot be had, loaded or run, or does not
            give `width` features, or cannot be converted exactly. All of this shows here, before the first image.
    """

    def __init__(self, module: str, image_size: int, width: int, runtime: HubRuntime = "tensorflow") -> None:
        resize = Resize(image_size, "pad")
        super().__init__(resize)
        self.name = "tf_hub"
        self.width = width
        folder = module_folder(module)
        weights = folder_digest(folder)
        settings = {
            "extractor": self.name,
            **resize.settings,
            "layout": "RGB, channels last, 0 … 1",
            "width": width,
            "runtime": runtime,
        }
        self.digest = extractor_digest(weights, settings)
        if runtime == "onnxruntime":
            self._model = hub_onnx.load(module, folder, weights, image_size, width)
        else:
            self._model = HubModule(module, folder, image_size, width)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        check_batch(batch, self.image_size)
        return self._model.infer(batch)
