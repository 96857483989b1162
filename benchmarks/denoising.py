"""`python -m benchmarks.denoising`: how well noise is taken away from real photos, and what a classifier makes of it.

The photos are loaded as a day of a dataset and the classifier of features is trained, as a day is run; then a network
of each preset is trained for each kind of noise, as the asset does, and judged on the photos that the classifier holds
out. Checkpoints and pixels are kept below the work folder: a run that was killed goes on.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import PHOTOS
from image_assets.classifier.places import classifier_prefix
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.environment import CACHE
from image_assets.features.extractor import build_extractor
from image_assets.networks.keras_here import prepare_keras
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.settings.denoising import DenoisingPreset, said_of_noise
from image_assets.settings.networks import DenoisingAutoencoder
from image_assets.store.models.model_store import load_model
from image_assets.workers import Progress, no_progress
from tests.platform import FIRST, Platform

CATEGORIES = ("plant", "animal", "human")
NOISES: dict[str, list[dict[str, Any]]] = {
    "gaussian": [{"kind": "gaussian", "deviation": 0.1}],
    "salt_and_pepper": [{"kind": "salt_and_pepper", "share": 0.05}],
    "blur": [{"kind": "blur", "deviation": 1.0}],
}
GAIN = 3.0
"""dB that the restored photos are to be closer than the noisy ones; and closer than the median filter's by any."""


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.denoising", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help=f"a folder with folders {', '.join(CATEGORIES)}")
    parser.add_argument("--noise", default=",".join(NOISES), help="kinds, with commas")
    parser.add_argument("--presets", default=",".join(get_args(DenoisingPreset)), help="presets, with commas")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--work", type=Path, default=Path(".benchmarks"), help="where everything is kept")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    os.environ[CACHE.name] = str(options.work.resolve() / "denoising" / "cache")
    platform = _loaded(options.photos, options.work.resolve() / "denoising")
    prepare_keras()
    console, found = Console(), []
    for kind in options.noise.split(","):
        for preset in options.presets.split(","):
            section = {"preset": preset, "noise": NOISES[kind], "size": options.size, "epochs": options.epochs}
            found.append(measure(platform, DenoisingAutoencoder.model_validate(section)))
            console.print(_line(found[-1]))
    console.print(_table(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def _loaded(photos: Path, root: Path) -> Platform:
    """A platform that holds the photos, with a trained classifier; made once."""
    platform = Platform(_dataset(), root)
    if not (root / "store").exists():
        for category in CATEGORIES:
            shutil.copytree(photos / category, platform.landing / str(FIRST) / category, dirs_exist_ok=True)
        result = platform.run(FIRST)
        if result.errors:
            raise SystemExit("\n".join(map(str, result.errors)))
    return platform


def _dataset() -> DatasetSpec:
    content = {
        "name": "photos",
        "categories": {name: label for label, name in enumerate(CATEGORIES)},
        "start_day": dt.date(2026, 11, 1),
        "classifier": {"report": {"enabled": False}},
    }
    return parse_dataset(content, "photos.yaml")


def measure(platform: Platform, spec: DenoisingAutoencoder) -> dict[str, Any]:
    """Train a network and judge it."""
    # Load Keras, which is to be prepared before.
    from image_assets.networks.denoising.classified_again import ByFeatures
    from image_assets.networks.denoising.images import Tables, sides_of
    from image_assets.networks.denoising.made import Telling, make_denoiser
    from image_assets.networks.fitting import no_epoch

    dataset, store = platform.dataset, platform.store
    named = (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES)
    tables = Tables(*(store.table(dataset.name, schema).scan() for schema in named))
    sides = sides_of(dataset, store, tables, spec.validation, spec.judged)
    extractor = build_extractor(dataset.extractor)
    model, _ = load_model(store.objects(), classifier_prefix(dataset), extractor.digest)
    telling = Telling(_silent, no_epoch)
    made = make_denoiser(dataset, spec, store, sides, [ByFeatures(extractor, model)], telling)
    return {
        "noise": said_of_noise(spec.noise),
        "preset": spec.preset,
        "size": spec.size,
        "epochs": len(made.fitted.history),
        "seconds": made.fitted.seconds,
        "trained": made.record.trained,
        **made.record.figures.model_dump(),
        "again": {
            view.asked: {"accuracy": view.accuracy, "survived": view.survived}
            for one in made.again
            for view in one.views
        },
        "page": made.page,
    }


def _silent(title: str, unit: str) -> AbstractContextManager[Progress]:
    del title, unit
    return nullcontext(no_progress)


def _line(one: dict[str, Any]) -> str:
    gained, over = _gained(one)
    return (
        f"{one['noise']}, {one['preset']}: {gained:+.2f} dB, {over:+.2f} over the median filter, {one['seconds']:.0f} s"
    )


def _gained(one: dict[str, Any]) -> tuple[float, float]:
    restored = one["restored"]["psnr"]
    return restored - one["noisy"]["psnr"], restored - one["median"]["psnr"]


def _table(found: Sequence[dict[str, Any]]) -> Table:
    title = f"{found[0]['size']} × {found[0]['size']} pixels, {found[0]['images']} photos held out: PSNR in dB (SSIM)"
    table = Table(title=title)
    for name in (
        "noise",
        "preset",
        "noisy",
        "median filter",
        "restored",
        "gained",
        "over the filter",
        "",
        "s an epoch",
    ):
        table.add_column(name)
    for one in found:
        gained, over = _gained(one)
        views = (f"{one[view]['psnr']:.2f} ({one[view]['ssim']:.3f})" for view in ("noisy", "median", "restored"))
        verdict = "reached" if gained >= GAIN and over > 0 else "missed"
        per_epoch = f"{one['seconds'] / one['epochs']:.1f}"
        table.add_row(one["noise"], one["preset"], *views, f"{gained:+.2f}", f"{over:+.2f}", verdict, per_epoch)
    return table


if __name__ == "__main__":
    main()
