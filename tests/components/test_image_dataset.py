"""A dataset as a component: Dagster's own tools list it, check it and load it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from pydantic import ValidationError

from image_assets.components import ImageDataset
from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.environment import DATASETS
from tests.store_files import python_path
from tests.test_docs import ROOT, blocks

POND: dict[str, object] = {"name": "pond", "categories": {"frog": 0, "newt": 1}, "start_day": "2026-11-01"}
DG = Path(sys.executable).with_name("dg")


def definitions(attributes: dict[str, object]) -> dg.Definitions:
    component = ImageDataset.from_attributes_dict(attributes=attributes)
    return component.build_defs(dg.ComponentTree.for_test().load_context)


def test_several_datasets_of_a_project_share_what_they_ask_for() -> None:
    merged = dg.Definitions.merge(definitions(POND), definitions({**POND, "name": "lake"}))
    keys = {key.path[0] for key in merged.resolve_asset_graph().get_all_asset_keys()}
    assert keys == {"pond", "lake"}
    assert merged.resolve_schedule_def("lake_at_seven").cron_schedule == "0 7 * * *"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strat_day": "2026-11-01"}, "strat_day"),
        ({"categories": {"frog": 0, "newt": 0}}, "label 0 is given to both 'frog' and 'newt'"),
    ],
)
def test_attributes_are_held_to_what_a_dataset_file_may_say(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        definitions({**POND, **change})


def test_a_component_without_attributes_is_refused() -> None:
    with pytest.raises(DatasetError, match="there are no attributes"):
        ImageDataset.load(None, dg.ComponentTree.for_test().load_context)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of the page."""
    if not DG.exists():
        pytest.skip(f"no dg beside {sys.executable}: it comes with dagster-dg-cli, of requirements-dev.lock")
    for _, more, content in blocks(ROOT / "docs" / "operating.md"):
        if more.startswith(("file=pyproject.toml", "file=garden/")):
            file = tmp_path / more.removeprefix("file=")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    return tmp_path


def run(project: Path, commands: str) -> subprocess.CompletedProcess[str]:
    surroundings = {name: value for name, value in os.environ.items() if name not in (DATASETS.name, "DAGSTER_HOME")}
    surroundings |= {
        "PATH": f"{DG.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": python_path(project, ROOT),
        "COLUMNS": "300",
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    command = ["bash", "-euc", commands]
    return subprocess.run(command, cwd=project, env=surroundings, capture_output=True, text=True, check=False)


@pytest.mark.long
def test_the_commands_of_the_page_know_the_dataset(project: Path) -> None:
    (commands,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "dg"]
    done = run(project, commands)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "image_assets.components.ImageDataset" in done.stdout
    for name in ("pond/raw_images", "pond/classifier", "pond_at_seven"):
        assert name in done.stdout, done.stdout


@pytest.mark.long
def test_a_wrong_key_is_told_with_its_line(project: Path) -> None:
    file = project / "garden" / "defs" / "pond" / "defs.yaml"
    file.write_text(file.read_text().replace("start_day", "strat_day"))
    done = run(project, "dg check yaml")
    assert done.returncode == 1
    assert "defs.yaml:5" in done.stdout + done.stderr
    assert "'strat_day' was unexpected" in done.stdout + done.stderr


def test_every_list_of_a_section_says_what_its_items_are() -> None:
    """Dagster asks every list for that, and a tuple of single types has several."""
    sections = DatasetSpec.model_json_schema()["$defs"].values()
    lists = [
        one for section in sections for one in section.get("properties", {}).values() if one.get("type") == "array"
    ]
    assert len(lists) > 5
    assert all("items" in one for one in lists)
