"""What is measured: the engine and the door on files, cut into pieces as units are, without the tables around them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pyarrow as pa
from onnx import TensorProto, helper, numpy_helper

from image_assets.features.onnx_session import start_session
from image_assets.features.pipeline import extract_steps
from image_assets.features.preprocess import Resize, Resized
from image_assets.images.decode import decode
from image_assets.images.metrics import measure_copies
from image_assets.images.thumbnail import small_copy, thumbnail
from image_assets.schema import RAW_IMAGES
from image_assets.settings.stages import Limits
from image_assets.workers import chunks, ordered_map

Steps = Iterator[tuple[pa.RecordBatch, Any]]
_READ_FILES, _CHUNK_FILES, _CHUNK_BYTES = 256, 32, 16_000_000  # as `features.units` and `ingest.units` have them
# MobileNetV1 (Howard et al., 2017, table 1) at a width of 0.5: the stride and the filters of every block.
_BLOCKS = ((1, 32), (2, 64), (1, 64), (2, 128), (1, 128), (2, 256), *[(1, 256)] * 5, (2, 512), (1, 512))


class MobileNet(Resized):
    """A MobileNetV1 0.50 of 128 pixels with random weights: 512 features."""

    def __init__(self) -> None:
        super().__init__(Resize(128, "pad"))
        self.name, self.digest, self.width = "mobilenet", "0" * 64, 512
        self._session = start_session(_mobilenet())

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, 512]`, of prepared images, uint8 `[N, 128, 128, 3]`."""
        (features,) = self._session.run(None, {"images": batch})
        return np.asarray(features)


@lru_cache(maxsize=1)
def _shared() -> MobileNet:
    return MobileNet()


def engine(files: Sequence[Path], threads: int) -> Steps:
    """Read, decode, resize, run the model."""
    return extract_steps(_read(files), _shared(), threads)


def door(files: Sequence[Path], threads: int) -> Steps:
    """Read, hash, decode, measure, make thumbnails: rows of `raw_images`."""
    cut = chunks(files, _CHUNK_FILES, lambda path: path.stat().st_size, _CHUNK_BYTES)
    return ((rows, None) for rows in ordered_map(_let_in, cut, threads, waiting_per_worker=2))


WORK: dict[str, tuple[Callable[[Sequence[Path], int], Steps], int]] = {
    "engine": (engine, _READ_FILES),
    "door": (door, _CHUNK_FILES),
}
"""Name → what does a piece, and the images that every piece has a multiple of."""


def _read(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(files), _READ_FILES):
        contents = [path.read_bytes() for path in files[start : start + _READ_FILES]]
        ids = [str(start + number) for number in range(len(contents))]
        yield pa.RecordBatch.from_arrays(
            [pa.array(ids), pa.array([0] * len(ids), pa.int16()), pa.array(contents, pa.binary())],
            ["image_id", "label", "content"],
        )


def _let_in(files: Sequence[Path]) -> pa.RecordBatch:
    read = []
    for path in files:
        content = path.read_bytes()
        image = decode(content, Limits())
        read.append((path, content, image.format, image.pixels.shape, small_copy(image.pixels)))
    measured = measure_copies([copy for *_, copy in read])
    rows = [
        {
            "image_id": hashlib.sha256(content).hexdigest(),
            "label": 0,
            "source": str(path),
            "format": kind,
            "width": width,
            "height": height,
            "bytes": len(content),
            **metrics._asdict(),
            "thumbnail": thumbnail(copy),
            "content": content,
        }
        for (path, content, kind, (height, width, _), copy), metrics in zip(read, measured, strict=True)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=RAW_IMAGES.file_schema)


def _mobilenet() -> bytes:
    random = np.random.default_rng(0)
    nodes, weights = [], []

    def constant(name: str, value: np.ndarray) -> str:
        weights.append(numpy_helper.from_array(value, name))
        return name

    def convolved(into: str, source: str, shape: tuple[int, ...], stride: int, groups: int = 1) -> str:
        kernel = random.normal(0, (2 / np.prod(shape[1:])) ** 0.5, shape).astype(np.float32)
        nodes.append(
            helper.make_node(
                "Conv",
                [source, constant(f"{into}/w", kernel)],
                [f"{into}/conv"],
                strides=[stride, stride],
                group=groups,
                auto_pad="SAME_UPPER",
            )
        )
        nodes.append(helper.make_node("Clip", [f"{into}/conv", "zero", "six"], [into]))
        return into

    constant("zero", np.array(0, np.float32))
    constant("six", np.array(6, np.float32))
    constant("scale", np.array(1 / 127.5, np.float32))
    constant("axes", np.array([2, 3], np.int64))
    nodes.append(helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("Mul", ["floats", "scale"], ["scaled"]))
    nodes.append(helper.make_node("Transpose", ["scaled"], ["nchw"], perm=[0, 3, 1, 2]))
    last, channels = convolved("stem", "nchw", (16, 3, 3, 3), 2), 16
    for number, (stride, filters) in enumerate(_BLOCKS):
        last = convolved(f"depth{number}", last, (channels, 1, 3, 3), stride, channels)
        last = convolved(f"point{number}", last, (filters, channels, 1, 1), 1)
        channels = filters
    nodes.append(helper.make_node("ReduceMean", [last, "axes"], ["features"], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "mobilenet_v1_050_128",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", 128, 128, 3])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 512])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    return model.SerializeToString()
