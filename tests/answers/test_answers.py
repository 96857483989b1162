"""Answers on a dataset: plain data that is the same wherever it is asked for, without Dagster."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from image_assets.answers.accounts import account_book
from image_assets.answers.conflicts import ConflictingFile, Conflicts, conflicts_of
from image_assets.answers.loaded import partition_facts
from image_assets.answers.models import model_of, models_of
from image_assets.answers.suspects import suspects_of
from image_assets.cli import main
from image_assets.ingest.day_book import DayBook
from image_assets.schema import LABEL_SUSPECTS, RAW_IMAGES, Partition
from image_assets.store.store import Store
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import python_path

ROOT = Path(__file__).resolve().parents[2]
# As in an environment that has no Dagster: all questions are asked of a store, and the answers printed.
_WITHOUT_DAGSTER = """
import importlib, json, pkgutil, sys
from importlib.abc import MetaPathFinder

class Refuses(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0].startswith("dagster"):
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Refuses())
from image_assets import answers
for module in pkgutil.iter_modules(answers.__path__, "image_assets.answers."):
    importlib.import_module(module.name)
from image_assets.dataset import load_dataset
from image_assets.store.store import Store

dataset, store = load_dataset("drawn.yaml"), Store.to_read("store")
print(json.dumps({
    "loaded": [one.as_json() for one in answers.loaded.partition_facts(dataset, store)],
    "accounting --json": answers.accounts.account_book(store, dataset.name).as_json(),
    "conflicts list --json": answers.conflicts.conflicts_of(dataset, store).as_json(),
    "models list --json --history": answers.models.models_as_json(answers.models.all_models(dataset, store)),
    "health": answers.health.health_of(dataset, store, []).as_json(),
    "status": answers.status.status_of(dataset, store, [], None).as_json(),
    "suspects --json": answers.suspects.suspects_of(dataset, store).as_json(),
}))
"""


@pytest.fixture
def asked(loaded_platform: Platform, tmp_path: Path) -> Platform:
    """A copy of the loaded platform with its dataset file beside it."""
    platform = loaded_platform.copy_to(tmp_path)
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    return platform


def test_all_answers_are_had_without_dagster_and_are_what_the_commands_print(
    asked: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_DAGSTER],
        cwd=asked.root,
        env={**os.environ, "PYTHONPATH": python_path(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [(one["listed"], one["loaded"]) for one in said.pop("loaded")][-1] == (5, 4)
    status, health = said.pop("status"), said.pop("health")
    assert health.items() <= status.items()
    assert [one["loaded"] for one in status["partitions"]][-1] == 4
    assert (status["checks"], status["damaged"]) == (None, [])  # what the checks found is told by who knows
    places = ["--dataset", f"{asked.root}/drawn.yaml", "--store", f"{asked.root}/store"]
    for command, answer in said.items():
        assert main([*command.split(), *places]) == 0
        assert json.loads(capsys.readouterr().out) == answer


def test_an_account_says_what_became_of_every_file_and_one_that_does_not_balance_says_so(asked: Platform) -> None:
    book = account_book(asked.store, asked.dataset.name)
    (plants,) = (one for one in book.accounts if one.partition == asked.partition())
    assert (plants.listed, plants.outcomes["loaded"], plants.reasons) == (20, 16, {"empty": 1, "not_an_image": 2})
    assert book.balances
    asked.replace_rows(RAW_IMAGES, asked.partition(), asked.rows(RAW_IMAGES, asked.partition()).slice(1))
    book = account_book(asked.store, asked.dataset.name)
    assert [one.partition for one in book.accounts if not one.balances] == [asked.partition()]
    assert not book.as_json()["balances"]


def test_what_is_loaded_is_told_of_some_partitions_or_of_all(asked: Platform) -> None:
    everything = partition_facts(asked.dataset, asked.store)
    assert [one.partition.date for one in everything] == [FIRST] * 3 + [SECOND] * 3
    assert partition_facts(asked.dataset, asked.store, [asked.partition()]) == [everything[2]]


def test_conflicts_are_counted_once_and_open_ones_come_first(asked: Platform) -> None:
    assert conflicts_of(asked.dataset, asked.store).as_json() == {
        "dataset": "drawn",
        "open": 0,
        "lookalikes_looked_for": True,
        "files": [],
    }
    one = ConflictingFile("a" * 64, "b" * 64, FIRST, "plant", "x.png", "same bytes", True, "open", False)
    files = (one, dataclasses.replace(one, category="animal", loaded=False))
    said = Conflicts("drawn", files).as_json()
    assert (said["open"], said["files"][1]["category"], said["files"][0]["day"]) == (1, "animal", str(FIRST))


def test_the_current_model_is_found_by_its_role_and_by_its_digits(asked: Platform) -> None:
    current = model_of(asked.dataset, asked.store, "champion")
    assert current.role == "champion"
    assert model_of(asked.dataset, asked.store, current.digits[:6]) == current
    assert current in models_of(asked.dataset, asked.store).models


def test_the_most_suspect_of_each_kind_comes_first(asked: Platform) -> None:
    images = asked.rows(RAW_IMAGES, asked.partition()).select("image_id", "label", "date", "category").head(3)
    rows = images.with_columns(
        kind=pl.Series(["outlier", "label", "label"]),
        score=pl.Series([9.0, 0.5, 0.75], dtype=pl.Float32),
        suggested_category=pl.Series([None, "animal", "human"]),
        probability=pl.Series([None, 0.5, 0.75], dtype=pl.Float32),
    )
    asked.replace_rows(LABEL_SUSPECTS, None, rows)
    said = suspects_of(asked.dataset, asked.store).as_json()["suspects"]
    assert [(one["kind"], one["score"], one["suggested_category"]) for one in said] == [
        ("label", 0.75, "human"),
        ("label", 0.5, "animal"),
        ("outlier", 9.0, None),
    ]
    assert [one["image_id"] for one in said] == images["image_id"].reverse().to_list()


def test_that_nothing_was_found_is_not_said_where_nobody_looked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "d.yaml").write_text("name: d\ncategories: {owl: 0}\nstart_day: 2026-11-01\n")
    places = ["--dataset", f"{tmp_path}/d.yaml", "--store", f"{tmp_path}/store"]
    DayBook(Store(f"{tmp_path}/store"), "d").begin(Partition(dt.date(2026, 11, 1), "owl"), "a run", "landing")
    for command, key in ((["suspects"], "looked_for"), (["conflicts", "list"], "lookalikes_looked_for")):
        assert main([*command, *places]) == 0
        said = capsys.readouterr().out
        assert "were not looked for yet" in said
        assert "no suspects" not in said
        assert main([*command, *places, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[key] is False
