"""What a denoising network is, and what noise it is to take away."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from image_assets.settings.section import SettingsSection


class GaussianNoise(SettingsSection):
    """To every number of a picture one is added by lot, as a sensor does in the dark."""

    kind: Literal["gaussian"]
    deviation: float = Field(
        default=0.1, gt=0, le=1, description="Standard deviation, where black is 0 and white is 1."
    )


class SaltAndPepper(SettingsSection):
    """Some pixels are made black or white, as broken ones of a sensor are."""

    kind: Literal["salt_and_pepper"]
    share: float = Field(default=0.05, gt=0, le=1, description="Of the pixels; half of them black, half white.")


class Blur(SettingsSection):
    """A picture is smeared by a Gaussian, as one out of focus is."""

    kind: Literal["blur"]
    deviation: float = Field(default=1.0, gt=0, le=16, description="Of the Gaussian, in pixels.")


DenoisingPreset = Literal["residual", "original"]
PictureColours = Literal["rgb", "grey"]
AnyNoise = Annotated[GaussianNoise | SaltAndPepper | Blur, Field(discriminator="kind")]


def said_of_noise(noise: tuple[AnyNoise, ...]) -> str:
    """Noise in words, in the order in which it is applied."""
    return ", then ".join(_said(one) for one in noise)


def _said(noise: AnyNoise) -> str:
    match noise:
        case GaussianNoise():
            return f"Gaussian noise of deviation {noise.deviation:g}"
        case SaltAndPepper():
            return f"salt and pepper on {noise.share:.1%} of the pixels"
        case Blur():
            return f"a blur of {noise.deviation:g} pixels"
