"""`python -m benchmarks.other_sources`: how features, penalties and temperatures do on photos of other sources.

Two sets. Photos named `SET__…` below a folder per category: every source set is left out of a training once, and of a
category of one set alone a tenth at a time. Chips of the boxes of COCO's persons, animals and potted plants: a model of
all the photos judges them. Of each: accuracy, calibration error, mistakes above .99, accuracy of the nine tenths that
are most certain; as trained, and behind the temperature that is best on the photos.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from image_assets.classifier.daily.discriminant import discriminant_candidate
from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.families import fit, logistic_regression
from image_assets.classifier.training.temperature import fitting_temperature, logarithms
from image_assets.features.decode import decode_at_least
from image_assets.features.extractor import shared_extractor
from image_assets.settings.stages import EfficientNetLite

CATEGORIES = ("plant", "animal", "human")
_ANIMALS = {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}
_LEAST_SIDE, _OVERLAP, _BATCH = 64, 0.1, 8
_VARIANTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "Lite0": lambda one, _: one,
    "square root": lambda one, _: np.sqrt(one),
    "mirrored": lambda one, other: (one + other) / 2,
    "mirrored, square root": lambda one, other: np.sqrt((one + other) / 2),
    "mirrored, square root, unit length": lambda one, other: _unit(np.sqrt((one + other) / 2)),
}
_PENALTIES = (0.001, 0.01, 0.03, 0.1)
_SHRINKAGES = (0.1, 0.5)


@dataclass(frozen=True)
class Photos:
    """Features of pictures and of their mirror images, float32 [N, D]; labels, int [N]; names of sets [N]."""

    plain: np.ndarray
    mirrored: np.ndarray
    labels: np.ndarray
    sets: np.ndarray


def main() -> None:
    """Extract once, try all, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.other_sources", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with photos/CATEGORY/SET__NAME.jpg and coco/instances_*.json")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    if not (options.data / "photos").is_dir():
        raise SystemExit(f"skipped: there are no photos in {options.data}")
    photos, chips = _extracted(_photos(options.data)), None
    if list(options.data.glob("coco/instances_*.json")):
        chips = _extracted(_chips(options.data / "coco"))
    with threadpool_limits(limits=1):
        found = dict(_tried(photos, chips))
    table = Table("features", "classifier", *next(iter(found.values())))
    for (features, classifier), figures in found.items():
        table.add_row(features, classifier, *(f"{one:.3g}" for one in figures.values()))
    Console().print(table)
    if options.json:
        rows = [{"features": of, "classifier": by, **figures} for (of, by), figures in found.items()]
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _tried(photos: Photos, chips: Photos | None) -> Iterator[tuple[tuple[str, str], dict[str, float]]]:
    candidates = [logistic_regression(one) for one in _PENALTIES] + [discriminant_candidate(one) for one in _SHRINKAGES]
    for name, transformed in _VARIANTS.items():
        features = transformed(photos.plain, photos.mirrored)
        for candidate in candidates:
            left_out = np.zeros((len(photos.labels), len(CATEGORIES)))
            for one in np.unique(photos.sets):
                judged = photos.sets == one
                model = fit(candidate, 0, features[~judged], photos.labels[~judged])
                left_out[judged] = model.predict_proba(features[judged])
            temperature = fitting_temperature(left_out, photos.labels)
            figures = {"T": temperature, **_figures("left out", left_out, photos.labels, temperature)}
            if chips is not None:
                model = fit(candidate, 0, features, photos.labels)
                others = model.predict_proba(transformed(chips.plain, chips.mirrored))
                figures |= _figures("chips", others, chips.labels, temperature)
            yield (name, f"{candidate.family} {candidate.values[0][1]}"), figures


def _figures(of: str, probabilities: np.ndarray, labels: np.ndarray, temperature: float) -> dict[str, float]:
    right = probabilities.argmax(axis=1) == labels
    figures = {f"{of}: accuracy": float(right.mean())}
    scaled = np.exp(logarithms(probabilities) / temperature)
    for when, some in (("", probabilities), (", T", scaled / scaled.sum(axis=1, keepdims=True))):
        certain = some.max(axis=1)
        figures[f"ECE{when}"] = calibration_error(reliability(certain, right))
        figures[f"> .99{when}"] = int((~right & (certain > 0.99)).sum())
        figures[f"of 90 %{when}"] = float(right[np.argsort(-certain)[: round(0.9 * len(right))]].mean())
    return {name if of in name else f"{of}: {name}": value for name, value in figures.items()}


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _extracted(pictures: Iterator[tuple[np.ndarray, int, str]]) -> Photos:
    """Features of pictures, uint8 [H, W, 3], with their labels and sets."""
    extractor = shared_extractor(EfficientNetLite(mirrored=False))
    squares, labels, sets = zip(
        *((extractor.prepare(pixels), label, of) for pixels, label, of in pictures), strict=True
    )
    batches = [np.stack(squares[start : start + _BATCH]) for start in range(0, len(squares), _BATCH)]
    plain = np.concatenate([extractor.infer(one) for one in batches])
    mirrored = np.concatenate([extractor.infer(np.ascontiguousarray(one[:, :, ::-1])) for one in batches])
    return Photos(plain, mirrored, np.array(labels), np.array(sets))


def _photos(data: Path) -> Iterator[tuple[np.ndarray, int, str]]:
    extractor = shared_extractor(EfficientNetLite(mirrored=False))
    for label, category in enumerate(CATEGORIES):
        files = sorted((data / "photos" / category).glob("*__*.jpg"))
        alone = len({file.name.split("__")[0] for file in files}) == 1
        for place, file in enumerate(files):
            tenth = f" {10 * place // len(files)}" if alone else ""
            pixels = decode_at_least(file.read_bytes(), extractor.sufficient_size).pixels
            yield pixels, label, file.name.split("__")[0] + tenth


def _chips(coco: Path) -> Iterator[tuple[np.ndarray, int, str]]:
    """Every box of at least 64 pixels a side, a twentieth wider, with little of another category's box in it."""
    for file in sorted(coco.glob("instances_*.json")):
        content = json.loads(file.read_text())
        names = {one["id"]: one["name"] for one in content["categories"]}
        labels = {id_: _label(name) for id_, name in names.items()}
        for image in content["images"]:
            boxes = [one for one in content["annotations"] if one["image_id"] == image["id"] and not one["iscrowd"]]
            known = [
                (labels[one["category_id"]], one["bbox"]) for one in boxes if labels[one["category_id"]] is not None
            ]
            for label, (x, y, width, height) in known:
                others = [_shared((x, y, width, height), box) for other, box in known if other != label]
                if label is None or min(width, height) < _LEAST_SIDE or max(others, default=0) > _OVERLAP:
                    continue
                with Image.open(coco / image["file_name"]) as picture:
                    left, top = max(0, int(x - width / 20)), max(0, int(y - height / 20))
                    right, bottom = (
                        min(picture.width, int(x + width * 1.05)),
                        min(picture.height, int(y + height * 1.05)),
                    )
                    yield np.array(picture.convert("RGB").crop((left, top, right, bottom))), label, file.stem


def _label(name: str) -> int | None:
    return {"potted plant": 0, "person": 2}.get(name, 1 if name in _ANIMALS else None)


def _shared(box: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """The share of a box that lies in another; each x, y, width and height."""
    sides = [max(0, min(box[i] + box[i + 2], other[i] + other[i + 2]) - max(box[i], other[i])) for i in (0, 1)]
    return sides[0] * sides[1] / (box[2] * box[3])


if __name__ == "__main__":
    main()
