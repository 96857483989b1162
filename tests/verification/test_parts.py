"""The parts of a store that are looked at by themselves: long logs with checkpoints, and models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import obstore
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from obstore.store import LocalStore, ObjectStore

from image_assets.schema import EMBEDDING
from image_assets.store.models.model_files import object_key
from image_assets.verification.finding import Part, Remedy
from image_assets.verification.logs import verify_log
from image_assets.verification.mending import mending_of, set_aside
from image_assets.verification.models import verify_models
from image_assets.workers import no_progress
from tests.store.kept_models import description, fitted
from tests.store.saving import save_model
from tests.store.test_damage import empty, halve
from tests.verification.now import NOW

pytestmark = pytest.mark.local_store(reason="parts of a store by themselves, in a folder")
COMMITS, LAST_CHECKPOINT = 13, 9
HINT = "_delta_log/_last_checkpoint"
CHECKPOINT = f"_delta_log/{LAST_CHECKPOINT:020}.checkpoint.parquet"


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset's folder with a table of thirteen commits and checkpoints of two of them."""
    root = tmp_path_factory.mktemp("logged")
    for row in range(COMMITS):
        write_deltalake(
            str(root / EMBEDDING.name),
            pa.table({"row": [row]}),
            mode="append",
            configuration={"delta.checkpointInterval": "5"},
        )
    return root


@pytest.fixture
def table(logged: Path, tmp_path: Path) -> Path:
    """A copy of it, to plant a fault in."""
    return Path(shutil.copytree(logged, tmp_path / "dataset")) / EMBEDDING.name


def objects_of(table: Path) -> ObjectStore:
    return LocalStore(table.parent)


def rows_of(table: Path) -> int:
    return DeltaTable(str(table)).to_pyarrow_table().num_rows


def mended(table: Path) -> int:
    """How many rows a table has after what is wrong with its log was moved aside."""
    for _ in range(2):
        _, found = verify_log(objects_of(table), EMBEDDING)
        plan = mending_of(found, lambda _: False)
        assert not plan.left
        set_aside(objects_of(table), plan.aside, NOW)
    assert verify_log(objects_of(table), EMBEDDING)[1] == []
    return rows_of(table)


def test_a_log_as_it_was_written_is_sound(table: Path) -> None:
    read, found = verify_log(objects_of(table), EMBEDDING)
    assert found == []
    assert read.files == len([*(table / "_delta_log").iterdir()])
    assert read.bytes == sum(file.stat().st_size for file in (table / "_delta_log").iterdir())


@pytest.mark.parametrize("damage", [empty, halve, Path.unlink])
def test_a_table_whose_last_checkpoint_is_lost_is_read_from_its_commits(
    table: Path, damage: Callable[[Path], None]
) -> None:
    damage(table / CHECKPOINT)
    with pytest.raises(Exception, match=r"Invalid Checkpoint|Parquet"):  # the library does not fall back by itself
        rows_of(table)
    _, found = verify_log(objects_of(table), EMBEDDING)
    named = {HINT} if damage == Path.unlink else {HINT, CHECKPOINT}
    assert {one.path.removeprefix(f"{EMBEDDING.name}/") for one in found} == named
    assert {one.remedy for one in found} == {Remedy.ASIDE}
    assert mended(table) == COMMITS


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": "x"}', '{"version": 7}'])
def test_a_hint_that_names_no_checkpoint_is_named_and_done_without(table: Path, content: str) -> None:
    (table / HINT).write_text(content, encoding="utf-8")
    _, (one,) = verify_log(objects_of(table), EMBEDDING)
    assert (one.part, one.path, one.remedy) == (Part.LOGS, f"{EMBEDDING.name}/{HINT}", Remedy.ASIDE)
    assert mended(table) == COMMITS


def test_a_checkpoint_whose_commits_are_gone_only_a_copy_brings_back(table: Path) -> None:
    halve(table / CHECKPOINT)
    (table / f"_delta_log/{LAST_CHECKPOINT - 1:020}.json").unlink()
    _, found = verify_log(objects_of(table), EMBEDDING)
    remedies = {one.path.rsplit("/", 1)[-1]: one.remedy for one in found}
    assert remedies[CHECKPOINT.rsplit("/", 1)[-1]] == Remedy.COPY


def test_a_commit_that_a_later_checkpoint_repeats_is_done_without(table: Path) -> None:
    empty(table / f"_delta_log/{3:020}.json")
    _, (one,) = verify_log(objects_of(table), EMBEDDING)
    assert one.remedy == Remedy.ASIDE
    assert rows_of(table) == COMMITS


@pytest.mark.parametrize("number", [LAST_CHECKPOINT + 1, COMMITS - 2])
def test_a_commit_after_the_last_checkpoint_is_not_done_without(table: Path, number: int) -> None:
    empty(table / f"_delta_log/{number:020}.json")
    _, (one,) = verify_log(objects_of(table), EMBEDDING)
    assert one.remedy == Remedy.COPY


def test_the_last_commit_of_a_table_of_the_whole_dataset_is_made_again(table: Path) -> None:
    halve(table / f"_delta_log/{COMMITS - 1:020}.json")
    _, (one,) = verify_log(objects_of(table), EMBEDDING)
    assert one.remedy == Remedy.WHOLE
    assert mended(table) == COMMITS - 1


class TestModels:
    @pytest.fixture
    def models(self, tmp_path: Path) -> tuple[ObjectStore, str]:
        objects = LocalStore(tmp_path / "store", mkdir=True)
        save_model(objects, "classifier", fitted(0), description())
        return objects, save_model(objects, "classifier", fitted(1), description()).file

    def wrong(self, objects: ObjectStore) -> dict[str, Remedy]:
        _, found = verify_models(objects, "classifier", no_progress)
        return {one.path.removeprefix("classifier/"): one.remedy for one in found}

    def test_models_as_they_were_written_are_sound(self, models: tuple[ObjectStore, str]) -> None:
        read, found = verify_models(models[0], "classifier", no_progress)
        assert (read.files, found) == (5, [])

    def test_a_model_that_was_altered_is_named(self, models: tuple[ObjectStore, str]) -> None:
        objects, file = models
        content = bytearray(obstore.get(objects, object_key("classifier", file)).bytes())
        content[100] ^= 1
        obstore.put(objects, object_key("classifier", file), bytes(content))
        assert self.wrong(objects) == {file.replace("skops", "json"): Remedy.WHOLE}

    def test_a_model_or_a_manifest_that_is_missing_is_named(self, models: tuple[ObjectStore, str]) -> None:
        objects, file = models
        obstore.delete(objects, f"classifier/{file.replace('skops', 'json')}")
        assert self.wrong(objects) == {"champion.json": Remedy.WHOLE, file: Remedy.ASIDE}

    @pytest.mark.parametrize("content", [b"", b"{", json.dumps({"sha256": "0" * 64}).encode()])
    def test_a_champion_that_cannot_be_told_is_named(self, models: tuple[ObjectStore, str], content: bytes) -> None:
        obstore.put(models[0], "classifier/champion.json", content)
        assert self.wrong(models[0]) == {"champion.json": Remedy.WHOLE}

    def test_a_record_of_the_history_that_is_damaged_is_named(self, models: tuple[ObjectStore, str]) -> None:
        obstore.put(models[0], "classifier/history/2026-11-03-0.json", b'{"reason"')
        assert self.wrong(models[0]) == {"history/2026-11-03-0.json": Remedy.ASIDE}
