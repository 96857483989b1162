"""What the stages make of the images."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from image_assets.settings.encoders import MayBeMirrored, Own
from image_assets.settings.section import SettingsSection

Precision = Literal["float32", "int8"]


EfficientNetLiteKind = Literal["efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"]


EfficientNetLayer = Literal["head", "last_block"]


class EfficientNetLite(MayBeMirrored):
    """An EfficientNet-Lite with its published ImageNet weights: 1,280 or 1,152 features, no download."""

    kind: EfficientNetLiteKind = Field(
        description="Lite1 and Lite2 are larger and take pictures of 240 and 260 pixels, not 224; Lite2 needs the "
        "extra `efficientnet`.",
    )
    layer: EfficientNetLayer = Field(
        default="head",
        description="Where its features are taken. head: behind its last convolution, 1,280, as they are mostly taken. "
        "last_block: within its last block, 1,152 (of Lite2 1,248), less the mean that its training expects; sooner "
        "done, and a classifier does better on photos of sources that it never saw. Another extractor.",
    )
    precision: Precision = Field(
        default="float32",
        description="What it computes in. int8 is about 1.6 times as fast and close, not equal: another extractor.",
    )

    def __str__(self) -> str:
        """As a dataset file says it."""
        said = ", ".join(f"{key}: {value}" for key, value in self.model_dump(exclude_defaults=True).items())
        return f"{{{said}}}"


HubRuntime = Literal["tensorflow", "onnxruntime"]


class TfHub(MayBeMirrored):
    """Any TF Hub image feature-vector module."""

    kind: Literal["tf_hub"]
    module: str = Field(description="URL of the module, or the folder of a SavedModel.")
    image_size: int = Field(gt=0, le=4096, description="Side of the square input in pixels.")
    width: int = Field(gt=0, description="Number of features the module gives.")
    runtime: HubRuntime = Field(
        default="tensorflow",
        description="What runs it. onnxruntime is faster: the module is converted once, and refused where its features "
        "differ from TensorFlow's by more than 1e-4.",
    )


class ColourStatistics(SettingsSection):
    """Mean and standard deviation of the channels of BGR, HSV and L*a*b*: 18 numbers, no model."""

    kind: Literal["colour_statistics"]


OneExtractor = Annotated[EfficientNetLite | TfHub | ColourStatistics | Own, Field(discriminator="kind")]


class Combined(SettingsSection):
    """Several extractors side by side: their features follow each other. A picture is decoded once."""

    kind: Literal["combined"]
    extractors: tuple[OneExtractor, ...] = Field(min_length=2, description="Each as it would stand alone.")


AnyExtractor = Annotated[OneExtractor | Combined, Field(discriminator="kind")]


DEFAULT_EXTRACTOR = EfficientNetLite(kind="efficientnet_lite1", layer="last_block")
"""Of dataset files that name none, and what new ones name."""
FORMER_EXTRACTOR = EfficientNetLite(kind="efficientnet_lite0")
"""What dataset files that name none had before: stores may hold its features."""


EngineName = Literal["local", "ray"]


class Shards(SettingsSection):
    """The published tables."""

    rows: int = Field(default=10_001, gt=0, description="Rows of every shard but the last of its partition.")
    format: Literal["parquet", "csv"] = Field(default="parquet", description="Same values in either.")


class MapRefit(SettingsSection):
    """When the map is fitted anew instead of taking new images in, which moves all of it a little."""

    unlike: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="Share of the images added since the fit that are unlike all that was fitted, above which it is "
        "fitted anew.",
    )
    neighbours: float = Field(
        default=0.6,
        ge=0,
        lt=1,
        description="Neighbours that added images keep on the map, as a share of what fitted ones keep, below which "
        "it is fitted anew.",
    )
    growth: float = Field(
        default=2, gt=1, description="So many times as many points could be fitted as were, for it to be fitted anew."
    )


class Embedding(SettingsSection):
    """t-SNE of the features."""

    perplexity: float = Field(
        default=30, gt=1, description="Effective number of neighbours; lowered for small datasets."
    )
    fit_points: int = Field(
        default=30_000,
        ge=100,
        description="At most so many images are fitted, of all categories and lookalike groups; the rest are placed.",
    )
    dimensions: Literal[2, 3] = Field(default=2, description="Of the map: a plane, or a space for animations.")
    seed: int = Field(default=0, description="The same seed and images give the same first map.")
    refit: MapRefit = MapRefit()


FormatName = Literal["jpeg", "png", "webp", "gif", "bmp", "tiff", "avif", "heic", "jxl"]


class Limits(SettingsSection):
    """Where the platform draws the line."""

    formats: tuple[FormatName, ...] = Field(
        default=get_args(FormatName),
        min_length=1,
        description="Formats that are let in, by content; files of another one go to quarantine.",
    )
    max_bytes: int = Field(default=50_000_000, gt=0, description="Largest accepted file, bytes.")
    max_pixels: int = Field(default=64_000_000, gt=0, description="Largest accepted width × height, from the header.")
    max_side: int = Field(default=30_000, gt=0, description="Longest accepted side, pixels.")
    min_side: int = Field(default=1, gt=0, description="Shortest accepted side, pixels.")
    quarantine_rate: float = Field(
        default=0.05, ge=0, le=1, description="Share of a partition's files in quarantine above which its check fails."
    )
    keep_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Share of a partition's images that must be left when it is loaded again; with fewer, and with "
        "none, nothing is replaced unless whoever runs it allows it.",
    )
    imbalance: float = Field(
        default=10, ge=1, description="Largest category ÷ smallest category above which a warning is given."
    )
