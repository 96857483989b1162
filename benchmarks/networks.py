"""`python -m benchmarks.networks`: networks trained from pixels, beside the classifier of features and plain Keras.

Three parts, each by itself with `--only`:

- `photos`: animals against plants, loaded as the platform loads them. Presets and the classifier of features on
  the same held-out photos, with 95 % intervals and McNemar's test; and a preset trained on labels that were shuffled
  among the training photos, which must end at chance.
- `speed`: an epoch of the platform's training, whose pixels are read from a file, beside Keras' own `fit` on the same
  pixels as an array in memory; turn by turn, the fastest of each.
- `memory`: the peak of a process that decodes pictures and trains an epoch, of few and of many.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import dagster as dg
import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.peaks import communicate
from image_assets.classifier.daily.daily_model import Tables, untracked
from image_assets.classifier.intervals import wilson
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.definitions import build_definitions, build_resources
from image_assets.environment import CACHE
from image_assets.features.decode import all_prepared
from image_assets.features.extractor import shared_extractor
from image_assets.health.days import chosen_partitions
from image_assets.networks.keras_here import gpus, prepare_keras
from image_assets.networks.pixel_file import PixelFile, PixelRows, filled
from image_assets.networks.pixels import PixelForm, as_floats
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.reports.tables import plain_table, show_table
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.settings.networks import CnnClassifier, CnnPreset
from image_assets.store.store import Store
from image_assets.workers import ordered_map

PRESETS: tuple[CnnPreset, ...] = get_args(CnnPreset)
# Without what they begin with, which is a download, those that are fine-tuned say nothing of accuracy.
FROM_NOTHING: tuple[CnnPreset, ...] = ("original", "separable")
PARTS = ("photos", "speed", "memory")
DAY = "2026-11-03"


def main() -> None:
    """Measure, print tables, and write what was found to a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.networks", description=__doc__)
    parser.add_argument("--photos", type=Path, default=Path("../shared/data/photos"), help="a folder per category")
    parser.add_argument("--categories", nargs=2, default=["plant", "animal"])
    parser.add_argument("--only", choices=PARTS, action="append", help="a part; may be given several times")
    parser.add_argument(
        "--preset", choices=PRESETS, action="append", help="default: for photos those that begin with nothing, else all"
    )
    parser.add_argument("--shuffled", choices=PRESETS, default="separable", help="the preset with shuffled labels")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--colour", choices=("grey", "rgb"), default="rgb")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--images", type=int, nargs=2, default=[1_000, 20_000], help="of the two sides of `memory`")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    prepare_keras()
    spec = CnnClassifier(size=options.size, colour=options.colour, epochs=options.epochs, patience=options.epochs)
    if options.child:
        sys.stdout.write(json.dumps(_one_epoch_of(options.photos, options.child, spec)))
        return
    presets, parts, console = options.preset or FROM_NOTHING, options.only or PARTS, Console()
    found: dict[str, Any] = {"size": options.size, "colour": options.colour, "gpus": gpus()}
    if "photos" in parts:
        found["photos"] = measure_photos(options, spec, presets)
        _show(console, f"{' against '.join(options.categories)}, {options.size} × {options.size}", found["photos"])
    if "speed" in parts:
        timed = options.preset or PRESETS
        found["speed"] = [measure_speed(options.photos, spec.model_copy(update={"preset": one})) for one in timed]
        _show(console, "An epoch beside plain Keras", found["speed"])
    if "memory" in parts:
        found["memory"] = [measure_memory(options.photos, number, options) for number in options.images]
        _show(console, "Memory", found["memory"])
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def measure_photos(
    options: argparse.Namespace, spec: CnnClassifier, presets: Sequence[CnnPreset]
) -> list[dict[str, Any]]:
    """A row for the classifier, for every preset, and for one with shuffled labels."""
    from image_assets.networks.cnn import Sides, description_of, fitted_cnn, train_cnn
    from image_assets.networks.comparison import beside_the_classifier
    from image_assets.networks.fitting import Watch
    from image_assets.networks.validation import validation_side
    from image_assets.store.models.model_files import ModelManifest, file_name

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        os.environ[CACHE.name] = f"{folder}/cache"
        dataset, store = _loaded(options, Path(folder))
        read = (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES)
        features, groups, conflicts, raw_images = (store.table(dataset.name, one).scan() for one in read)
        tables = Tables(features, groups, conflicts, raw_images)
        extractor = shared_extractor(dataset.extractor)
        for preset in presets:
            wanted = spec.model_copy(update={"preset": preset})
            asking = dataset.model_copy(
                update={"networks": dataset.networks.model_copy(update={"cnn_classifier": wanted})}
            )
            began = time.monotonic()
            trained = train_cnn(asking, tables, store, extractor, untracked, lambda epoch: print(epoch, flush=True))
            evaluation, whole = trained.evaluation(asking), time.monotonic() - began
            described = description_of(asking, trained, evaluation).model_dump()
            sha = "0" * 64
            manifest = ModelManifest(
                **described, model_format="safetensors", libraries={}, file=file_name(sha, "safetensors"), sha256=sha
            )
            compared = beside_the_classifier(store.objects(), asking, tables, extractor, trained, manifest)
            if not rows:
                rows.append(_row("classifier of features", compared.right, {}))
            rows.append(
                _row(
                    preset,
                    compared.also_right,
                    {
                        "McNemar p": compared.p_value,
                        "training s": trained.fitted.seconds,
                        "whole s": whole,
                        "epochs": len(trained.fitted.history),
                        "best": trained.fitted.best.number + 1,
                        "images/s": trained.fitted.images_per_second,
                    },
                )
            )
            if preset == options.shuffled:
                labels = np.random.default_rng(0).permutation(trained.training.labels)
                shuffled = trained.training.rows.with_columns(label=pl.Series(labels))
                aside = validation_side(trained.training.groups, labels, wanted.validation)
                places = np.flatnonzero(~trained.aside)
                sides = Sides(trained.pixels[places], shuffled, aside)
                model, fitted = fitted_cnn(sides, wanted, Path(folder) / "shuffled", Watch())
                right = model.predict(trained.pixels[trained.aside]) == trained.truth
                rows.append(_row(f"{preset}, labels shuffled", right, {"training s": fitted.seconds}))
    return rows


