"""Nodes with and without a GPU: dollars for a million images by a light and by a heavy extractor, and where they cross.

The speeds are reference figures that were measured elsewhere, on one machine of 16 cores with an H200; none of them was
measured with this model or on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scale.money import Prices

SOURCE = "reference figures, measured elsewhere: one H200 with 16 cores"


@dataclass(frozen=True)
class Model:
    """An extractor; images a second of the model alone, on 16 cores and on the GPU beside them."""

    name: str
    cores: float
    gpu: float


@dataclass(frozen=True)
class PhotoKind:
    """Photos, and how many a second 16 cores decode and resize."""

    name: str
    decoded: float


LIGHT = Model("light: EfficientNet-Lite0 (int8 on cores, fp16 on the GPU)", 2_064, 25_000)
HEAVY = Model("heavy: DINOv2 ViT-S/14", 56, 17_400)
SMALL, LARGE = PhotoKind("small photos", 18_000), PhotoKind("photos of 1,600 × 1,200", 2_800)


def rate_on_cores(model: Model, photos: PhotoKind) -> float:
    """Images a second of a node without a GPU: decoder and model share the cores."""
    return 1 / (1 / photos.decoded + 1 / model.cores)


def rate_on_gpu(model: Model, photos: PhotoKind) -> float:
    """Images a second of a node with a GPU, which the cores decode for meanwhile."""
    return min(photos.decoded, model.gpu)


def dollars(node_hour: float, rate: float) -> float:
    """For a million images."""
    return node_hour / 3600 / rate * 1e6


def crossing(model: Model, photos: PhotoKind, prices: Prices) -> float:
    """Images a second of a model on 16 cores above which the node without a GPU is cheaper.

    Args:
        model: Whose speed the GPU has.
        photos: What is decoded.
        prices: Of the nodes.

    Returns:
        Infinite where the GPU node is cheaper however fast the model is.
    """
    needed = rate_on_gpu(model, photos) * prices.cpu_node_hour / prices.gpu_node_hour
    return 1 / (1 / needed - 1 / photos.decoded) if needed < photos.decoded else float("inf")
