"""The square root of every feature, as a step of scikit-learn's: large features lose weight beside small ones.

Known as power normalisation (Perronnin, Sánchez, Mensink, "Improving the Fisher Kernel for Large-Scale Image
Classification", ECCV 2010, section 3.2, with α = ½).
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


def signed_root(rows: np.ndarray) -> np.ndarray:
    """√|x| with the sign of x, of float [N, D]; of the same precision."""
    return np.copysign(np.sqrt(np.abs(rows)), rows)


def signed_square(rows: np.ndarray) -> np.ndarray:
    """What `signed_root` makes these of: x² with the sign of x."""
    return np.copysign(np.square(rows), rows)


class SignedRoot(TransformerMixin, BaseEstimator):
    """`signed_root` as a step of a pipeline. It learns nothing but the width.

    Attributes:
        n_features_in_: Columns of the rows that it was fitted to.
    """

    n_features_in_: int

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> SignedRoot:  # noqa: N803, ARG002  # as scikit-learn
        """Note the width of X, float [N, D]."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803  # as scikit-learn
        """The signed root of X, float [N, D]."""
        return signed_root(np.asarray(X))
