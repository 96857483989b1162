"""How `old_store.tar.xz` was made: two small datasets of drawn pictures, run and reviewed by the commands of 164d43e.

    git worktree add ../old 164d43e
    cd ../old                                    # with an environment of its own: make install
    .venv/bin/python THIS_FILE FOLDER            # which must not be there yet; makes FOLDER/old_store.tar.xz

`skies` has two categories and two days, with a copy, a file that is no image, and a picture that was sent under both
categories and reviewed; a classifier was trained on the first day and again on the second. `birds` has one day of
pictures with boxes in COCO's form. Plots are left out of the archive: every run draws them anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

sys.path.insert(0, os.getcwd())

import polars as pl  # the environment of that commit

from tests.pictures import clouds  # as that commit drew them

DAYS = ("2026-11-03", "2026-11-04")
SIDE = 32
SKIES = """\
name: skies
categories: {dawn: 0, noon: 1}
start_day: 2026-11-03
extractor: {kind: colour_statistics}
shards: {rows: 4}
limits: {quarantine_rate: 0.5}
classifier: {report: {enabled: false}, candidates: [{kind: logistic_regression, regularisation: [0.001]}]}
"""
BIRDS = """\
name: birds
categories: {owl: 0, duck: 1}
start_day: 2026-11-03
source: {kind: coco, fields: [family], categories_from: {owl: [Strigidae], duck: [Anatidae]}}
extractor: {kind: colour_statistics}
classifier: {report: {enabled: false}, candidates: [{kind: logistic_regression, regularisation: [0.001]}]}
"""


def main(root: Path) -> None:
    root.mkdir(parents=True)
    (root / "skies.yaml").write_text(SKIES)
    (root / "birds.yaml").write_text(BIRDS)
    for number, day in enumerate(DAYS):
        land_skies(root / "skies", number, day)
        command(root, "skies", "run", "--landing", str(root / "skies"), "--day", day)
    conflicts = pl.read_delta(str(root / "store" / "skies" / "label_conflicts"))
    decision = ("--category", "dawn", "--reviewer", "somebody")
    command(root, "skies", "conflicts", "settle", conflicts["conflict_id"][0], *decision)
    command(root, "skies", "run", "--landing", str(root / "skies"), "--day", DAYS[1])
    land_birds(root / "birds", DAYS[0])
    command(root, "birds", "run", "--landing", str(root / "birds"), "--day", DAYS[0])
    with tarfile.open(root / "old_store.tar.xz", "w:xz") as archive:
        for name in ("skies.yaml", "birds.yaml", "store"):
            archive.add(root / name, name, filter=without_plots)


def land_skies(landing: Path, number: int, day: str) -> None:
    for kind, category in enumerate(("dawn", "noon")):
        folder = landing / day / category
        folder.mkdir(parents=True)
        for seed in range(6):
            (folder / f"{seed}.png").write_bytes(clouds(kind, 10 * number + seed, SIDE))
    (landing / day / "dawn" / "copy.png").write_bytes(clouds(0, 1, SIDE))
    (landing / day / "dawn" / "error.jpg").write_text("<html>404</html>")
    if number:
        (landing / day / "noon" / "in both.png").write_bytes(clouds(0, 2, SIDE))


def land_birds(landing: Path, day: str) -> None:
    images, boxes = [], []
    for number in range(8):
        label, name = 1 + number % 2, f"{number}.png"
        (landing / day / str(label)).mkdir(parents=True, exist_ok=True)
        (landing / day / str(label) / name).write_bytes(clouds(label, 50 + number, SIDE))
        images.append({"id": number, "file_name": f"{label}/{name}", "width": SIDE, "height": SIDE})
        boxes.append({"id": number, "image_id": number, "category_id": label, "bbox": [8, 8, 12, 10.5]})
    boxes.append({"id": 8, "image_id": 0, "category_id": 1, "bbox": [8, 8, 0, 5]})
    categories = [
        {"id": 1, "name": "Strix aluco", "family": "Strigidae"},
        {"id": 2, "name": "Anas", "family": "Anatidae"},
    ]
    (landing / "annotations").mkdir()
    content = {"info": {"year": 2019}, "images": images, "annotations": boxes, "categories": categories}
    (landing / "annotations" / "train2019.json").write_text(json.dumps(content))


def command(root: Path, dataset: str, *arguments: str) -> None:
    places = ("--dataset", str(root / f"{dataset}.yaml"), "--store", str(root / "store"))
    program = str(Path(sys.executable).with_name("image-assets"))
    environment = os.environ | {"DAGSTER_HOME": str(root / "dagster")}
    # The second day ends with status 1, as the picture under both categories is still to be reviewed.
    done = subprocess.run([program, *arguments, *places], env=environment, check=False)
    sys.stderr.write(f"{' '.join(arguments)}: exit status {done.returncode}\n")


def without_plots(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if "plots" in Path(member.name).parts else member


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
