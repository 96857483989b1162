"""Whole runs that the simulation is held against."""

from __future__ import annotations

from benchmarks.scale.check import SHAPES, Shape
from benchmarks.scale.measuring.days import run_day
from benchmarks.scale.measuring.photos import Photos
from benchmarks.scale.measuring.ray_units import WORKERS, two_workers
from benchmarks.scale.measuring.spent import none_ends, now
from benchmarks.scale.measuring.units import CATEGORY, loaded_and_extracted, units_of
from image_assets.engines.ray_engine import RayEngine

_WARM = 40
PHOTOS_NEEDED = max(shape.images * shape.categories for shape in SHAPES.values())


def run_shape(photos: Photos, name: str) -> list[float]:
    """Run it: seconds by the clock, seconds of the processor."""
    shape = SHAPES[name]
    if shape.workers:
        return _on_workers(photos, shape)
    categories = {f"kind-{number}": shape.images for number in range(shape.categories)}
    return [float(one) for one in run_day(photos, "shape", categories).spent]


def _on_workers(photos: Photos, shape: Shape) -> list[float]:
    assert shape.workers == WORKERS
    with two_workers():
        # Processes are started and models loaded once in a cluster's life: not what a run costs.
        with units_of(_WARM // 8):
            loaded_and_extracted(photos.day("shape-warm", {CATEGORY: _WARM}), RayEngine())
        place = photos.day("shape", {CATEGORY: shape.images})
        with units_of(shape.unit_images or shape.images), none_ends():
            began = now()
            whole = loaded_and_extracted(place, RayEngine())
            return [float(whole["whole"][0]), float((now() - began)[1])]
