"""An image is removed by `image-assets remove`: nothing of it is left, and it does not come in again."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest
import yaml
from dagster import DagsterRun, DagsterRunStatus

from image_assets.asset_checks import removed_images
from image_assets.asset_checks.check import Check
from image_assets.cli import main
from image_assets.environment import CACHE, DATASETS, LANDING, STORE
from image_assets.orchestration.dagster_home import open_instance
from image_assets.schema import (
    EMBEDDING,
    IMAGE_FEATURES,
    RAW_IMAGES,
    REVIEWS,
)
from image_assets.shards.manifest import read_manifest, shards_prefix
from image_assets.store.models.model_champion import read_champion
from image_assets.store.store import Store
from tests.asset_checks.faults import failing
from tests.cli.shapes import assert_told
from tests.platform import SECOND, Platform
from tests.removal.images import COPY, NAME, PLANTS, id_of, marked_image, telling
from tests.removal.seeking import holding
from tests.s3_server import S3Server
from tests.store_files import copy_files
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.long


@dataclass
class Removed:
    """A platform of which an image was removed, and how it was before."""

    platform: Platform
    image_id: str
    words: dict[str, bytes]
    before: dict[str, set[str]]
    told: dict[str, Any]
    other_files: dict[str, bytes]


def call(platform: Platform, *words: str) -> tuple[int, dict[str, Any]]:
    file = platform.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    places = ["--dataset", str(file), "--store", platform.store.url, "--landing", str(platform.landing)]
    with redirect_stdout(io.StringIO()) as out:
        status = main(["remove", *words, "--reason", "request 17", *places, "--json"])
    return status, json.loads(out.getvalue()) if out.getvalue() else {}


@pytest.fixture(scope="module")
def removed(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Removed:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DAGSTER_HOME", raising=False)
        patch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        platform = loaded_platform.copy_to(tmp_path_factory.mktemp("removed"))
        image_id = marked_image(platform)
        words = telling(platform, image_id)
        root = platform.files
        before = holding(root, words)
        others = {path: (root / path).read_bytes() for path in _other_days(root)}
        status, told = call(platform, image_id, "--yes")
        assert status == 0, told
        return Removed(platform, image_id, words, before, told, others)


def _other_days(root: Path) -> list[str]:
    tables = ("raw_images", "image_features", "feature_shards", "predictions")
    return [
        one.relative_to(root).as_posix() for table in tables for one in root.glob(f"drawn/{table}/date={SECOND}/*/*")
    ]


def test_its_bytes_its_id_and_its_names_are_nowhere_but_in_its_tombstone(removed: Removed) -> None:
    assert {word for words in removed.before.values() for word in words} == {*removed.words} - {"picture in a page"}
    tombstone = f"drawn/removed_images/{removed.image_id}.json"
    assert holding(removed.platform.files, removed.words) == {tombstone: {"id"}}
    assert holding(removed.platform.root / "dagster", removed.words) == {}


def test_what_was_done_is_told_with_what_still_arrives(removed: Removed) -> None:
    assert_told("remove", removed.told)
    assert [one["source"] for one in removed.told["files"]] == [COPY, NAME]
    assert removed.told["landed"] == [COPY, NAME]
    assert removed.told["models"]


def test_files_of_other_days_are_as_they_were(removed: Removed) -> None:
    root = removed.platform.files
    assert removed.other_files == {path: (root / path).read_bytes() for path in removed.other_files}


def test_every_other_image_is_still_there_and_marks_of_others_too(removed: Removed) -> None:
    platform = removed.platform
    for schema in (RAW_IMAGES, IMAGE_FEATURES):
        assert platform.rows(schema, PLANTS).height == 15
    assert removed.image_id not in {*platform.rows(EMBEDDING)["image_id"]}
    assert platform.rows(EMBEDDING).height == platform.rows(IMAGE_FEATURES).height
    assert platform.rows(REVIEWS)["image_id"].unique().to_list() == [id_of(platform, NAME.replace("0003", "0004"))]
    manifest = read_manifest(platform.store.objects(), shards_prefix(platform.dataset, PLANTS))
    assert manifest is not None
    assert manifest.rows == 15


def test_models_are_trained_anew_and_those_before_are_gone(removed: Removed) -> None:
    champion = read_champion(removed.platform.store.objects("drawn"), "classifier").sha256[:12]
    kept = {one.stem.removeprefix("model-") for one in (removed.platform.files / "drawn/classifier").glob("*.skops")}
    assert champion in kept
    assert not {f"classifier/{one}" for one in kept} & {*removed.told["models"]}


def test_the_checks_see_that_it_is_gone(removed: Removed) -> None:
    assert failing(removed.platform, [removed_images.removed_images_stay_out], PLANTS) == set()
    whole: list[Check] = [removed_images.removed_images_left_nothing, removed_images.models_are_without_removed_images]
    assert failing(removed.platform, whole) == set()


def test_a_dry_run_changes_nothing(loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    platform = loaded_platform.copy_to(tmp_path / "dry")
    before = {path: path.read_bytes() for path in platform.files.rglob("*") if path.is_file()}
    status, told = call(platform, id_of(platform), "--dry-run")
    assert_told("remove", told)
    assert (status, told["dry_run"], len(told["files"])) == (0, True, 2)
    assert before == {path: path.read_bytes() for path in platform.files.rglob("*") if path.is_file()}


def test_what_cannot_be_removed_is_refused(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    platform = loaded_platform.copy_to(tmp_path / "refused")
    image_id = id_of(platform)
    assert call(platform, image_id[:12], "--yes")[0] == 2
    assert "64 hexadecimal digits" in capsys.readouterr().err
    assert call(platform, "0" * 64, "--yes")[0] == 2
    assert "has no image" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert call(platform, image_id)[0] == 2
    assert "nothing was removed" in capsys.readouterr().err
    with open_instance(platform.store.url) as instance:
        instance.add_run(DagsterRun(job_name="drawn_daily", status=DagsterRunStatus.STARTED))
    assert call(platform, image_id, "--yes")[0] == 2
    assert "in progress" in capsys.readouterr().err
    assert not (platform.files / "drawn/removed_images").exists()


def test_the_commands_of_the_page_do_what_it_says(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = loaded_platform.copy_to(tmp_path / "page")
    file = platform.root / "drawn.yaml"
    file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    image_id = id_of(platform)
    places = {DATASETS.name: str(file), LANDING.name: str(platform.landing), STORE.name: platform.store.url}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    surroundings = {**os.environ, **places, "PATH": path, "IMAGE": image_id, CACHE.name: str(tmp_path / "cache")}
    surroundings.pop("DAGSTER_HOME", None)
    (block,) = [text for _, more, text in blocks(ROOT / "docs/removing-images.md") if more == "remove"]
    done = subprocess.run(
        ["bash", "-euc", block], env=surroundings, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "would be removed" in done.stdout
    assert "nothing of the dataset names them" in done.stdout
    assert image_id not in {*platform.rows(RAW_IMAGES)["image_id"]}


def test_in_a_bucket_all_that_lies_there_now_is_without_it(
    loaded_platform: Platform, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv(CACHE.name, str(tmp_path / "cache"))
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name.upper(), value)
    platform = loaded_platform.copy_to(tmp_path / "local")
    store = Store(f"s3://{s3_server.bucket(versions=True)}/store")
    copy_files(platform.files, store.url)
    image_id = id_of(platform)
    words = telling(platform, image_id)
    file = tmp_path / "drawn.yaml"
    file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json", exclude_unset=True)), encoding="utf-8")
    places = ["--dataset", str(file), "--store", store.url, "--landing", str(platform.landing)]
    with redirect_stdout(io.StringIO()) as out:
        assert main(["remove", image_id, "--reason", "request 17", "--yes", *places]) == 0
    assert "the bucket's own earlier versions" in out.getvalue()
    now = tmp_path / "now"
    for page in obstore.list(store.objects()):
        for one in page:
            (now / one["path"]).parent.mkdir(parents=True, exist_ok=True)
            (now / one["path"]).write_bytes(bytes(obstore.get(store.objects(), one["path"]).bytes()))
    assert holding(now, words) == {f"drawn/removed_images/{image_id}.json": {"id"}}
    assert holding(tmp_path / "home", words) == {}
