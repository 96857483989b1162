"""The map: feature vectors placed in the plane so that neighbours stay neighbours, and how far that succeeded."""

from __future__ import annotations

import numpy as np
from openTSNE import TSNE
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as sklearn_trustworthiness
from threadpoolctl import threadpool_limits

from image_assets.features.table import UnusableFeaturesError, refuse_not_finite
from image_assets.settings.stages import Embedding
from image_assets.workers import Progress, cores, no_progress

MIN_IMAGES = 10
# Neighbours are sought in so many principal components: the rest is mostly noise, and distances cost by the column
# (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008, section 4.2, use 30).
_COMPONENTS = 50
_EXAGGERATED, _FREE, _PLACED = 250, 500, 250  # iterations of the three phases, openTSNE's own numbers
_NEIGHBOURS = 12  # on the map, lowered where there are fewer than 25 points
_SAMPLE = 2_000
_STEP = 25  # iterations between two reports; divides all three
# Below so many fitted points a second thread saves a second at most, and costs many where it has to wait for a core
# at each of the thousands of barriers.
_THREADED_FROM = 1_000


class TooFewImagesError(ValueError):
    """A map of so few images would show nothing."""


def embed(features: np.ndarray, spec: Embedding, progress: Progress = no_progress) -> np.ndarray:
    """Place every image in the plane by t-SNE (openTSNE; Poličar et al., JSS 109, 2024).

    Features are reduced to 50 principal components, not standardised: how strongly a feature varies tells how much it
    matters, and standardising would blow up those that hardly ever fire. The perplexity is lowered to a third of the
    images where there are few. At most `spec.fit_points` rows, spread evenly, are fitted; the others are placed among
    them. The same rows in the same order and the same seed give the same map, on any number of cores: linear algebra
    runs on one thread, openTSNE's gradients do not depend on their threads, and neighbours are found exactly (faster
    than approximately, too: 30,000 points in 7 s against 11 s on two cores).

    Args:
        features: float32 [N, D], in the order of the image ids: since those are hashes, evenly spread rows are then
            a fair sample.
        spec: Perplexity, number of points to fit, seed.
        progress: Told the iterations done and their total.

    Returns:
        float32 [N, 2], centred on the fitted points.

    Raises:
        TooFewImagesError: fewer than 10 images.
        UnusableFeaturesError: NaN or infinity, or not two dimensions.
    """
    _check(features)
    count = len(features)
    fitted = spread(count, spec.fit_points)
    placed = np.setdiff1d(np.arange(count), fitted)
    total = _EXAGGERATED + _FREE + (_PLACED if len(placed) else 0)
    with threadpool_limits(limits=1):
        reduced = _reduce(features, fitted, spec.seed)
    tsne = TSNE(
        # A real number, whatever the annotation says.
        perplexity=min(spec.perplexity, (len(fitted) - 1) / 3),  # pyright: ignore[reportArgumentType]
        early_exaggeration_iter=_EXAGGERATED,
        n_iter=_FREE,
        # Columns in which all images are alike give nothing to start from.
        initialization="pca" if np.sum(reduced.std(axis=0) > 0) >= 2 else "random",
        neighbors="exact",
        n_jobs=cores() if len(fitted) >= _THREADED_FROM else 1,
        random_state=spec.seed,
        callbacks=_Reporter(progress, total),
        callbacks_every_iters=_STEP,
    )
    with threadpool_limits(limits=1, user_api="blas"):
        embedding = tsne.fit(reduced[fitted])
        coordinates = np.empty((count, 2), dtype=np.float32)
        if len(placed):
            coordinates[placed] = embedding.transform(reduced[placed], n_iter=_PLACED)
    # After the placing, which moves the fitted points' centre to the middle of their extent.
    coordinates[fitted] = embedding
    progress(total, total)
    return coordinates


def trustworthiness(features: np.ndarray, coordinates: np.ndarray) -> float:
    """Share of a point's neighbours on the map that are neighbours in truth, weighed by how far off the others are.

    1 is perfect, 0.5 what a random map gets (Venna and Kaski, ICANN 2001). Measured on the original features, on
    2,000 evenly spread rows.

    Args:
        features: float32 [N, D].
        coordinates: float32 [N, 2].

    Raises:
        TooFewImagesError: fewer than 10 images.
        UnusableFeaturesError: NaN or infinity, or not two dimensions.
    """
    _check(features)
    rows = spread(len(features), _SAMPLE)
    neighbours = min(_NEIGHBOURS, (len(rows) - 1) // 2)
    return float(sklearn_trustworthiness(features[rows], coordinates[rows], n_neighbors=neighbours))


def spread(count: int, wanted: int) -> np.ndarray:
    """At most `wanted` of `count` rows, evenly spread: int64, ascending."""
    wanted = min(count, wanted)
    return np.arange(wanted) * count // wanted


def _check(features: np.ndarray) -> None:
    if features.ndim != 2:
        raise UnusableFeaturesError(f"expected a row of features per image, found shape {features.shape}")
    if len(features) < MIN_IMAGES:
        raise TooFewImagesError(f"a map takes at least {MIN_IMAGES} images, found {len(features)}")
    refuse_not_finite(features)


def _reduce(features: np.ndarray, fitted: np.ndarray, seed: int) -> np.ndarray:
    """The features in at most 50 columns, along the principal components of the fitted rows."""
    if features.shape[1] <= _COMPONENTS:
        return features
    pca = PCA(min(_COMPONENTS, len(fitted)), random_state=seed).fit(features[fitted])
    return pca.transform(features)


class _Reporter:
    """Counts openTSNE's iterations, which start anew with every phase."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def __call__(self, iteration: int, error: float, embedding: np.ndarray) -> None:  # noqa: ARG002
        self.done += _STEP
        self.progress(self.done, self.total)
