"""The figures of a denoising network on images that it was not trained on; light, for checks."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.section import Frozen


class Closeness(Frozen):
    """How close pictures are to the clean ones, mean over the pictures."""

    psnr: float = Field(description="Peak signal-to-noise ratio, dB.")
    ssim: float = Field(description="Structural similarity, at most 1.")


class DenoisingFigures(Frozen):
    """How well held-out pictures were restored."""

    images: int = Field(description="Held-out images that were judged.")
    noisy: Closeness
    median: Closeness
    restored: Closeness
    closer_than_noisy: float = Field(description="Share of the images that are closer to the clean one restored.")
    closer_than_median: float = Field(description="Share that are closer restored than filtered.")

    @property
    def gained(self) -> float:
        """PSNR over that of the noisy pictures, dB."""
        return self.restored.psnr - self.noisy.psnr

    @property
    def over_median(self) -> float:
        """PSNR over that of the median filter, dB."""
        return self.restored.psnr - self.median.psnr
