"""`python -m benchmarks.metrics`: what the metrics of an image cost beside its decoding and its thumbnail.

Each step is timed in the order in which loading takes them, on the chunks that it takes, in several rounds; of each
chunk the fastest round counts, so that whatever else the machine does meanwhile is left out. The peer of the
perceptual hash is ImageHash.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagehash
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.extraction.inputs import PHOTOS
from image_assets.images.decode import decode
from image_assets.images.metrics import measure_copies
from image_assets.images.thumbnail import small_copy, thumbnail
from image_assets.settings.stages import Limits

GOAL = 0.25
# As many as loading decodes before it measures them.
_CHUNK = 32
_LABELS = {
    "decode": "decoding",
    "copy": "the copy of at most 96 pixels",
    "thumbnail": "the thumbnail's JPEG",
    "metrics": "all metrics, of the copy",
    "imagehash": "ImageHash's phash alone, of the copy",
}


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of JPEG files, at any depth")
    parser.add_argument("--images", type=int, default=300, help="photos, taken evenly from the folder")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    paths = sorted(options.photos.rglob("*.jpg"))
    contents = [path.read_bytes() for path in paths[:: max(1, len(paths) // options.images)][: options.images]]
    if not contents:
        parser.error(f"no *.jpg below {options.photos}; name a folder with --photos")
    found = measure(contents, options.rounds)
    console = Console()
    console.print(_table(found, len(contents)))
    verdict = "reached" if found["on top"] <= GOAL else "missed"
    console.print(
        f"metrics on top of decoding and thumbnail: {found['on top']:.1%}, goal ≤ {GOAL:.0%}: {verdict}; "
        f"of decoding alone: {found['of decoding']:.1%}"
    )
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


def measure(contents: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Microseconds per photo of every step, and the metrics' share of the others.

    Args:
        contents: JPEG files.
        rounds: Times that every chunk is done.
    """
    steps = dict.fromkeys(_LABELS, 0.0)
    for start in range(0, len(contents), _CHUNK):
        chunk = contents[start : start + _CHUNK]
        runs = [_time_chunk(chunk) for _ in range(rounds)]
        for step in steps:
            steps[step] += min(run[step] for run in runs) / len(contents)
    without = steps["decode"] + steps["copy"] + steps["thumbnail"]
    return {**steps, "on top": steps["metrics"] / without, "of decoding": steps["metrics"] / steps["decode"]}


def _time_chunk(contents: Sequence[bytes]) -> dict[str, float]:
    spent = dict.fromkeys(_LABELS, 0.0)

    def timed(step: str, work: Callable[[Any], Any], of: object) -> Any:
        began = time.perf_counter_ns()
        result = work(of)
        spent[step] += (time.perf_counter_ns() - began) / 1e3
        return result

    copies = []
    for content in contents:
        image = timed("decode", lambda one: decode(one, Limits()), content)
        copies.append(timed("copy", small_copy, image.pixels))
    timed("metrics", measure_copies, copies)
    for copy in copies:
        timed("thumbnail", thumbnail, copy)
    for copy in copies:
        timed("imagehash", imagehash.phash, Image.fromarray(copy))
    return spent


def _table(found: dict[str, float], photos: int) -> Table:
    table = Table("step", title=f"Microseconds per photo, of {photos} photos, one thread")
    table.add_column("µs", justify="right")
    for step, label in _LABELS.items():
        table.add_row(label, f"{found[step]:.0f}")
    return table


if __name__ == "__main__":
    main()
