"""A plot is kept as it was drawn; the UI gets the same picture in a third of the bytes."""

import base64
import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from image_assets.orchestration.kept_plots import save_plot
from image_assets.store.store import Store
from tests.store_files import files_at


def _drawn() -> bytes:
    figure = Figure(figsize=(6, 4))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for number in range(8):
        axes.plot(np.arange(50), np.sin(np.arange(50) / (number + 1)))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def test_what_the_ui_shows_is_small_and_looks_the_same(tmp_path: Path) -> None:
    png = _drawn()
    shown = save_plot(Store(str(tmp_path)), "birds", "waves", png).value
    assert (files_at(tmp_path) / "birds/plots/waves.png").read_bytes() == png
    content = base64.b64decode(str(shown).removeprefix("![waves](data:image/webp;base64,").removesuffix(")"))
    assert len(content) < len(png) / 2
    kept, small = (Image.open(io.BytesIO(one)).convert("RGB") for one in (png, content))
    assert small.size == kept.size
    difference = np.abs(np.asarray(kept, int) - np.asarray(small, int))
    assert difference.mean() < 1
