"""The 1,000 classes of ImageNet, and the most probable of them."""

from __future__ import annotations

import importlib.resources
from functools import cache

import numpy as np

CLASSES = 1_000
WITH_BACKGROUND = 1_001
"""Outputs of the models of TensorFlow, whose first class is the background."""


@cache
def imagenet_labels() -> tuple[str, ...]:
    """The names of the classes in their usual order, 0 "tench, Tinca tinca" to 999; source: see `classes.txt`."""
    text = importlib.resources.files("image_assets.imagenet").joinpath("classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float32 `[N, K]`, of logits, float `[N, K]`; of large ones too."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)


def are_probabilities(outputs: np.ndarray) -> bool:
    """Whether outputs, float `[N, K]`, are probabilities already: none negative, and every row sums to 1 ± 0.001."""
    return bool((outputs >= 0).all() and (np.abs(outputs.sum(axis=1, dtype=np.float64) - 1) < 1e-3).all())


def without_background(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities of the 1,000 classes of models that have a background class too, else unchanged.

    The background's share is not dealt out: what is probably nothing of all this has low scores.

    Args:
        probabilities: float32 `[N, 1000]`, or `[N, 1001]` with the background first.
    """
    return probabilities[:, probabilities.shape[1] - CLASSES :]


def top_classes(probabilities: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The most probable classes, the most probable one first; of equal ones that with the smaller number.

    Args:
        probabilities: float32 `[N, 1000]`.
        number: How many.

    Returns:
        Classes, int16 `[N, number]`, and their probabilities, float32 `[N, number]`.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :number]
    return order.astype(np.int16), np.take_along_axis(probabilities, order, axis=1)
