"""Files of a day become partitions by their annotations; what belongs nowhere is counted; the work is done once."""

from __future__ import annotations

import datetime as dt
import os
import pickle
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from image_assets.dataset import DatasetError, parse_dataset
from image_assets.ingest.annotated import cache
from image_assets.ingest.annotated.source import AnnotatedSource, selection_of
from image_assets.ingest.registry import open_source
from image_assets.ingest.source import SourceError
from image_assets.ingest.staging import staging_folder
from image_assets.settings.sources import OpenImagesSource
from image_assets.workers import no_progress
from tests.ingest.annotated.stand_ins import LABEL_COLUMNS, write_csv, write_open_images
from tests.ingest.folders import folder_source

DAY = dt.date(2026, 11, 3)
ROWS = [("a1", "verification", "/m/lion", 1), ("a2", "verification", "/m/car", 1), ("b.2", "verification", "/m/cat", 1)]


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    landing = tmp_path / "landing"
    write_open_images(landing / "annotations", {"train": ROWS})
    for name in ("train/part_0/a1.jpg", "a2.png", "other/a2.png", "b.2.jpeg", "stranger.jpg", "a1", ".DS_Store"):
        file = landing / str(DAY) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    (landing / "2026-11-04").mkdir()
    return landing


def open_landing(landing: Path, **changes: object) -> AnnotatedSource:
    settings = {"kind": "open_images", "categories_from": {"cat": ["Carnivore"], "car": ["Car"]}, **changes}
    source = open_source(OpenImagesSource.model_validate(settings), str(landing))
    assert isinstance(source, AnnotatedSource)
    return source


def listed(source: AnnotatedSource, category: str) -> list[str]:
    return [file.source for file in source.list_files(DAY, category).files]


def test_a_landing_zone_of_another_shape_is_refused_and_annotations_alone_are_none(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    write_open_images(landing / "annotations", {"train": ROWS})
    assert open_landing(landing).days() == []
    (landing / "train" / "part_0").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"found train; expected <day>/… with images at any depth"):
        open_landing(landing).days()
    write_open_images(landing / "labels" / "of 2026", {"train": ROWS})
    with pytest.raises(SourceError, match=r"found annotations, train; expected"):
        open_landing(landing, annotations=str(landing / "labels" / "of 2026")).days()
    (landing / "20261103").mkdir()
    (landing / str(DAY)).mkdir()
    assert open_landing(landing).days() == [DAY]
    assert open_landing(landing).misnamed() == {"20261103": dt.date(2026, 11, 3)}


def test_files_at_any_depth_arrive_under_the_category_of_their_labels(landing: Path) -> None:
    source = open_landing(landing)
    assert source.days() == [DAY, dt.date(2026, 11, 4)]
    assert listed(source, "cat") == [f"{DAY}/a1", f"{DAY}/b.2.jpeg", f"{DAY}/train/part_0/a1.jpg"]
    assert listed(source, "car") == [f"{DAY}/a2.png", f"{DAY}/other/a2.png"]
    assert listed(source, "nothing") == []
    assert source.categories(DAY) == ["car", "cat"]
    assert source.categories(dt.date(2026, 11, 4)) == []


def test_what_belongs_nowhere_is_counted(landing: Path) -> None:
    listing = open_landing(landing).list_files(DAY, "cat")
    assert (listing.ignored, listing.unselected) == (2, 1)  # .DS_Store and stranger.jpg


def test_files_are_read_by_the_tree_also_after_pickling(landing: Path) -> None:
    source = open_landing(landing)
    (file, *_) = source.list_files(DAY, "cat").files
    again = pickle.loads(pickle.dumps(source))
    assert again.read(file, 100) == source.read(file, 100) == b"a1"
    again.fetch(DAY, "cat", no_progress)
    assert listed(again, "car") == listed(source, "car")


def staged(landing: Path) -> list[str]:
    return sorted(path.name for path in (landing / ".staging" / "annotations").iterdir() if path.name[0] != ".")


