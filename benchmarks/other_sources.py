"""`python -m benchmarks.other_sources`: how extractors, penalties and temperatures do on photos of other sources.

Two sets. Photos named `SET__…` below a folder per category: every source set is left out of a training once, three or
so together (`--folds`), and of a category of one set alone a tenth at a time. Chips of the boxes of COCO's persons,
animals and potted plants: a model of all the photos judges them. Penalty and temperature are chosen as the platform
does, by the sets that are trained on and never by the one that is judged. Of each: accuracy, calibration error,
mistakes above .99, accuracy of the nine tenths that are most certain; of photos also the share that is unknown where a
tenth is to be held back, by limits of the other sets, and the accuracy of the rest. Features are kept, so that only the
first run extracts them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
from PIL import Image
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.by_sources import chosen_by_sources, learner_of
from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.families import Candidate, candidates_of, fit, logistic_regression
from image_assets.classifier.training.leave_out import answers_of, unknown_of
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.source_sets import leave_sources_out
from image_assets.classifier.unseen import CERTAIN
from image_assets.features.decode import decode_at_least
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.settings.classifier import BySources, Classifier, Transform
from image_assets.settings.stages import EfficientNetLite, EfficientNetLiteKind

CATEGORIES = ("plant", "animal", "human")
KINDS: tuple[EfficientNetLiteKind, ...] = get_args(EfficientNetLiteKind)
PARTS = {
    **{kind: EfficientNetLite(kind=kind) for kind in KINDS},
    **{f"{kind}_last_block": EfficientNetLite(kind=kind, layer="last_block") for kind in KINDS},
}
EXTRACTORS: dict[str, Sequence[str]] = {**{name: [name] for name in PARTS}, "combined": KINDS}
TRANSFORMS: tuple[Transform, ...] = ("none", "root")
_ANIMALS = {"bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"}
_LEAST_SIDE, _OVERLAP, _BATCH = 64, 0.1, 8
CHOSEN = "chosen"
"""As the platform chooses."""
_PENALTIES = (0.001, 0.01, 0.1)


@dataclass(frozen=True)
class Pictures:
    """Features of pictures and of their mirror images by extractor, float32 [N, D]; labels [N]; names of sets [N]."""

    plain: dict[str, np.ndarray]
    mirrored: dict[str, np.ndarray]
    labels: np.ndarray
    sets: np.ndarray

    def features(self, kinds: Sequence[str], *, mirrored: bool) -> np.ndarray:
        """Float32 [N, D], of extractors side by side; mirrored: the mean with the mirror image's."""
        if mirrored:
            return np.hstack([(self.plain[kind] + self.mirrored[kind]) / 2 for kind in kinds])
        return np.hstack([self.plain[kind] for kind in kinds])


@dataclass(frozen=True)
class Way:
    """How a classifier is chosen.

    Attributes:
        name: In words.
        candidate: What it begins with.
        spec: What it is chosen by.
    """

    name: str
    candidate: Candidate
    spec: Classifier


