"""The map: reduced features placed so that neighbours stay neighbours (openTSNE; Poličar et al., JSS 109, 2024)."""

from __future__ import annotations

from typing import Any

import numpy as np
from openTSNE import TSNE, TSNEEmbedding
from openTSNE.affinity import Affinities, PerplexityBasedNN, joint_probabilities_nn
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from image_assets.embedding.neighbours import nearest
from image_assets.settings.stages import Embedding
from image_assets.workers import Progress, cores, no_progress

MIN_IMAGES = 10
_EXAGGERATED, _FREE, _PLACED = 250, 500, 250  # iterations of the three phases, openTSNE's own numbers
_CONTINUED = 250  # iterations of a map that begins where it was; more change no figure of it
_STEP = 25  # iterations between two reports; divides all of them
_PULL = 0.3  # of the way back to where a point began, after each iteration
# Below so many fitted points a second thread saves a second at most, and costs many where it has to wait for a core
# at each of the thousands of barriers.
_THREADED_FROM = 1_000
_INTERPOLATED_FROM = 10_000
# Beyond so many points neighbours are found approximately, by Annoy's trees, which come with openTSNE. Up to there an
# exact search is as fast, and it grows with the square.
_EXACT_TO = 100_000
_PLACED_AT_ONCE = 20_000  # bounds memory, and how long until the next report
_NEIGHBOURS_OF_PLACED, _PERPLEXITY_OF_PLACED = 15, 5  # openTSNE's own numbers


def fit_places(reduced: np.ndarray, spec: Embedding, progress: Progress = no_progress) -> np.ndarray:
    """Place all points by t-SNE, along their principal components at first.

    The perplexity is lowered to a third of the points where there are few. The same rows in the same order and the same
    seed give the same places on any number of cores: linear algebra runs on one thread, openTSNE's gradients do not
    depend on their threads, and neighbours are found exactly, or by trees that one thread grows.

    Args:
        reduced: float32 [M, C], M at least 10.
        spec: Perplexity, dimensions, seed.
        progress: Told the iterations done and their total.

    Returns:
        float64 [M, d], the middle of its extent at 0.
    """
    tsne = TSNE(
        n_components=spec.dimensions,
        early_exaggeration_iter=_EXAGGERATED,
        n_iter=_FREE,
        # Columns in which all images are alike give nothing to start from.
        initialization="pca" if np.sum(reduced.std(axis=0) > 0) >= spec.dimensions else "random",
        negative_gradient_method=_gradient(len(reduced), spec),
        n_jobs=_jobs(len(reduced)),
        random_state=spec.seed,
        callbacks=_Reporter(progress, _EXAGGERATED + _FREE),
        callbacks_every_iters=_STEP,
    )
    with threadpool_limits(limits=1, user_api="blas"):
        return _in_the_middle(np.array(tsne.fit(reduced, affinities=_affinities(reduced, spec))))


def refit_places(
    reduced: np.ndarray, start: np.ndarray, held: np.ndarray, spec: Embedding, progress: Progress = no_progress
) -> np.ndarray:
    """Place all points by t-SNE, beginning where they are, so that the map stays the one that people know.

    After every step the points that are held go a third of the way back to where they began: t-SNE with a penalty on
    movement (Rauber, Falcão and Telea, "Visualizing time-dependent data using dynamic t-SNE", EuroVis 2016). Begun with
    the same places scaled down and exaggerated, as a first map is, they would move ten times as far. Deterministic as
    `fit_places`.

    Args:
        reduced: float32 [M, C], M at least 10.
        start: Where they begin, float64 [M, d], in the library's unit.
        held: Which are held, bool [M].
        spec: Perplexity, seed.
        progress: Told the iterations done and their total.

    Returns:
        float64 [M, d], the middle of its extent at 0.
    """
    jobs = _jobs(len(reduced))
    start = start - start.mean(axis=0)  # where the library keeps it
    with threadpool_limits(limits=1, user_api="blas"):
        embedding = TSNEEmbedding(
            start,
            _affinities(reduced, spec),
            negative_gradient_method=_gradient(len(reduced), spec),
            n_jobs=jobs,
            random_state=spec.seed,
        )
        embedding.optimize(
            _CONTINUED,
            inplace=True,
            momentum=0.8,
            max_step_norm=5,
            callbacks=_Holding(start, held, progress),
            callbacks_every_iters=1,
        )
    return _in_the_middle(np.array(embedding))


