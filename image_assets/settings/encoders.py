"""Models that people bring: how a dataset file names one and says what it takes and gives."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from image_assets.settings.section import SettingsSection, Sha256


class MayBeMirrored(SettingsSection):
    """An extractor that sees another picture in a mirror image."""

    mirrored: bool = Field(
        default=False,
        description="Mean of the features of a picture and its mirror image; the model runs twice. Another extractor "
        "than without.",
    )


Layout = Literal["NCHW", "NHWC", "flat"]
Colours = Literal["RGB", "BGR"]
Pooling = Literal["none", "mean", "max", "first"]
PerChannel = tuple[float, float, float]


def _not_zero(values: PerChannel) -> PerChannel:
    if not all(value > 0 for value in values):
        raise ValueError("deviations must be above 0")
    return values


class OnnxModel(MayBeMirrored):
    """A model of pictures as an ONNX file. What is not said here is read from the file and from what lies beside it."""

    kind: Literal["onnx"]
    file: str = Field(min_length=1, description="Path of the file, `s3://bucket/key`, or a URL.")
    sha256: Sha256 | None = Field(
        default=None, description="SHA-256 of the file; required for a bucket or URL, from which it is fetched once."
    )
    preprocessor: str | None = Field(
        default=None,
        description="A `preprocessor_config.json`; without a word on it, one that lies beside a local file is read.",
    )
    input: str | None = Field(default=None, description="Name of the input; needed for nothing but to be sure.")
    layout: Layout | None = Field(
        default=None, description="Order of the input's dimensions; `flat` is rows of side × side × 3 numbers."
    )
    image_size: int | None = Field(default=None, gt=0, le=4096, description="Side of the square input in pixels.")
    fit: Literal["squash", "pad", "crop"] | None = Field(
        default=None,
        description="How a picture becomes a square: as a whole without its aspect ratio, which is meant where nothing "
        "says so; as a whole with black beside it; or the square in its middle.",
    )
    resize_to: int | None = Field(
        default=None,
        gt=0,
        le=8192,
        description="What the shorter side (for `squash`, both) becomes before the square in the middle is taken.",
    )
    filter: Literal["bilinear", "bicubic"] | None = Field(
        default=None, description="Interpolation; bilinear where nothing says so."
    )
    colours: Colours | None = Field(default=None, description="Order of the channels; RGB where nothing says so.")
    rescale: float | None = Field(
        default=None,
        gt=0,
        description="What levels of 0 … 255 are multiplied by, before `mean` is taken off and the rest divided by "
        "`std`; 1/255 where one of these is said.",
    )
    mean: PerChannel | None = Field(default=None, description="Of each channel, in the order of `colours`.")
    std: Annotated[PerChannel, AfterValidator(_not_zero)] | None = Field(
        default=None, description="Of each channel, in the order of `colours`."
    )
    output: str | None = Field(
        default=None,
        description="Which output, or value within the graph, the features are; needed where there are several.",
    )
    pooling: Pooling = Field(
        default="none",
        description="How a map or a row of tokens becomes one vector: its mean, its maximum, or the first token.",
    )

    @model_validator(mode="after")
    def _fetched_files_are_known(self) -> Self:
        if "://" in self.file and not self.sha256:
            raise ValueError("a file that is fetched needs its sha256, as `sha256sum FILE` says it")
        if self.resize_to and self.fit == "pad":
            raise ValueError("resize_to is for crop and squash; pad cuts nothing off")
        return self


class TimmModel(MayBeMirrored):
    """A model of the collection timm, with its own rules of how pictures become numbers."""

    kind: Literal["timm"]
    model: str = Field(
        min_length=1,
        description="Its name as `timm.list_models()` has it, with the tag of its weights or without, such as "
        "`vit_small_patch14_dinov2.lvd142m`.",
    )
    weights: str | None = Field(
        default=None,
        min_length=1,
        description="Its weights, `.safetensors` or `.pth` of plain tensors: a path, `s3://bucket/key` or a URL. "
        "Default: those of its hub, which are fetched once.",
    )
    sha256: Sha256 | None = Field(
        default=None, description="SHA-256 of the weights; required where they are in a bucket or behind a URL."
    )
    image_size: int | None = Field(
        default=None, gt=0, le=4096, description="Side of the square input in pixels; default: the model's own."
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="Where it runs; `auto`: on a GPU where there is one."
    )

    @model_validator(mode="after")
    def _fetched_weights_are_known(self) -> Self:
        if self.weights and "://" in self.weights and not self.sha256:
            raise ValueError("weights that are fetched need their sha256, as `sha256sum FILE` says it")
        if self.sha256 and not self.weights:
            raise ValueError("sha256 is of weights; say which, or leave it out")
        return self


Own = OnnxModel | TimmModel
"""What a person may bring as an extractor."""