def main() -> None:
    """Extract once, try all, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.other_sources", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with photos/CATEGORY/SET__NAME.jpg and coco/instances_*.json")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where features are kept")
    parser.add_argument("--folds", type=int, default=16, help="trainings that sets are left out of; default 16")
    parser.add_argument("--only", choices=EXTRACTORS, metavar="EXTRACTOR", help="one to try; default: all")
    parser.add_argument(
        "--default-way", action="store_true", help="only as by default: root, no mirror images, chosen by sources"
    )
    options = parser.parse_args()
    if not (options.data / "photos").is_dir():
        raise SystemExit(f"skipped: there are no photos in {options.data}")
    kept = options.work.resolve() / "other_sources"
    wanted = [*PARTS] if options.only is None else EXTRACTORS[options.only]
    photos, chips = extracted(lambda one: _photos(options.data, one), kept / "photos", wanted), None
    if list(options.data.glob("coco/instances_*.json")):
        chips = extracted(lambda _: _chips(options.data / "coco"), kept / "chips", wanted)
    # Wide enough for the table in a pipe, too.
    console, found = Console(width=240), []
    with threadpool_limits(limits=1), console.status("") as status:
        for name, way, mirrored in _tries():
            by_default = (way.spec.transform, way.name, mirrored) == (Classifier().transform, CHOSEN, False)
            if options.only in (None, name) and (by_default or not options.default_way):
                status.update(f"{name}, {way.candidate}, {way.name}, mirrored: {mirrored}")
                figures = tried(photos, chips, EXTRACTORS[name], way, options.folds, mirrored=mirrored)
                found.append({"features": name.removeprefix("efficientnet_"), **figures})
    console.print(_table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


def _tries() -> Iterator[tuple[str, Way, bool]]:
    """Every extractor and all side by side, with and without root and mirror image, each in every way."""
    for name, transform, mirrored in product(EXTRACTORS, TRANSFORMS, (False, True)):
        for way in ways(transform):
            yield name, way, mirrored


def ways(transform: Transform) -> list[Way]:
    """Penalties as they are, and what the platform chooses by sources."""
    found = []
    for penalty in _PENALTIES:
        spec = Classifier(transform=transform, by_sources=BySources(enabled=False))
        found.append(Way(f"penalty {penalty:g}", logistic_regression(penalty).transformed(transform), spec))
    spec = Classifier(transform=transform)
    return [*found, Way(CHOSEN, candidates_of(spec.candidates, transform)[0], spec)]


def tried(
    photos: Pictures, chips: Pictures | None, kinds: Sequence[str], way: Way, folds: int, *, mirrored: bool
) -> dict[str, str | float]:
    """Figures of one way: every set of the photos judged by a training that it had no say in, chips by all photos."""
    began = time.perf_counter()
    sets = pl.Series(photos.sets)
    names = pl.Series([str(place) for place in range(len(sets))])
    rows = TrainingRows(photos.features(kinds, mirrored=mirrored), photos.labels, names, sets)
    learn = learner_of(way.candidate, rows, way.spec)
    cut = leave_sources_out(sets, rows.labels, names, folds)
    answers = [answers_of(learn, rows, fold, way.spec) for fold in cut]
    truth = rows.labels[np.concatenate([fold.judged for fold in cut])]
    certain = np.concatenate([one.certainty for one in answers])
    right = np.concatenate([one.labels for one in answers]) == truth
    unknown = unknown_of(answers, way.spec)
    seconds = time.perf_counter() - began
    chosen = chosen_by_sources(way.candidate, rows, way.spec)
    values = dict(chosen.values)
    found: dict[str, str | float] = {
        "transform": str(values.get("transform", "none")),
        "mirrored": "yes" if mirrored else "no",
        "classifier": way.name,
        "penalty": chosen.strength,
        "T": float(str(values.get("temperature", 1.0))),
        **_figures("left out", certain, right),
    }
    if unknown is not None:
        found |= {"left out: unknown": float(unknown.mean()), "left out: of the rest": float(right[~unknown].mean())}
    if chips is not None:
        model = fit(chosen, way.spec.selection.seed, rows.features, rows.labels)
        others = model.predict_proba(chips.features(kinds, mirrored=mirrored))
        found |= _figures("chips", others.max(axis=1), model.classes[others.argmax(axis=1)] == chips.labels)
    return {**found, "seconds": round(seconds, 1)}


def _figures(of: str, certain: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Of answers with their probabilities, float [N], that are right, bool [N]."""
    surest = right[np.argsort(-certain, kind="stable")[: round(0.9 * len(right))]]
    figures = {
        "accuracy": float(right.mean()),
        "ECE": calibration_error(reliability(certain, right)),
        "> .99": int((~right & (certain > CERTAIN)).sum()),
        "of 90 %": float(surest.mean()),
    }
    return {f"{of}: {name}": value for name, value in figures.items()}


def _table(found: Sequence[dict[str, str | float]]) -> Table:
    table = Table(*found[0])
    for figures in found:
        table.add_row(*(one if isinstance(one, str) else f"{one:.3g}" for one in figures.values()))
    return table


def extracted(
    pictures: Callable[[Extractor], Iterator[tuple[np.ndarray, int, str]]], kept: Path, names: Sequence[str]
) -> Pictures:
    """Features of pictures, uint8 [H, W, 3], with their labels and sets; by each of `PARTS` named, kept in a file."""
    plain, mirrored, labels, sets = {}, {}, np.empty(0), np.empty(0)
    for name in dict.fromkeys(names):
        extractor = shared_extractor(PARTS[name])
        file = kept / f"{name}-{extractor.digest[:16]}.npz"
        if not file.exists():
            squares, of, named = zip(
                *((extractor.prepare(pixels), label, one) for pixels, label, one in pictures(extractor)), strict=True
            )
            batches = [np.stack(squares[start : start + _BATCH]) for start in range(0, len(squares), _BATCH)]
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.with_suffix(".part").open("wb") as stream:
                np.savez(
                    stream,
                    plain=np.concatenate([extractor.infer(one) for one in batches]),
                    mirrored=np.concatenate(
                        [extractor.infer(np.ascontiguousarray(one[:, :, ::-1])) for one in batches]
                    ),
                    labels=np.array(of),
                    sets=np.array(named),
                )
            file.with_suffix(".part").replace(file)
        with np.load(file) as content:
            plain[name], mirrored[name] = content["plain"], content["mirrored"]
            labels, sets = content["labels"].astype(np.int16), content["sets"]
    return Pictures(plain, mirrored, labels, sets)


def _photos(data: Path, extractor: Extractor) -> Iterator[tuple[np.ndarray, int, str]]:
    """Decoded as the platform decodes them for an extractor."""
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
