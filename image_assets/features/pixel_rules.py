"""What a model wants pixels to be, put together from all that says something of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from image_assets.features.errors import EncoderError
from image_assets.features.preprocess import Fit, Resize
from image_assets.images.resampling import Filter
from image_assets.settings.encoders import Colours, PerChannel

_NO_MEAN: PerChannel = (0.0, 0.0, 0.0)
_NO_STD: PerChannel = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Said:
    """What one source says of the pixels; None where it says nothing. The names are those of `settings.encoders`."""

    image_size: int | None = None
    fit: Fit | None = None
    resize_to: int | None = None
    filter: Filter | None = None
    colours: Colours | None = None
    rescale: float | None = None
    mean: PerChannel | None = None
    std: PerChannel | None = None


@dataclass(frozen=True)
class PixelRules:
    """How a picture becomes numbers: (level × rescale − mean) ÷ std.

    Attributes:
        resize: How it becomes a square.
        colours: Order of the channels.
        rescale: What levels of 0 … 255 are multiplied by.
        mean: Of each channel, in the order of `colours`.
        std: Of each channel, in the order of `colours`.
    """

    resize: Resize
    colours: Colours = "RGB"
    rescale: float = 1.0
    mean: PerChannel = _NO_MEAN
    std: PerChannel = _NO_STD

    @property
    def are_levels(self) -> bool:
        """Whether the numbers are the levels themselves, 0 … 255."""
        return (self.rescale, self.mean, self.std) == (1.0, _NO_MEAN, _NO_STD)

    @property
    def settings(self) -> dict[str, object]:
        """What goes into an extractor's digest."""
        numbers = {"rescale": self.rescale, "mean": list(self.mean), "std": list(self.std)}
        return {**self.resize.settings, "colours": self.colours, **numbers}


def first_said(sources: Sequence[Said]) -> Said:
    """Of every value the one of the first source that says it.

    `resize_to` belongs to its `fit`: where another one was said before, it does not count.
    """
    whole = Said()
    for one in sources:
        if whole.fit not in (None, one.fit):
            one = replace(one, resize_to=None)
        missing = {f.name: getattr(one, f.name) for f in fields(Said) if getattr(whole, f.name) is None}
        whole = replace(whole, **missing)
    return whole


def rules_of(said: Said, model: str, takes_levels: bool) -> PixelRules:
    """The rules, with what is meant where nothing is said: the whole picture squashed, bilinear, RGB.

    Args:
        said: Everything that is known.
        model: How the dataset file calls the model, for errors.
        takes_levels: Whether the model takes bytes, so that there is nothing to guess.

    Raises:
        EncoderError: something is missing or does not fit together.
    """
    if said.image_size is None:
        raise EncoderError(
            f"{model}: takes pictures of any size, and nothing says which; give the extractor's image_size"
        )
    numbers = (said.rescale, said.mean, said.std)
    if not takes_levels and numbers == (None, None, None):
        raise EncoderError(
            f"{model}: nothing says what numbers it takes pixels as; give the extractor's mean and std, or its rescale "
            "(1 for levels of 0 … 255, 0.00392156862745098 for 0 … 1)"
        )
    if said.resize_to is not None and said.resize_to < said.image_size:
        raise EncoderError(
            f"{model}: pictures are resized to {said.resize_to} pixels and then cut to {said.image_size}; give a "
            "resize_to that is as large as image_size or larger"
        )
    rules = PixelRules(
        Resize(said.image_size, said.fit or "squash", said.filter or "bilinear", said.resize_to),
        said.colours or "RGB",
        said.rescale if said.rescale is not None else 1.0 if takes_levels else 1 / 255,
        said.mean or _NO_MEAN,
        said.std or _NO_STD,
    )
    if takes_levels and not rules.are_levels:
        raise EncoderError(f"{model}: takes bytes of 0 … 255, which rescale, mean and std do not fit; leave them out")
    return rules