def _row(name: str, right: np.ndarray, more: dict[str, float]) -> dict[str, Any]:
    low, high = wilson(float(right.sum()), len(right))
    return {"model": name, "accuracy": float(right.mean()), "from": low, "to": high, "held out": len(right), **more}


def _loaded(options: argparse.Namespace, folder: Path) -> tuple[DatasetSpec, Store]:
    """A dataset of two categories with a day of photos, run as the platform runs it."""
    content = {
        "name": "photos",
        "categories": {name: label for label, name in enumerate(options.categories)},
        "start_day": DAY,
        "classifier": {"report": {"enabled": False}, "split": {"by": "image"}},
    }
    dataset = parse_dataset(content, "photos.yaml")
    for name in options.categories:
        shutil.copytree(options.photos / name, folder / "landing" / DAY / name)
    url = str(folder / "store")
    resources = build_resources(LandingResource(url=str(folder / "landing")), StoreResource(url=url))
    definitions = build_definitions([dataset], resources)
    with dg.DagsterInstance.ephemeral() as instance:
        ran = run_day(JobRunner(definitions, instance), dataset, chosen_partitions(dataset, dataset.start_day, []))
    if not ran.ok:
        raise SystemExit(f"the day did not come through: {ran.errors or [str(one) for one in ran.checks]}")
    return dataset, Store(url)


