"""Any model of the collection timm as an extractor: its last vector before the classes, with its own pixel rules.

Needs the extra `timm`. Weights are tensors and nothing else: a file that would run code is refused by who reads it.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from image_assets.features.batching import BatchIndependent, same_in_batches
from image_assets.features.digest import extractor_digest
from image_assets.features.errors import EncoderError
from image_assets.features.model_files import model_file
from image_assets.features.pixel_rules import PixelRules
from image_assets.features.preprocess import Fit, Resize
from image_assets.images.resampling import Filter
from image_assets.settings.encoders import TimmModel
from image_assets.wording import in_brief

if TYPE_CHECKING:
    import torch

INSTALL = 'pip install "image-assets[timm]"'
_CHANNELS = 3
_WEIGHT_FILES = (".safetensors", ".pth", ".pt", ".bin")
_FITS: Mapping[str, Fit] = {"center": "crop", "squash": "squash"}  # of timm's `crop_mode`
_FILTERS: Mapping[str, Filter] = {"bilinear": "bilinear", "bicubic": "bicubic", "random": "bilinear"}


@dataclass(frozen=True)
class _Fitted:
    """A model that is ready to run.

    Attributes:
        network: Without its last layer, in evaluation mode, where it runs.
        weights: Digest of its tensors.
        rules: What pixels become.
        mean, std: Theirs, float32 `[1, 3, 1, 1]`, where the network runs.
    """

    network: torch.nn.Module
    weights: str
    rules: PixelRules
    mean: torch.Tensor
    std: torch.Tensor


class TimmExtractor(BatchIndependent):
    """A model of timm that gives one vector a picture.

    On a processor the model runs on the thread of its caller. On a GPU the last bits of a picture's features may depend
    on the pictures beside it; elsewhere they do not: where a model's would, pictures are run one by one.

    Args:
        spec: Which model, and where it runs.

    Raises:
        EncoderError: timm is not installed, does not know the model, the weights cannot be had or are another
            model's, or the model does not give one vector a picture. All of this shows here, before the first image.
    """

    def __init__(self, spec: TimmModel) -> None:
        _installed()
        self._device = _device(spec)
        fitted = _fitted(spec, self._device)
        super().__init__(fitted.rules.resize)
        self.name = "timm"
        # Where it runs is not part of it, as for every extractor: the features are the same but for rounding.
        self.digest = extractor_digest(
            fitted.weights, {"extractor": self.name, "model": _architecture(spec.model), **fitted.rules.settings}
        )
        self._model, self._fitted = spec.model, fitted
        self.width = self._run(np.zeros((1, *self.shape), np.uint8)).shape[1]
        alike = same_in_batches(self._run, self.image_size, spec.model)
        self._singly = self._device == "cpu" and not alike

    def _run(self, batch: np.ndarray) -> np.ndarray:
        import torch

        fitted = self._fitted
        levels = torch.from_numpy(np.ascontiguousarray(batch)).to(self._device).permute(0, 3, 1, 2)
        try:
            with torch.inference_mode():
                features = fitted.network((levels.float() * fitted.rules.rescale - fitted.mean) / fitted.std)
        except (RuntimeError, ValueError, AssertionError) as error:
            raise EncoderError(
                f"{self._model}: cannot run on {len(batch)} pictures of {self.image_size} pixels ({in_brief(error)}); "
                "is image_size right?"
            ) from None
        if not isinstance(features, torch.Tensor):
            raise EncoderError(f"{self._model}: expected one vector a picture; found {type(features).__name__}")
        return features.float().cpu().numpy()


@cache
def _installed() -> ModuleType:
    """timm; torch does not start threads of its own from here on, as callers bring theirs, one per core."""
    try:
        import timm
        import torch
    except ImportError as error:
        raise EncoderError(f"extractor timm needs a package that is not installed ({error.name}): {INSTALL}") from None
    torch.set_num_threads(1)
    return timm


def _device(spec: TimmModel) -> str:
    import torch

    there = torch.cuda.is_available()
    if spec.device == "cuda" and not there:
        raise EncoderError(
            f"{spec.model}: the extractor's device is cuda, and no GPU can be used here; say auto to run it anyway"
        )
    return "cuda" if there and spec.device != "cpu" else "cpu"


def _fitted(spec: TimmModel, device: str) -> _Fitted:
    import torch

    timm = _installed()
    _refuse_unknown(timm, spec.model)
    size = {} if spec.image_size is None else {"img_size": spec.image_size}
    network = _made(timm, spec, size)
    if spec.weights:
        _load(timm, network, spec)
    config = timm.data.resolve_data_config(model=network)
    rules = _rules(config, spec)
    mean, std = (torch.tensor(values, device=device).view(1, _CHANNELS, 1, 1) for values in (rules.mean, rules.std))
    return _Fitted(network.eval().to(device), _digest(network.state_dict()), rules, mean, std)


def _made(timm: ModuleType, spec: TimmModel, size: Mapping[str, int]) -> Any:
    """The model without its last layer: as its hub has it, or empty where the weights are in a file."""
    keys: dict[str, Any] = {"pretrained": spec.weights is None, "num_classes": 0}
    try:
        if size:
            # Those that take a size are told; those that take any do not know the word.
            with suppress(TypeError):
                return timm.create_model(spec.model, **keys, **size)
        return timm.create_model(spec.model, **keys)
    except Exception as error:  # noqa: BLE001  # of the hub, the network, the disk and the model alike
        said = f"{type(error).__name__}: {in_brief(error)}"
        hint = "" if spec.weights else "; `weights` names a file that is at hand"
        raise EncoderError(f"{spec.model}: timm cannot make it ({said}){hint}") from None


def _refuse_unknown(timm: ModuleType, model: str) -> None:
    if ":" in model or timm.is_model(_architecture(model)):  # `hf-hub:` and `local-dir:` name where a model lies
        return
    near = get_close_matches(_architecture(model), timm.list_models(), n=3)
    meant = f"did you mean {' or '.join(near)}?" if near else "`timm.list_models()` has their names"
    raise EncoderError(f"{model}: timm knows no such model; {meant}")


def _architecture(model: str) -> str:
    """The name of a model without the tag of its weights."""
    return model if ":" in model else model.partition(".")[0]


def _load(timm: ModuleType, network: Any, spec: TimmModel) -> None:
    """Fill a model with the weights of a file; all of them have to be there, and nothing else but those of classes."""
    named = str(spec.weights)
    file = model_file(named, spec.sha256)
    if file.suffix not in _WEIGHT_FILES:
        raise EncoderError(f"{named}: expected weights in a file of {', '.join(_WEIGHT_FILES)}")
    # As timm's modules call what gives older names their new ones, and position embeddings another size.
    adapted = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    try:
        left = timm.models.load_checkpoint(network, str(file), strict=False, filter_fn=adapted)
    except Exception as error:  # noqa: BLE001  # of formats, shapes and the disk alike
        raise EncoderError(f"{named}: cannot be loaded as weights of {spec.model} ({in_brief(error)})") from None
    classes = network.pretrained_cfg.get("classifier") or ()
    heads = (classes,) if isinstance(classes, str) else tuple(classes)
    foreign = [name for name in left.unexpected_keys if not name.startswith(heads)]
    if left.missing_keys or foreign:
        raise EncoderError(
            f"{named}: are not the weights of {spec.model}: {_some('missing', left.missing_keys)}"
            f"{_some('unknown', foreign)}expected a file as timm writes it"
        )


def _some(what: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return f"{what} {names[0]}{more}; " if names else ""


def _rules(config: Mapping[str, Any], spec: TimmModel) -> PixelRules:
    """What timm's own transform for evaluation does, of `timm.data.create_transform`."""
    channels, high, wide = config["input_size"]
    if channels != _CHANNELS or high != wide:
        raise EncoderError(f"{spec.model}: takes {high} × {wide} pixels of {channels} channels, expected squares of 3")
    fit, resampling = _FITS.get(config["crop_mode"]), _FILTERS.get(config["interpolation"])
    if fit is None or resampling is None:
        raise EncoderError(
            f"{spec.model}: pictures are to be resized by {config['interpolation']} and {config['crop_mode']}; known "
            f"are {', '.join(_FILTERS)} and {', '.join(_FITS)}"
        )
    size = spec.image_size or high
    mean, std = (tuple(float(value) for value in config[name]) for name in ("mean", "std"))
    if len(mean) != _CHANNELS or len(std) != _CHANNELS:
        raise EncoderError(f"{spec.model}: expected a mean and a deviation for each of {_CHANNELS} channels")
    resize = Resize(size, fit, resampling, math.floor(size / config["crop_pct"]))
    return PixelRules(resize, "RGB", 1 / 255, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def _digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 of named tensors, 64 hexadecimal digits, whatever file they came from."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {list(values.shape)}\n".encode())
        digest.update(values.numpy().tobytes())
    return digest.hexdigest()