def test_the_selection_is_computed_once_per_content_and_settings(
    landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    build = cache._build
    monkeypatch.setattr(cache, "_build", lambda folder, how: (built.append(folder.name), build(folder, how)))
    for category in ("cat", "car", "cat"):
        listed(open_landing(landing), category)
    assert len(built) == 1
    assert staged(landing) == built
    assert len(listed(open_landing(landing, with_children=False, absent_labels="ignore"), "cat")) == 0
    assert len(built) == 2
    more = [*ROWS, ("stranger", "verification", "/m/lion", 1)]
    write_csv(landing / "annotations" / "train-annotations-human-imagelabels-boxable.csv", more, LABEL_COLUMNS)
    assert f"{DAY}/stranger.jpg" in listed(open_landing(landing), "cat")
    assert len(built) == 3


def test_settings_that_change_nothing_do_not_compute_it_again(landing: Path) -> None:
    listed(open_landing(landing), "cat")
    listed(open_landing(landing, missing_share=0.5), "cat")
    assert len(staged(landing)) == 1


def test_several_at_once_compute_it_once(landing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    build = cache._build
    monkeypatch.setattr(cache, "_build", lambda folder, how: (built.append(folder.name), build(folder, how)))
    threads = [threading.Thread(target=listed, args=(open_landing(landing), "cat")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1


def test_what_a_killed_process_left_is_of_no_account(landing: Path) -> None:
    code = (
        "import os, sys\n"
        "from image_assets.ingest.annotated.cache import built_once\n"
        "from pathlib import Path\n"
        "def build(folder):\n"
        "    (folder / 'images.parquet').write_bytes(b'half')\n"
        "    os.kill(os.getpid(), 9)\n"
        "built_once(Path(sys.argv[1]), build)\n"
    )
    place = open_landing(landing).selection._place("selection", open_landing(landing).selection.annotations.files())
    done = subprocess.run([sys.executable, "-c", code, str(place)], check=False)
    assert done.returncode == -9
    assert not place.exists()
    assert len(listed(open_landing(landing), "cat")) == 3


def test_a_staging_folder_that_cannot_be_written_is_named(landing: Path) -> None:
    (landing / "file").write_text("in the way")
    with pytest.raises(SourceError, match=r"staging .*file/annotations: Not a directory; .*IMAGE_ASSETS_STAGING"):
        listed(open_landing(landing, staging=str(landing / "file")), "cat")


def test_the_staging_folder_is_where_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE_ASSETS_STAGING", raising=False)
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "cache"))
    assert staging_folder(None, str(tmp_path)) == tmp_path / ".staging"
    assert staging_folder(None, tmp_path.as_uri()) == tmp_path / ".staging"
    assert staging_folder(None, "s3://bucket/x").parent == tmp_path / "cache" / "staging"
    monkeypatch.setenv("IMAGE_ASSETS_STAGING", str(tmp_path / "all"))
    assert staging_folder(None, "s3://bucket/x").parent == tmp_path / "all"
    assert staging_folder(str(tmp_path / "own"), "s3://bucket/x") == tmp_path / "own"


@pytest.mark.parametrize("form", [str, Path.as_uri])
def test_the_folder_of_annotations_is_no_arrival_however_the_landing_zone_is_written(
    landing: Path, form: Callable[[Path], str]
) -> None:
    for day in (DAY, dt.date(2026, 11, 4)):
        shutil.rmtree(landing / str(day))
    (landing / "annotations").rename(landing / "labels")
    settings = {"kind": "open_images", "categories_from": {"cat": ["Cat"]}, "annotations": str(landing / "labels")}
    source = open_source(OpenImagesSource.model_validate(settings), form(landing))
    assert source.days() == []
    (landing / "train").mkdir()
    with pytest.raises(SourceError, match="found train; expected"):
        source.days()


def test_a_bucket_as_landing_zone_needs_a_local_folder_of_annotations() -> None:
    spec = OpenImagesSource.model_validate({"kind": "open_images", "categories_from": {"cat": ["Cat"]}})
    from image_assets.ingest.registry import annotated_selection

    with pytest.raises(SourceError, match="annotation files are read from a local folder"):
        annotated_selection(spec, "s3://bucket/prefix")


def test_only_an_annotated_source_has_a_selection(landing: Path) -> None:
    assert selection_of(open_landing(landing)).staging == landing / ".staging"
    with pytest.raises(TypeError, match="DayFolders has no annotations"):
        selection_of(folder_source(landing))


BASE = {"name": "cats", "start_day": "2026-11-01", "categories": {"cat": 0, "car": 1}}
SOURCE = {"kind": "open_images", "categories_from": {"cat": ["Cat"], "car": ["Car"]}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"categories_from": {"cat": ["Cat"]}}, r"says where cat come from; the dataset's categories are car, cat"),
        ({"several": "own_category"}, r"several_category goes with several: own_category"),
        ({"several_category": "both"}, r"several_category goes with several: own_category"),
        ({"several": "own_category", "several_category": "cat"}, r"'cat' has labels of its own"),
        ({"several": "own_category", "several_category": "both"}, r"with several_category says where both, car, cat"),
        ({"categories_from": {"cat": [], "car": ["Car"]}}, r"categories_from\.cat: .*at least 1 item"),
        ({"confidence": 0}, r"source\.open_images\.confidence: found 0"),
        ({"confidance": 1}, r"confidance: unknown key; did you mean confidence\? allowed keys here: "),
        ({"kind": "coco", "with_children": True}, r"with_children: unknown key; allowed keys here: .*instances"),
    ],
)
def test_a_wrong_section_is_an_error_that_says_what_is_allowed(changes: dict, said: str) -> None:
    with pytest.raises(DatasetError, match=f"(?s){said}"):
        parse_dataset({**BASE, "source": {**SOURCE, **changes}}, "cats.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_annotation_file_that_cannot_be_read_is_named(landing: Path) -> None:
    file = landing / "annotations" / "class-descriptions-boxable.csv"
    file.chmod(0)
    with pytest.raises(SourceError, match="class-descriptions"):
        listed(open_landing(landing), "cat")
