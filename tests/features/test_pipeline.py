"""Rows in, rows out: in their order, in batches that neither threads nor sizes of images change."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.features import pipeline
from image_assets.features.pipeline import Effort, extract_rows, extract_steps
from tests.ingest.images import encode

_SIDE = 4


class MeanColour:
    """Three features: the mean of every channel, and a note of how large the batches were."""

    name, digest, shape, width = "mean_colour", "0" * 64, (_SIDE, _SIDE, 3), 3

    def __init__(self) -> None:
        self.batches: list[int] = []

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        return np.broadcast_to(pixels[:1, :1], (_SIDE, _SIDE, 3))

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        return width, height

    def infer(self, batch: np.ndarray) -> np.ndarray:
        self.batches.append(len(batch))
        return batch.astype(np.float32).mean(axis=(1, 2))


def plain(shade: int, padding: int = 0) -> bytes:
    return encode(np.full((2, 2, 3), shade, np.uint8), "PNG") + bytes(padding)


def batch(contents: list[bytes]) -> pa.RecordBatch:
    ids = [f"{number:064x}" for number in range(len(contents))]
    labels = pa.array([1] * len(contents), pa.int16())
    return pa.RecordBatch.from_arrays(
        [pa.array(ids), labels, pa.array(contents, pa.binary())], ["image_id", "label", "content"]
    )


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_rows_come_out_as_they_went_in(threads: int) -> None:
    shades = list(range(150))
    rows = pa.Table.from_batches(extract_rows([batch([plain(shade) for shade in shades])], MeanColour(), threads))
    assert [vector[0] for vector in rows["features"].to_pylist()] == shades
    assert rows["image_id"].to_pylist() == [f"{number:064x}" for number in shades]
    assert set(rows["extractor"].to_pylist()) == {"0" * 64}


@given(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=80))
def test_batches_are_bounded_in_images_and_bytes(sizes: list[int]) -> None:
    contents = [bytes(size) for size in sizes]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "BATCH_BYTES", 500)
        cut = [piece["content"].to_pylist() for piece in pipeline._small([batch(contents)])]
    assert [one for piece in cut for one in piece] == contents
    for piece in cut:
        assert 1 <= len(piece) <= pipeline.BATCH_IMAGES
        assert len(piece) == 1 or sum(map(len, piece)) <= 500
    for piece, following in itertools.pairwise(cut):
        full = len(piece) == pipeline.BATCH_IMAGES or sum(map(len, piece)) + len(following[0]) > 500
        assert full


def test_batches_do_not_depend_on_how_the_rows_arrive_within_a_file() -> None:
    """A file's row groups are larger than a batch and are cut in the same places every time."""
    extractor = MeanColour()
    contents = [plain(shade) for shade in range(70)]
    list(extract_rows([batch(contents)], extractor, 1))
    assert sorted(extractor.batches, reverse=True) == [8] * 8 + [6]


def test_the_effort_is_counted_over_all_workers() -> None:
    effort = Effort()
    for _, spent in extract_steps([batch([plain(shade) for shade in range(64)])], MeanColour(), 2):
        effort.add(spent)
    assert effort.decoding > effort.model > 0


def test_an_error_in_a_worker_comes_out() -> None:
    class Broken(MeanColour):
        def infer(self, batch: np.ndarray) -> np.ndarray:
            raise MemoryError("no memory for the model")

    with pytest.raises(MemoryError, match="no memory for the model"):
        list(extract_rows([batch([plain(1)])], Broken(), 2))
