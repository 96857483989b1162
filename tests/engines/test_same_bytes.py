"""One, two and three processes load, extract, label and cut a unit to the same bytes, whatever happens to them."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl
import pytest

from image_assets.boxes.frames import PictureSize
from image_assets.boxes.units import Cutter, cut_units
from image_assets.engines import processes
from image_assets.engines.engine import LocalEngine
from image_assets.engines.processes import drop_pool
from image_assets.environment import PROCESSES
from image_assets.features import units as features
from image_assets.features.units import extract_units
from image_assets.imagenet.units import Pictures, classify_units
from image_assets.ingest.annotated.joining import _stem
from image_assets.ingest.known_files import KNOWN_FILES
from image_assets.ingest.load import Ingest, IngestTables, ingest_partition
from image_assets.schema import (
    BOX_QUARANTINE,
    IMAGE_BOXES,
    IMAGE_CHIPS,
    IMAGE_FEATURES,
    IMAGENET_PREDICTIONS,
    RAW_IMAGES,
    Partition,
)
from image_assets.settings.imagenet import Imagenet
from image_assets.settings.stages import ColourStatistics
from image_assets.store.store import Store
from image_assets.store.tables.partition_files import PartitionFiles
from tests.ingest.folders import folder_source
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, small_dataset
from tests.store_files import files_at

DATASET = small_dataset(extractor={"kind": "colour_statistics"})
PLANT, ANIMAL = Partition(FIRST, "plant"), Partition(FIRST, "animal")
Digests = dict[str, str]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plants of several pieces, files that are no pictures among them, and a few animals."""
    landing = tmp_path_factory.mktemp("landing")
    land_pictures(landing, str(FIRST), "plant", 0, range(300), lambda kind, seed: picture(kind, seed, 24))
    land_pictures(landing, str(FIRST), "animal", 1, range(40), lambda kind, seed: picture(kind, seed, 24 + seed))
    for name in ("batch/picture-0100 error.jpg", "error.jpg"):
        (landing / str(FIRST) / "plant" / name).write_text(f"<html>{name}</html>")
    return landing


@pytest.fixture(autouse=True, scope="module")
def nothing_stays() -> Iterator[None]:
    yield
    drop_pool()


def loaded(landing: Path, root: Path, partition: Partition) -> Store:
    store = Store(str(root))
    tables = IngestTables.of(store, DATASET)
    report = ingest_partition(partition, Ingest(DATASET, folder_source(landing), tables, LocalEngine()))
    assert (report.loaded, sum(report.quarantined.values())) == ((300, 2) if partition == PLANT else (40, 0))
    return store


def extracted(store: Store, partition: Partition = PLANT) -> None:
    raw, table = (store.table(DATASET.name, schema) for schema in (RAW_IMAGES, IMAGE_FEATURES))
    files = PartitionFiles(raw, raw.partition_files(partition))
    made = extract_units(files, table, partition, ColourStatistics(kind="colour_statistics"), LocalEngine())
    assert (made.extracted, made.peak_bytes > 10_000_000, made.effort.decoding > 0) == (300, True, True)


def labelled(store: Store) -> None:
    raw, table = (store.table(DATASET.name, schema) for schema in (RAW_IMAGES, IMAGENET_PREDICTIONS))
    spec = Imagenet(classifier="embedded", top=2)
    classify_units(
        Pictures(raw, raw.partition_files(ANIMAL), chips=False), table, ANIMAL, spec, LocalEngine(), lambda *_: None
    )


def cut(store: Store) -> None:
    raw, boxes, chips, refused = (
        store.table(DATASET.name, schema) for schema in (RAW_IMAGES, IMAGE_BOXES, IMAGE_CHIPS, BOX_QUARANTINE)
    )
    (images,) = raw.partition_files(ANIMAL)
    ids = raw.scan([ANIMAL]).select("image_id").collect()["image_id"].to_list()
    rows = [_box(image_id, number) for image_id in ids for number in range(2)]
    rows[21]["xmax"] = 1.5
    table = pl.DataFrame(rows).with_columns(
        pl.lit(None).alias(name) for name in IMAGE_BOXES.file_schema.names if name not in rows[0]
    )
    arrow = table.to_arrow().select(IMAGE_BOXES.file_schema.names).cast(IMAGE_BOXES.file_schema)
    box_file = boxes.write_file(ANIMAL, f"{_stem(images)}-0", arrow.to_batches())
    sizes = {ids[3]: (PictureSize(10, 30),), ids[35]: (PictureSize(10, 30),)}
    cutter = Cutter(raw, boxes, chips, refused, ANIMAL, DATASET.limits)
    (made,) = cut_units([images], [box_file], [sizes], cutter, LocalEngine())
    assert (made.chips.rows, made.quarantine.rows) == (75, 5)