def measure_speed(photos: Path, spec: CnnClassifier, images: int = 256, rounds: int = 3) -> dict[str, Any]:
    """Seconds of an epoch, the platform's and plain Keras', of networks that start alike."""
    import keras

    from image_assets.networks.cnn import Sides
    from image_assets.networks.fitting import compiled
    from image_assets.networks.presets import cnn

    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        pixels = _pixels(photos, images, spec, Path(folder))
        labels = np.arange(images) % 2
        rows = pl.DataFrame({"image_id": [f"{one:064x}" for one in range(images)], "label": labels})
        data = Sides(pixels, rows, np.zeros(images, bool)).pictures(spec.batch, validation=False, shuffled_by=0)
        array = as_floats(pixels.read())
        sides = {}
        for name in ("ours", "plain"):
            network = cnn(spec.preset, pixels.shape[1:], 2, spec.seed)
            sides[name] = compiled(network, spec, data.steps, "sparse_categorical_crossentropy")
        seconds: dict[str, list[float]] = {"ours": [], "plain": []}
        for number in range(rounds + 1):  # the first builds what is run
            began = time.monotonic()
            sides["ours"].fit(data.epoch(number), epochs=1, shuffle=False, verbose=0)
            between = time.monotonic()
            sides["plain"].fit(array, labels, batch_size=spec.batch, epochs=1, verbose=0)
            if number:
                seconds["ours"].append(between - began)
                seconds["plain"].append(time.monotonic() - between)
        keras.backend.clear_session()
    ours, plain = min(seconds["ours"]), min(seconds["plain"])
    return {"preset": spec.preset, "ours s": ours, "plain s": plain, "speed of plain": plain / ours, "images": images}


def measure_memory(photos: Path, images: int, options: argparse.Namespace) -> dict[str, Any]:
    """What `_one_epoch_of` finds in a process of its own, and the most memory of that."""
    command = [sys.executable, "-m", "benchmarks.networks", "--photos", str(photos), "--child", str(images)]
    command += ["--size", str(options.size), "--colour", options.colour]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told, _, peak = communicate(process)
    return {**json.loads(told), "peak MB": peak / 1e6}


def _one_epoch_of(photos: Path, images: int, spec: CnnClassifier) -> dict[str, Any]:
    """Decode so many pictures into a file and train an epoch on them; milliseconds an image of both."""
    from image_assets.networks.cnn import Sides, fitted_cnn
    from image_assets.networks.fitting import Watch

    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        began = time.monotonic()
        pixels = _pixels(photos, images, spec, Path(folder))
        decoded = time.monotonic() - began
        rows = pl.DataFrame(
            {"image_id": [f"{one:064x}" for one in range(images)], "label": [one % 2 for one in range(images)]}
        )
        sides = Sides(pixels, rows, np.arange(images) % 10 == 0)
        _, fitted = fitted_cnn(sides, spec.model_copy(update={"epochs": 1}), Path(folder), Watch())
    return {
        "images": images,
        "decoding, ms an image": 1e3 * decoded / images,
        "training, ms an image": 1e3 / fitted.images_per_second,
    }


def _pixels(photos: Path, images: int, spec: CnnClassifier, folder: Path) -> PixelRows:
    """So many pictures in a file: the photos again and again, each time decoded anew."""
    files, form = sorted(photos.glob("*/*.jpg")), PixelForm(spec.size, spec.colour)
    wanted = pl.DataFrame({"image_id": [f"{one:064x}" for one in range(images)]})

    def prepared(ids: list[str]) -> tuple[list[str], np.ndarray]:
        return ids, all_prepared([files[int(one, 16) % len(files)].read_bytes() for one in ids], form)

    def decoded(missing: pl.DataFrame) -> Iterator[tuple[list[str], np.ndarray]]:
        parts = (part["image_id"].to_list() for part in missing.iter_slices(8))
        return ordered_map(prepared, parts)

    return filled(PixelFile(folder / "some.pixels", form.shape), wanted, decoded)


def _show(console: Console, title: str, rows: Sequence[dict[str, Any]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = plain_table(*names)
    table.title, table.title_justify = title, "left"
    for row in rows:
        cells = [row.get(name, "") for name in names]
        table.add_row(*(f"{cell:,.3f}" if isinstance(cell, float) else str(cell) for cell in cells))
    show_table(console, table)


if __name__ == "__main__":
    main()