def place_among(
    fitted: np.ndarray, places: np.ndarray, rows: np.ndarray, progress: Progress = no_progress
) -> np.ndarray:
    """Place further points among fitted ones, which stay where they are.

    A point feels the fitted ones alone, so that its place does not depend on what else is placed: it begins at the
    median of its 15 nearest and follows the gradient from there. The gradient is always that of Barnes and Hut: the
    library would choose another for 10,000 points and more, and so give a point another place among many.

    Args:
        fitted: Reduced features of the fitted points, float32 [M, C].
        places: Theirs, float64 [M, d], as `fit_places` gave them.
        rows: Reduced features of the further points, float32 [N, C].
        progress: Told the points done and their total.

    Returns:
        float64 [N, d].
    """
    found = np.empty((len(rows), places.shape[1]))
    jobs = _jobs(len(fitted))
    with threadpool_limits(limits=1, user_api="blas"):
        reference = TSNEEmbedding(places, _ToFitted(fitted, jobs), negative_gradient_method="bh", n_jobs=jobs)
        for begin in range(0, len(rows), _PLACED_AT_ONCE):
            part = slice(begin, begin + _PLACED_AT_ONCE)
            placing = reference.prepare_partial(rows[part])
            placing.optimize(
                _PLACED, inplace=True, learning_rate=0.1, exaggeration=1.5, momentum=0.8, max_grad_norm=0.25
            )
            found[part] = placing
            progress(begin + len(placing), len(rows))
    return found


class _ToFitted(Affinities):
    """How near new points are to fitted ones, whose neighbours among each other need not be known."""

    def __init__(self, fitted: np.ndarray, jobs: int) -> None:
        super().__init__()
        self._fitted, self._jobs = fitted, jobs
        self.P = csr_matrix((len(fitted), len(fitted)))

    def to_new(self, data: np.ndarray, return_distances: bool = False) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        neighbours, distances = nearest(self._fitted, data, _NEIGHBOURS_OF_PLACED)
        affinities = joint_probabilities_nn(
            neighbours,
            distances,
            [min(_PERPLEXITY_OF_PLACED, neighbours.shape[1] / 3)],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=len(self._fitted),
            n_jobs=self._jobs,
        )
        return (affinities, neighbours, distances) if return_distances else affinities


def _affinities(reduced: np.ndarray, spec: Embedding) -> PerplexityBasedNN:
    exact = len(reduced) <= _EXACT_TO
    return PerplexityBasedNN(
        reduced,
        # A real number, whatever the annotation says.
        min(spec.perplexity, (len(reduced) - 1) / 3),  # pyright: ignore[reportArgumentType]
        method="exact" if exact else "annoy",
        n_jobs=_jobs(len(reduced)) if exact else 1,
        random_state=spec.seed,
    )


def _gradient(count: int, spec: Embedding) -> str:
    # As the library chooses; by interpolation it has none for three dimensions.
    return "fft" if count >= _INTERPOLATED_FROM and spec.dimensions == 2 else "bh"


def _jobs(count: int) -> int:
    return cores() if count >= _THREADED_FROM else 1


def _in_the_middle(places: np.ndarray) -> np.ndarray:
    return places - (places.max(axis=0) + places.min(axis=0)) / 2


class _Reporter:
    """Counts openTSNE's iterations, which start anew with every phase."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def __call__(self, iteration: int, error: float, embedding: np.ndarray) -> None:  # noqa: ARG002
        self.done += _STEP
        self.progress(self.done, self.total)


class _Holding:
    """Pulls points back to where they began, a part of the way at every iteration."""

    def __init__(self, start: np.ndarray, held: np.ndarray, progress: Progress) -> None:
        self.held = np.flatnonzero(held)
        self.began = start[self.held]
        self.progress = progress

    def __call__(self, iteration: int, error: float, embedding: np.ndarray) -> None:  # noqa: ARG002
        embedding[self.held] += _PULL * (self.began - embedding[self.held])
        if not iteration % _STEP:
            self.progress(iteration, _CONTINUED)
