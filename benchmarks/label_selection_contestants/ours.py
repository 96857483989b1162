"""Ours: the selection as the source makes it, its Parquet files included."""

import json
import sys
from pathlib import Path

from image_assets.ingest.annotated.files import AnnotationFolder
from image_assets.ingest.annotated.label_selection import LabelSelection
from image_assets.ingest.annotated.open_images import OpenImages
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.settings.annotated import OpenImagesSource

root, categories = Path(sys.argv[1]), json.loads(sys.argv[2])
settings = OpenImagesSource(kind="open_images", categories_from={name: (label,) for name, label in categories.items()})
found = LabelSelection(OpenImages(settings, AnnotationFolder(root / "annotations")), root / "staging")
counts: dict[str, int] = {}
for step, part, rows in found.steps().iter_rows():
    counts[step] = counts.get(step, 0) + rows
    counts[f"{step} {part}"] = rows
answer = {
    "rows": counts[Step.READ],
    "known": counts[Step.KNOWN],
    "wanted": counts[Step.WANTED],
    "positive": counts[Step.POSITIVE],
    "negative": counts[Step.NEGATIVE],
    "images": counts[Step.DISTINCT_IMAGES],
    "several": counts[Step.OF_SEVERAL],
    "one": {name: counts[f"{Step.OF_ONE} {name}"] for name in categories},
}
sys.stdout.write(json.dumps(answer) + "\n")
