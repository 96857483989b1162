"""A small training as a program of its own, to be killed: `python -m tests.networks.training FOLDER`.

It says every step, and at its end the digest of the weights.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from image_assets.networks.keras_here import prepare_keras

prepare_keras()

import polars as pl  # noqa: E402

from image_assets.networks.cnn import Sides, fitted_cnn  # noqa: E402
from image_assets.networks.fitting import Watch  # noqa: E402
from image_assets.networks.pixel_file import PixelFile, filled  # noqa: E402
from image_assets.settings.networks import CnnClassifier  # noqa: E402

IMAGES = 64
SPEC = CnnClassifier(size=16, colour="grey", epochs=3, batch=4, patience=9)


def main(folder: Path) -> None:
    """Train, or go on with it."""
    labels = np.arange(IMAGES) % 2
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (IMAGES, 16, 16, 1), np.uint8)
    rows = pl.DataFrame({"image_id": [f"{one:064x}" for one in range(IMAGES)], "label": labels})
    file = PixelFile(folder / "some.pixels", (16, 16, 1))
    kept = filled(file, rows, lambda missing: [([one], pixels[[int(one, 16)]]) for one in missing["image_id"]])

    def told(done: int, total: int) -> None:
        print(f"step {done} of {total}", flush=True)  # noqa: T201  # who reads it decides when to kill

    sides = Sides(kept, rows, np.arange(IMAGES) >= IMAGES - 8)
    model, fitted = fitted_cnn(sides, SPEC, folder / "checkpoints", Watch(told))
    weights = b"".join(np.asarray(one).tobytes() for one in model.network.weights)
    print(f"resumed {fitted.resumed}, weights {hashlib.sha256(weights).hexdigest()}")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]))
