"""What model files and the files beside them say of pixels.

`preprocessor_config.json` is what image processors of Hugging Face's `transformers` write beside a model:
https://huggingface.co/docs/transformers/main_classes/image_processor. The `Image.…` keys are ONNX's own metadata:
https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from image_assets.features.errors import EncoderError
from image_assets.features.pixel_rules import Said
from image_assets.images.resampling import Filter
from image_assets.settings.encoders import PerChannel

FILE_NAME = "preprocessor_config.json"
METADATA_KEY = "preprocessor_config"
"""Under which a model's metadata may hold the content of such a file."""

# Numbers are Pillow's.
_FILTERS: dict[object, Filter] = {2: "bilinear", 3: "bicubic", "bilinear": "bilinear", "bicubic": "bicubic"}
_KNOWN_STEPS = ("do_resize", "do_center_crop", "do_rescale", "do_normalize", "do_convert_rgb", "do_flip_channel_order")
_FORMATS = {"Rgb8": Said(colours="RGB"), "Bgr8": Said(colours="BGR")}
_RANGES = {
    "NominalRange_0_255": Said(rescale=1.0),
    "Normalized_0_1": Said(rescale=1 / 255),
    "Normalized_1_1": Said(rescale=1 / 255, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
}
_METADATA: Mapping[str, dict[str, Said]] = {
    "Image.BitmapPixelFormat": _FORMATS,
    "Image.NominalPixelRange": _RANGES,
    "Image.ColorSpaceGamma": {"SRGB": Said()},
}


def said_by_metadata(metadata: Mapping[str, str], model: str) -> list[Said]:
    """What the metadata of an ONNX file say, the more important first. Raises `EncoderError` as `said_by_config`."""
    found = []
    if METADATA_KEY in metadata:
        found.append(said_by_config(metadata[METADATA_KEY], f"{model}, metadata {METADATA_KEY}"))
    for key, meanings in _METADATA.items():
        value = metadata.get(key)
        if value is not None and value not in meanings:
            raise EncoderError(
                f"{model}: its metadata say {key} = {value}, which pictures cannot be given as; expected "
                f"{' or '.join(meanings)}"
            )
        found += [meanings[value]] if value is not None else []
    return found


def said_by_file(file: Path) -> Said:
    """What a `preprocessor_config.json` says. Raises `EncoderError` where it cannot be read or followed."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EncoderError(f"{file}: cannot be read ({error}); correct the extractor's preprocessor") from None
    return said_by_config(text, str(file))


def said_by_config(text: str, origin: str) -> Said:
    """What the content of a `preprocessor_config.json` says.

    Args:
        text: JSON.
        origin: Where it comes from, for errors.

    Raises:
        EncoderError: it is no such content, or asks for a step that is not known here.
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise EncoderError(f"{origin}: no JSON ({error})") from None
    if not isinstance(config, dict):
        raise EncoderError(f"{origin}: expected keys such as image_mean; found a {type(config).__name__}")
    unknown = [key for key, value in config.items() if key.startswith("do_") and value and key not in _KNOWN_STEPS]
    if unknown:
        raise EncoderError(
            f"{origin}: asks for {', '.join(unknown)}, which is not known here; say what pictures become by the "
            "extractor's own keys, and leave such a file out of the folder"
        )
    said = _Config(config, origin)
    return Said(**said.square(), **said.numbers(), colours="BGR" if config.get("do_flip_channel_order") else "RGB")


class _Config:
    """One such file's content, key by key."""

    def __init__(self, config: Mapping[str, Any], origin: str) -> None:
        self._config, self._origin = config, origin

    def square(self) -> dict[str, Any]:
        """How a picture becomes a square."""
        config = self._config
        if config.get("do_resize") is False:
            raise self._wrong("do_resize", "pictures have many sizes, so that they must be resized")
        crops = bool(config.get("do_center_crop", "crop_size" in config))
        size, shortest = self._side("size", default_is_shortest=crops)
        crop, _ = self._side("crop_size") if crops else (None, False)
        resample = config.get("resample")
        name = resample.lower() if isinstance(resample, str) else resample
        if name is not None and not (isinstance(name, int | str) and name in _FILTERS):
            raise self._wrong("resample", "expected 2 (bilinear) or 3 (bicubic); say which by the extractor's filter")
        how: dict[str, Any] = {"filter": _FILTERS.get(name)}
        if size is None:
            return how | {"image_size": crop}
        if crop is not None:
            return how | {"image_size": crop, "fit": "crop" if shortest else "squash", "resize_to": size}
        if (
            shortest and "crop_pct" in config
        ):  # ConvNeXT's: below 384 pixels the middle is cut out, above it is squashed
            if size >= 384:
                return how | {"image_size": size, "fit": "squash"}
            return how | {"image_size": size, "fit": "crop", "resize_to": int(size / self._positive("crop_pct", 1))}
        if shortest:
            raise self._wrong("size", "pictures would be no squares; give the extractor's fit and image_size")
        return how | {"image_size": size, "fit": "squash"}

    def numbers(self) -> dict[str, Any]:
        """What levels become."""
        config, found = self._config, {}
        if config.get("do_rescale", True):
            found["rescale"] = self._positive("rescale_factor", 1 / 255)
        else:
            found["rescale"] = 1.0
        normalises = config.get("do_normalize", "image_mean" in config)
        for key, name in (("image_mean", "mean"), ("image_std", "std")):
            if normalises:
                found[name] = self._channels(key)
        return found

    def _side(self, key: str, *, default_is_shortest: bool = False) -> tuple[int | None, bool]:
        """The side of a square, and whether it is said of the shorter side of a picture."""
        value = self._config.get(key)
        match value:
            case None:
                return None, False
            case int() if not isinstance(value, bool) and value > 0:
                return value, default_is_shortest
            case {"shortest_edge": int(side)} if side > 0 and len(value) == 1:
                return side, True
            case {"height": int(height), "width": int(width)} if height == width > 0:
                return height, False
        raise self._wrong(key, 'expected a number of pixels, {"shortest_edge": …}, or one height and width')

    def _positive(self, key: str, default: float) -> float:
        value = self._config.get(key, default)
        if not _is_number(value) or not 0 < value <= 1:
            raise self._wrong(key, "expected a number above 0, and at most 1")
        return float(value)

    def _channels(self, key: str) -> PerChannel:
        values = self._config.get(key)
        if isinstance(values, int | float):
            values = [values] * 3
        if not isinstance(values, list) or len(values) != 3 or not all(map(_is_number, values)):
            raise self._wrong(key, "expected three numbers")
        if key == "image_std" and min(values) <= 0:
            raise self._wrong(key, "deviations must be above 0")
        first, second, third = map(float, values)
        return first, second, third

    def _wrong(self, key: str, advice: str) -> EncoderError:
        return EncoderError(f"{self._origin}: {key} is {json.dumps(self._config.get(key))}; {advice}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
