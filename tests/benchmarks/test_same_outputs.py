"""Same outputs: stores that hold the same are equal however they lie there, and what is planted in one is found."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from deltalake import write_deltalake
from rich.console import Console

from benchmarks.same_outputs import SET_BACK, Side, copy_of_commit, run_days, whole_folder, write_dataset
from benchmarks.same_stores import Declared, compare, show
from image_assets.dataset import load_dataset
from image_assets.settings.stages import FORMER_EXTRACTOR

pytestmark = pytest.mark.local_store(reason="outputs that lie in folders are compared, with no store opened")

VECTORS = pa.list_(pa.field("element", pa.float32(), nullable=False))


def write_store(
    folder: Path,
    ids: Sequence[str] = ("a", "b"),
    contents: Sequence[bytes] = (b"first", b"second"),
    vectors: Sequence[Sequence[float]] = ((0.5, 0.0), (1.5, 2.5)),
    places: Mapping[str, float] | None = None,
    shards: Mapping[str, bytes] | None = None,
    model: bytes = b"weights",
    manifest: Mapping[str, Any] | None = None,
    state: str = "passed",
    page: bytes = b"<p>page</p>",
    manifests_of_shards: str = "feature_shards_manifests/{}/shards.json",
    at: str = "10:00",
) -> Path:
    """A small store of what a day leaves, other than usual where said."""
    partition = "date=2026-11-03/category=plant"
    tables = {
        "raw_images": pa.table({"image_id": ids, "content": list(contents)}),
        "image_features": pa.table({"image_id": ids, "features": pa.array(vectors, VECTORS)}),
        "embedding": pa.table(
            {"image_id": ids, "x": [1.5, 2.5][: len(ids)], **{n: [v, v] for n, v in (places or {}).items()}}
        ),
    }
    for name, rows in tables.items():
        write_deltalake(folder / name, rows)
    files = {
        **{
            f"feature_shards/{partition}/{name}": content
            for name, content in (shards or {"plant-0.parquet": b"rows"}).items()
        },
        manifests_of_shards.format(partition): json.dumps({"rows": len(ids)}).encode(),
        "classifier/model-1.skops": model,
        "classifier/model-1.json": json.dumps({"kind": "logistic_regression", **(manifest or {})}).encode(),
        "check_results/whole/classifier.json": json.dumps({"at": at, "checks": {"better": {"state": state}}}).encode(),
        "reports/classifier.html": page,
        "plots/confusion.png": b"picture",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def outcome(before: Path, after: Path, *declared: Declared) -> tuple[int, str]:
    """Exit status and what is printed."""
    console = Console(file=io.StringIO(), width=300)
    status = show(compare(before, after), declared, console, "two stores")
    assert isinstance(console.file, io.StringIO)
    return status, console.file.getvalue()


def test_what_holds_the_same_is_equal_whenever_it_was_made_and_wherever_it_lies(tmp_path: Path) -> None:
    before = write_store(
        tmp_path / "before", manifests_of_shards="feature_shards/{}/manifest.json", page=b"<p>it's <b>one</b></p>"
    )
    swapped = {"ids": ("b", "a"), "contents": (b"second", b"first"), "vectors": ((1.5, 2.5), (0.5, 0.0))}
    after = write_store(tmp_path / "after", **swapped, at="11:00", page=b"<p>\nit&#39;s\n<b>one</b></p>\n")
    write_deltalake(after / "embedding", pa.table({"image_id": ["a", "b"], "x": [1.5, 2.5]}), mode="overwrite")
    status, said = outcome(before, after)
    assert status == 0, said
    assert "DIFFERENT" not in said
    assert "no undeclared difference" in said


@pytest.mark.parametrize(
    ("planted", "kind", "told"),
    [
        ({"vectors": ((0.5, 0.0), (1.5, 2.5000002))}, "image_features", "features: b: [1] 2.5 → 2.500000"),
        ({"vectors": ((0.5, -0.0), (1.5, 2.5))}, "image_features", "features: a: [1] 0.0 → -0.0"),
        ({"contents": (b"first", b"sebond")}, "raw_images", "content: b: 6 bytes"),
        (
            {"ids": ("a",), "contents": (b"first",), "vectors": ((0.5, 0.0),)},
            "embedding",
            "rows: 2 before, 1 after",
        ),
        ({"places": {"y": 0.5}}, "embedding", "columns y: only y after"),
        ({"shards": {"plant-0.parquet": b"raws"}}, "shards", "plant-0.parquet: sha256"),
        ({"shards": {"plant-1.parquet": b"rows"}}, "shards", "plant-0.parquet: only before"),
        ({"model": b"waits"}, "models", "model-1.skops: sha256"),
        (
            {"manifest": {"kind": "forest"}},
            "manifests of models",
            "kind: model-1.json: 'logistic_regression' → 'forest'",
        ),
        ({"state": "failed"}, "checks", "better: whole/classifier.json: 'passed' → 'failed'"),
        ({"page": b"<p>other</p>"}, "reports", "classifier.html: sha256"),
        ({"page": b"<b>page</b>"}, "reports", "classifier.html: sha256"),
    ],
)
def test_one_planted_difference_is_found(planted: dict[str, Any], kind: str, told: str, tmp_path: Path) -> None:
    before, after = write_store(tmp_path / "before"), write_store(tmp_path / "after", **planted)
    status, said = outcome(before, after)
    assert status == 1
    line = next(line for line in said.splitlines() if line.startswith(f"│ {kind} "))
    assert f"DIFFERENT in {told}" in line


def test_a_declared_difference_is_told_with_its_reason_and_one_that_does_not_occur_too(tmp_path: Path) -> None:
    before, after = write_store(tmp_path / "before"), write_store(tmp_path / "after", manifest={"format": "skops"})
    meant = Declared("manifests of models", "format", "it names its format", "164d43e")
    status, said = outcome(before, after, meant, Declared("plots", "*.png", "another palette", "164d43e"))
    assert status == 0
    assert "differs in format: it names its format" in said
    assert "declared, but did not occur: plots, *.png (another palette)" in said
    other = write_store(tmp_path / "other", manifest={"format": "skops"}, model=b"waits")
    assert outcome(before, other, meant)[0] == 1


def test_what_there_was_nothing_of_before_is_told_as_new(tmp_path: Path) -> None:
    before, after = write_store(tmp_path / "before"), write_store(tmp_path / "after")
    for folder in ("check_results", "plots"):
        shutil.rmtree(before / folder)
    write_deltalake(after / "predictions", pa.table({"image_id": ["a"]}))
    (after / "reports" / "model.md").write_text("card")
    status, said = outcome(before, after)
    assert status == 0, said
    lines = [line for line in said.splitlines() if "new: " in line]
    news = {line.split("│")[1].strip(): line.split("│")[3].strip() for line in lines}
    assert news == {
        "predictions": "new: the table",
        "checks": "new: all of them",
        "plots": "new: all of them",
        "reports": "new: model.md",
    }
    # What was there and is gone is no news.
    assert outcome(after, before)[0] == 1


@pytest.mark.parametrize("folder", ["feature_shards/date=2026-11-03/category=plant", "classifier"])
def test_one_more_file_of_rows_or_of_a_model_is_a_difference(folder: str, tmp_path: Path) -> None:
    before, after = write_store(tmp_path / "before"), write_store(tmp_path / "after")
    (after / folder / "more-1.parquet").write_bytes(b"more")
    status, said = outcome(before, after)
    assert status == 1
    assert "DIFFERENT in more-1.parquet: only after" in said


def test_days_that_are_done_are_not_run_again_and_one_that_was_stopped_begins_anew(tmp_path: Path) -> None:
    side, days, ran = Side("after", tmp_path), [dt.date(2026, 11, 3), dt.date(2026, 11, 4)], list[dt.date]()

    def run(_: Side, there: Path, day: dt.date) -> None:
        ran.append(day)
        there.mkdir(exist_ok=True)
        with (there / "rows").open("a") as rows:
            rows.write(f"{day}\n")
        if len(ran) == 2:
            raise KeyboardInterrupt

    console = Console(file=io.StringIO(), width=300)
    with pytest.raises(KeyboardInterrupt):
        run_days(side, days, run, console)
    left = run_days(side, days, run, console)
    assert ran == [days[0], days[1], days[1]]
    assert (left / "rows").read_text() == "2026-11-03\n2026-11-04\n"
    assert run_days(side, days, run, console) == left
    assert len(ran) == 3


def test_what_is_set_back_stands_in_the_dataset_file_as_keys_of_today(tmp_path: Path) -> None:
    side = Side("after", tmp_path)
    write_dataset(side, dt.date(2026, 11, 3), *((section, keys) for _, section, keys in SET_BACK))
    dataset = load_dataset(side.dataset)
    assert dataset.start_day == dt.date(2026, 11, 3)
    assert dataset.extractor == FORMER_EXTRACTOR
    assert yaml.safe_load(side.dataset.read_text("utf-8"))["extractor"] == {"kind": "efficientnet_lite0"}
    said = dataset.classifier.model_dump()
    for _, _, keys in SET_BACK:
        for key, value in keys.items():
            assert said[key] == ({**said[key], **value} if isinstance(value, dict) else value)


def test_code_of_a_commit_is_taken_without_git_keeping_anything_of_it(tmp_path: Path) -> None:
    copy_of_commit("HEAD", tmp_path / "code")
    assert (tmp_path / "code" / "image_assets" / "resources" / "store.py").is_file()
    worktrees = subprocess.run(["git", "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in worktrees


def test_a_folder_is_there_once_it_is_whole(tmp_path: Path) -> None:
    def stopped(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    folder = tmp_path / "code"
    with pytest.raises(KeyboardInterrupt):
        whole_folder(folder, stopped)
    assert not folder.exists()
    whole_folder(folder, lambda partly: (partly / "all").touch())
    assert [path.name for path in folder.iterdir()] == ["all"]
    whole_folder(folder, stopped)  # it is not filled again


def test_stores_without_anything_in_them_are_not_the_same_outputs(tmp_path: Path) -> None:
    status, said = outcome(tmp_path / "before", tmp_path / "after")
    assert status == 1
    assert "there are files neither before nor after" in said
