"""Networks that are trained from pixels: a section per network, and nothing is trained of what has none."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from image_assets.settings.denoising import AnyNoise, DenoisingPreset, GaussianNoise
from image_assets.settings.section import SettingsSection, Sha256

Brightness = Annotated[float, Field(gt=0, le=1)]
Colour = Literal["grey", "rgb"]
CnnPreset = Literal["original", "separable", "mobilenet", "mobilenet_v2", "resnet50_v2"]
_FINE_TUNED: tuple[CnnPreset, ...] = ("mobilenet", "mobilenet_v2", "resnet50_v2")
_LEAST_SIDE = 32
# Side of the pictures up to which `original` learns with the usual steps.
_LEARNING_SIDE = 128
Side = Annotated[int, Field(ge=16, le=1_024)]


class Augmentation(SettingsSection):
    """How pictures are changed while a network is trained on them, each time differently."""

    mirror: bool = Field(default=True, description="Half of them are mirrored, left to right.")
    rotation: float = Field(default=25, ge=0, le=180, description="Turned by at most so many degrees; 0: not at all.")
    # A tuple of two types is one whose schema Dagster's components cannot read.
    brightness: tuple[Brightness, ...] = Field(
        default=(0.4, 1),
        min_length=2,
        max_length=2,
        description="Least and greatest factor of brightness; [1, 1]: not changed.",
    )

    @field_validator("brightness")
    @classmethod
    def _ascending(cls, factors: tuple[float, ...]) -> tuple[float, ...]:
        if factors[0] > factors[1]:
            raise ValueError(f"the least factor, {factors[0]:g}, is above the greatest, {factors[1]:g}")
        return factors


class Training(SettingsSection):
    """How a network is fitted: what all of them have in common."""

    _usual_rate: ClassVar[float] = 0.001

    epochs: PositiveInt = Field(default=40, description="Most passes over the training images.")
    batch: PositiveInt = Field(default=32, description="Images of a step.")
    learning_rate: PositiveFloat | None = Field(default=None, description="Of Adam, at the beginning; null: 0.001.")
    patience: PositiveInt = Field(
        default=8, description="Training ends after so many epochs in which the validation became no better."
    )
    validation: float = Field(
        default=0.1,
        gt=0,
        lt=0.5,
        description="Share of the training images that says which epoch was the best; nothing is learnt from it.",
    )
    precision: Literal["auto", "float32", "mixed"] = Field(
        default="auto", description="mixed: 16 bits where that is enough; auto: so on a GPU, else 32 bits."
    )
    seed: NonNegativeInt = Field(default=0, description="Of the first weights, the order of images, and all chance.")

    @property
    def first_rate(self) -> float:
        """The learning rate of the first step."""
        return self.learning_rate or self._usual_rate


class Backbone(SettingsSection):
    """What a network begins with that others trained: it is fine-tuned, not trained from nothing."""

    weights: str = Field(
        default="imagenet",
        min_length=1,
        description="A `.weights.h5` file of the network without its last layer, as Keras writes it: a path, "
        "`s3://bucket/key` or a URL; or the folder of a TF Hub module of mobilenet or mobilenet_v2, of which the "
        "numbers are read and nothing is run; imagenet: those of Keras' hub, which are fetched once.",
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="SHA-256 of the file; required where it is in a bucket or behind a URL. Of a folder the digest of "
        "all its files, which the error names where another was given.",
    )
    learning_layers: NonNegativeInt = Field(
        default=20, description="So many of its last layers learn too; 0: only the layer that answers does."
    )

    @model_validator(mode="after")
    def _fetched_weights_are_known(self) -> Self:
        if "://" in self.weights and not self.sha256:
            raise ValueError("weights that are fetched need their sha256, as `sha256sum FILE` says it")
        if self.sha256 and self.weights == "imagenet":
            raise ValueError("sha256 is of a file of weights; say which, or leave it out")
        return self


class CnnClassifier(Training):
    """A convolutional network that tells the categories apart by the pictures themselves."""

    preset: CnnPreset = Field(
        default="separable",
        description="original: six convolutions, dropout, two dense layers; separable: separable convolutions with "
        "batch normalisation, smaller and faster; mobilenet, mobilenet_v2, resnet50_v2: networks of Keras' collection "
        "that others trained, whose last layers are fine-tuned.",
    )
    backbone: Backbone | None = Field(
        default=None, description="What such a network begins with; null for those that are trained from nothing."
    )
    size: Side = Field(default=256, description="Side of the squares that pictures are made, pixels.")
    colour: Colour = Field(default="rgb", description="What a pixel holds: one number, or three.")
    learning_rate: PositiveFloat | None = Field(
        default=None,
        description="Of Adam, at the beginning; null: 0.001, of `original` with more than 128 × 128 pixels as many "
        "times less as there are more of them.",
    )
    augmentation: Augmentation = Augmentation()
    warm_start: bool = Field(
        default=False,
        description="Training begins with the weights of the current network where that is of the same shape and "
        "categories, and all that it has learnt from is still to learn from; false: anew, as the seed has it.",
    )

    @property
    def first_rate(self) -> float:
        """The learning rate of the first step.

        A dense layer of `original` sums up all places of the picture. A step of Adam moves each weight by about the
        rate, and so the sum by as many times the rate as there are places: with ever more of them the first steps are
        so large that nothing is learnt any more. Hence one over the number of inputs (G. Yang et al., "Tensor Programs
        V: Tuning Large Neural Networks via Zero-Shot Hyperparameter Transfer", 2022, table 3).
        """
        if self.learning_rate is None and self.preset == "original" and self.size > _LEARNING_SIDE:
            return self._usual_rate * _LEARNING_SIDE**2 / self.size**2
        return super().first_rate

    @model_validator(mode="after")
    def _begins_with_something_or_nothing(self) -> Self:
        fine_tuned = self.preset in _FINE_TUNED
        if fine_tuned and self.backbone is None:
            raise ValueError(f"the preset {self.preset} is fine-tuned: say with what it begins, `backbone: {{}}`")
        if not fine_tuned and self.backbone is not None:
            raise ValueError(f"the preset {self.preset} is trained from nothing: it has no backbone")
        if fine_tuned and self.warm_start:
            raise ValueError(f"the preset {self.preset} begins with its backbone: it has no warm_start")
        if fine_tuned and self.size < _LEAST_SIDE:
            raise ValueError(f"the preset {self.preset} is given squares of {_LEAST_SIDE} pixels or more")
        return self


class DenoisingAutoencoder(Training):
    """A network that takes noise away from pictures; trained on noisy pictures and the clean ones."""

    _usual_rate: ClassVar[float] = 0.002

    preset: DenoisingPreset = Field(
        default="residual",
        description="residual: estimates the noise and takes it off the picture; original: 48-32-16-8-8-16-32-48 "
        "channels, four times halved and doubled again, so that all of a picture goes through a sixteenth of its side.",
    )
    size: int = Field(
        default=64, ge=16, le=512, multiple_of=16, description="Side of the squares that pictures are made, pixels."
    )
    colour: Colour = Field(default="rgb", description="What a pixel holds: one number, or three.")
    noise: tuple[AnyNoise, ...] = Field(
        default=(GaussianNoise(kind="gaussian"),),
        min_length=1,
        description="What is done to a picture, in this order; what a network is judged by is the same in every run.",
    )
    epochs: PositiveInt = Field(default=30, description="Most passes over the training images.")
    learning_rate: PositiveFloat | None = Field(default=None, description="Of Adam, at the beginning; null: 0.002.")
    judged: PositiveInt = Field(default=2_000, description="Of more images held out so many judge it, the same ones.")
    classified_again: NonNegativeInt = Field(
        default=500, description="So many of these are also shown to the current classifiers; 0: none."
    )
    pictures: PositiveInt = Field(default=6, description="Most pictures of a gallery.")


class Networks(SettingsSection):
    """Networks that are trained from pixels, each where it has a section. They need the extra `networks`."""

    cnn_classifier: CnnClassifier | None = Field(
        default=None, description="The asset `cnn_classifier`; {} trains it as it comes; null: there is none."
    )
    denoising_autoencoder: DenoisingAutoencoder | None = Field(
        default=None, description="The asset `denoising_autoencoder`; {} trains it as it comes; null: there is none."
    )
