"""The names of the assets that train models of a dataset's categories; light, for everybody."""

from __future__ import annotations

from typing import Literal, get_args

ModelAsset = Literal["classifier", "cnn_classifier"]
"""An asset that trains models which tell the categories apart: by features, or by pixels."""
MODEL_ASSETS: tuple[ModelAsset, ...] = get_args(ModelAsset)
"""Each has a history and a champion of its own."""
