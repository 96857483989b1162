"""What a network learns: labels that mean something, and nothing where they were shuffled; in bounded memory."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from scipy.stats import binom

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from benchmarks.peaks import communicate
from image_assets.networks.cnn import Sides, fitted_cnn
from image_assets.networks.fitting import Watch
from image_assets.networks.pixel_file import PixelFile, filled
from image_assets.settings.networks import CnnClassifier
from tests.pictures import picture

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT.parent / "shared" / "data" / "photos"
TRAINED, JUDGED, SIDE = 96, 96, 16
SPEC = CnnClassifier(size=SIDE, epochs=15, batch=16, patience=15, learning_rate=0.003)


@pytest.mark.long
def test_it_learns_labels_and_of_shuffled_ones_nothing(tmp_path: Path) -> None:
    labels = np.arange(TRAINED + JUDGED) % 2
    ids = [f"{one:064x}" for one in range(len(labels))]

    def drawn(missing: pl.DataFrame) -> list[tuple[list[str], np.ndarray]]:
        numbers = [int(one, 16) for one in missing["image_id"]]
        pictures = [np.asarray(Image.open(io.BytesIO(picture(int(labels[one]), one, SIDE)))) for one in numbers]
        return [(missing["image_id"].to_list(), np.stack(pictures))]

    pixels = filled(PixelFile(tmp_path / "x.pixels", (SIDE, SIDE, 3)), pl.DataFrame({"image_id": ids}), drawn)
    # Of four pictures that follow each other, one for each pair of true and shuffled label: whoever tells the true
    # categories apart gets half of the shuffled labels right, no more and no less.
    shuffled = np.arange(TRAINED + JUDGED) // 2 % 2
    right = []
    for name, answers in (("true", labels), ("shuffled", shuffled)):
        rows = pl.DataFrame({"image_id": ids[:TRAINED], "label": answers[:TRAINED]})
        sides = Sides(pixels[:TRAINED], rows, np.arange(TRAINED) // 4 % 6 == 0)
        model, _ = fitted_cnn(sides, SPEC, tmp_path / name, Watch())
        right.append(int((model.predict(pixels[TRAINED:]) == answers[TRAINED:]).sum()))
    assert right[0] > 0.9 * JUDGED
    low, high = binom.interval(0.9999, JUDGED, 0.5)
    assert low <= right[1] <= high


@pytest.mark.long
@pytest.mark.skipif(not PHOTOS.is_dir(), reason="needs ../shared/data/photos")
def test_ten_times_the_pictures_take_no_more_memory() -> None:
    peaks = []
    for images in (200, 2_000):
        command = [sys.executable, "-m", "benchmarks.networks", "--photos", str(PHOTOS), "--size", "96"]
        process = subprocess.Popen(
            [*command, "--child", str(images)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told, _, peak = communicate(process)
        assert json.loads(told)["images"] == images
        peaks.append(peak / 1e6)
    # As bytes the others are 50 MB, as floats 200.
    assert peaks[1] < peaks[0] + 40, peaks
