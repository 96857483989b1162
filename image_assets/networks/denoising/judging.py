"""How well a network restores pictures that it was not trained on, beside the noisy picture and a median filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from image_assets.networks.denoising.figures import Closeness, DenoisingFigures
from image_assets.networks.denoising.measures import median_filtered, psnr, ssim
from image_assets.networks.denoising.noise import all_noisy
from image_assets.settings.denoising import AnyNoise

if TYPE_CHECKING:
    import keras

View = Literal["clean", "noisy", "median", "restored"]
CHANGED: tuple[View, ...] = ("noisy", "median", "restored")
"""What there is of a picture beside the clean one."""


@dataclass(frozen=True)
class Pictures:
    """Some images.

    Attributes:
        image_ids: N ids.
        labels: int16 [N].
        pixels: float32 [N, height, width, channels] in [0, 1].
    """

    image_ids: Sequence[str]
    labels: np.ndarray
    pixels: np.ndarray


@dataclass(frozen=True)
class Denoiser:
    """A trained network with the noise that it was trained for."""

    network: keras.Model
    noise: Sequence[AnyNoise]
    seed: int

    def views(self, pictures: Pictures) -> dict[View, np.ndarray]:
        """Pictures as they are, with noise, filtered and restored: float32 [N, height, width, channels] each."""
        with_noise = all_noisy(pictures.pixels, pictures.image_ids, self.noise, self.seed)
        return {
            "clean": pictures.pixels,
            "noisy": with_noise,
            "median": median_filtered(with_noise),
            "restored": self.restored(with_noise),
        }

    def restored(self, pixels: np.ndarray) -> np.ndarray:
        """What the network makes of pictures, float32 [N, height, width, channels] in [0, 1]."""
        return np.clip(np.asarray(self.network.predict_on_batch(pixels), np.float32), 0, 1)


def measured(denoiser: Denoiser, batches: Iterable[Pictures]) -> pl.DataFrame:
    """Measure pictures batch by batch, so that one batch is in memory at a time.

    Returns:
        A row of each image: `image_id`, `label`, and `psnr_…` and `ssim_…` of each of `CHANGED`.
    """
    frames = []
    for pictures in batches:
        views = denoiser.views(pictures)
        figures: dict[str, np.ndarray] = {}
        for view in CHANGED:
            figures[f"psnr_{view}"] = psnr(views[view], pictures.pixels)
            figures[f"ssim_{view}"] = ssim(views[view], pictures.pixels)
        ids = {"image_id": list(pictures.image_ids), "label": pictures.labels}
        frames.append(pl.DataFrame({**ids, **figures}))
    return pl.concat(frames) if frames else pl.DataFrame()


def figures_of(rows: pl.DataFrame) -> DenoisingFigures:
    """The figures of images as `measured` gives them; at least one."""
    restored = rows["psnr_restored"]
    return DenoisingFigures(
        images=rows.height,
        **{view: _closeness(rows, view) for view in CHANGED},
        closer_than_noisy=_share(restored > rows["psnr_noisy"]),
        closer_than_median=_share(restored > rows["psnr_median"]),
    )


def _closeness(rows: pl.DataFrame, view: View) -> Closeness:
    means: Mapping[str, float] = rows.select(f"psnr_{view}", f"ssim_{view}").mean().row(0, named=True)
    return Closeness(psnr=means[f"psnr_{view}"], ssim=means[f"ssim_{view}"])


def _share(true: pl.Series) -> float:
    return float(true.to_numpy().mean())