def _box(image_id: str, number: int) -> dict:
    sides = {"xmin": 0.1, "xmax": 0.5 + number / 4, "ymin": 0.2, "ymax": 0.9}
    return {"image_id": image_id, "box": number, "label_code": "a", "label_name": "A", "box_source": "hand", **sides}


def digests(root: Path) -> Digests:
    """SHA-256 of every file of a table, by its name."""
    files = (file for file in files_at(root).rglob("*.parquet") if KNOWN_FILES not in file.parts)
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def made(landing: Path, root: Path) -> Digests:
    extracted(loaded(landing, root, PLANT))
    store = loaded(landing, root, ANIMAL)
    labelled(store)
    cut(store)
    return digests(root)


@pytest.fixture(scope="module")
def by_one(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Digests:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PROCESSES.name, "1")
        return made(landing, tmp_path_factory.mktemp("by-one"))


@pytest.mark.parametrize("number", [2, 3])
def test_the_number_of_processes_leaves_no_trace_in_the_bytes(
    landing: Path, by_one: Digests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv(PROCESSES.name, str(number))
    assert made(landing, tmp_path) == by_one
    (pool,) = processes._pools
    assert pool.processes == number  # it was not done here after all


def test_the_comparison_sees_pieces_in_another_order(
    landing: Path, by_one: Digests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: a fault of the kind that processes could make is noticed."""
    monkeypatch.setenv(PROCESSES.name, "2")
    right = features.spans

    def wrong(images: int, step: int, threads: int, *, apart: bool = False) -> list[range]:
        return right(images, step, threads, apart=apart)[::-1]

    monkeypatch.setattr(features, "spans", wrong)
    extracted(loaded(landing, tmp_path, PLANT))
    assert differing(by_one, digests(tmp_path)) == ["image_features"]


def differing(expected: Digests, found: Digests) -> Sequence[str]:
    return ["image_features" for name, digest in found.items() if expected[name] != digest]


@pytest.mark.long
def test_a_worker_that_is_killed_in_the_middle_leaves_no_trace_either(
    landing: Path, by_one: Digests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROCESSES.name, "2")
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.is_set() and len(killed) < 2:
            for pool in processes._pools:
                for pid in list(pool._executor._processes or {}):
                    if pid not in killed and len(killed) < 2 and list(Path(pool._scratch.name).iterdir()):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
            time.sleep(0.001)

    drop_pool()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        extracted(loaded(landing, tmp_path, PLANT))
    finally:
        over.set()
        killer.join()
    assert killed
    assert differing(by_one, digests(tmp_path)) == []


@pytest.mark.long
def test_a_run_that_is_killed_with_its_workers_at_work_is_done_again_without_a_trace(
    landing: Path, by_one: Digests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROCESSES.name, "2")
    scratch, store = tmp_path / "scratch", tmp_path / "store"
    scratch.mkdir()
    program = (
        "import sys; from pathlib import Path; from tests.engines.test_same_bytes import PLANT, loaded; "
        "loaded(Path(sys.argv[1]), Path(sys.argv[2]), PLANT)"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, str(landing), str(store)],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    while run.poll() is None and not list(scratch.rglob("*.arrow")):
        time.sleep(0.001)
    run.kill()
    assert run.wait() == -signal.SIGKILL  # it was still at work
    deadline = time.monotonic() + 60
    while list(scratch.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert list(scratch.iterdir()) == []  # the last worker that ends leaves nothing
    extracted(loaded(landing, store, PLANT))
    assert differing(by_one, digests(store)) == []
