"""How much less certain a model is to be, so that it is right as often as it says.

Temperature scaling (Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2).
Which images it is found on is said in `by_sources`.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import OptimizeResult, minimize_scalar
from scipy.special import log_softmax

from image_assets.classifier.training.evaluate import mean_loss

_HOTTEST = 10.0
LEAST_PROBABILITY = 1e-6
"""No probability counts as less in a loss: that of 0 would be infinite."""


def modest_temperature(probabilities: np.ndarray, places: np.ndarray, strange: float = 0.0) -> float:
    """The temperature of the least loss in [1, 10], two decimals: a model is never made more certain.

    Args:
        probabilities: float64 [N, K], of images that the model was not trained on.
        places: int [N], columns of the true classes.
        strange: See `fitting_temperature`.
    """
    return round(min(max(1.0, fitting_temperature(probabilities, places, strange)), _HOTTEST), 2)


def losses(probabilities: np.ndarray, places: np.ndarray, temperature: float) -> np.ndarray:
    """The log loss of every image behind a temperature, float64 [N], nats."""
    found = log_softmax(logarithms(probabilities) / temperature, axis=1)[np.arange(len(places)), places]
    return -np.maximum(found, np.log(LEAST_PROBABILITY))


def fitting_temperature(probabilities: np.ndarray, places: np.ndarray, strange: float = 0.0) -> float:
    """The temperature of the least log loss.

    Args:
        probabilities: float64 [N, K], of images that the model was not trained on.
        places: int [N], columns of the true classes.
        strange: Share of the images that are to count as if every class were as likely to be the true one: what is
            called label smoothing where models are trained with it.
    """
    log_odds = logarithms(probabilities)

    def loss(log_temperature: float) -> float:
        return _loss(log_odds, places, strange, float(np.exp(log_temperature)))

    found: OptimizeResult = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(found.x))


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms, finite ones of probabilities of 0 too."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).eps))


def _loss(log_odds: np.ndarray, places: np.ndarray, strange: float, temperature: float) -> float:
    found = log_softmax(log_odds / temperature, axis=1)
    of_truth = mean_loss(np.exp(found[np.arange(len(places)), places]), LEAST_PROBABILITY)
    return of_truth if strange == 0 else (1 - strange) * of_truth - strange * float(found.mean())
