"""What every contestant is given: photos as files, and the model as a SavedModel and for onnxruntime."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PHOTOS = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
IMAGE_SIZE, WIDTH, BATCH = 128, 512, 64
_COMMENT = b"\xff\xfe"
_IN_A_FOLDER = 1_000


class NoPhotos(ValueError):
    """There is nothing to measure with: the message says where photos were looked for."""


@dataclass(frozen=True)
class Inputs:
    """Where the photos and the model are.

    Attributes:
        photos: A folder with nothing but JPEG files in it, in folders of a thousand.
        module: The SavedModel of a MobileNetV1 0.50 with random weights, 128 pixels, 512 features.
        cache: Where its conversion for onnxruntime is kept.
    """

    photos: Path
    module: Path
    cache: Path


def prepare(photos: Path, images: int, folder: Path) -> Inputs:
    """Make the inputs in `folder`, or find them there.

    Raises:
        NoPhotos: there is no JPEG file in `photos`.
    """
    inputs = Inputs(folder / f"photos-{images}", folder / "mobilenet_v1_050_128", folder / "cache")
    if not (inputs.photos / "complete").exists():
        repeat_photos(photos, images, inputs.photos)
        (inputs.photos / "complete").touch()
    if not (inputs.module / "saved_model.pb").exists():
        # In a process of its own: TensorFlow would stay in this one.
        code = (
            "import sys; from pathlib import Path; from tests.features.mobilenet_v1 import save_mobilenet_v1 as save; "
            "save(Path(sys.argv[1]))"
        )
        subprocess.run([sys.executable, "-c", code, str(inputs.module)], check=True, env=quiet_environment(inputs))
    return inputs


def quiet_environment(inputs: Inputs) -> dict[str, str]:
    """The environment of a contestant."""
    return {
        **os.environ,
        "IMAGE_ASSETS_CACHE": str(inputs.cache),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }


def repeat_photos(photos: Path, images: int, target: Path) -> None:
    """Write `images` JPEG files made from those in `photos`, with other bytes every time and the same pixels.

    Raises:
        NoPhotos: there is no JPEG file in `photos`.
    """
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not found:
        raise NoPhotos(f"no JPEG files in {photos}; name a folder of photos with --photos")
    for number, path in zip(range(images), itertools.cycle(found), strict=False):
        folder = target / f"{number // _IN_A_FOLDER:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:07d}.jpg").write_bytes(with_comment(path.read_bytes(), f"copy {number}"))


def land(
    inputs: Inputs, landing: Path, day: dt.date, categories: Sequence[str], first: int = 0, end: int | None = None
) -> None:
    """Put photos into a landing zone, from the number `first` up to `end`, shared out over the categories; as links, so
    that nothing is copied.
    """
    photos = sorted(inputs.photos.rglob("*.jpg"))
    for number, photo in list(enumerate(photos))[first:end]:
        folder = landing / day.isoformat() / categories[number % len(categories)]
        folder.mkdir(parents=True, exist_ok=True)
        os.link(photo, folder / photo.name)


def with_comment(jpeg: bytes, comment: str) -> bytes:
    """The same picture in other bytes: a comment segment after the first marker (ITU-T T.81, B.2.4.5)."""
    text = comment.encode("ascii")
    return jpeg[:2] + _COMMENT + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]
