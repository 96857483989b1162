"""Every command and every example of the README and of docs is run."""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml

from image_assets.environment import DATASETS, LANDING, STORE
from image_assets.ingest.registry import open_source
from image_assets.schema import ACCOUNTING, IMAGE_FEATURES
from image_assets.settings.sources import FolderSource
from image_assets.store.store import Store
from image_assets.workers import no_progress
from tests.daemon import environment
from tests.ingest.archives import zipped
from tests.migrations.old_store import unpacked
from tests.pictures import land_pictures, picture
from tests.platform import small_dataset
from tests.s3_server import S3Server
from tests.store_files import python_path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
STAMPS = (".venv/.dev", ".venv/.run", ".venv-bench/.run")
_BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Language, the rest of the opening line, and content of every fenced block."""
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield match[1], match[2].strip(), match[3]


def make_targets() -> set[str]:
    pages = [page.read_text(encoding="utf-8") for page in PAGES]
    return {target for page in pages for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", page)} - {"it"}


@pytest.mark.long
def test_the_pages_on_datasets_and_results_work_one_after_the_other(tmp_path: Path) -> None:
    for kind, name in enumerate(("owls", "ducks")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for seed in range(24):
            (tmp_path / "photos" / name / f"{seed}.png").write_bytes(picture(kind, seed))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    environment.pop("DAGSTER_HOME", None)
    ran = 0
    pages = (
        "your-own-dataset.md",
        "reading-the-results.md",
        "predictions.md",
        "exploration.md",
        "models.md",
        "model-report.md",
    )
    for page in pages:
        for language, more, content in blocks(ROOT / "docs" / page):
            if more.startswith("file="):
                (tmp_path / more.removeprefix("file=")).write_text(content)
            elif language in ("sh", "python"):
                command = ["bash", "-euc", content] if language == "sh" else [sys.executable, "-c", content]
                done = subprocess.run(
                    command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{page}:\n{content}\n{done.stdout}\n{done.stderr}"
                ran += 1
    assert ran == 15


@pytest.mark.long
def test_dagsters_own_commands_make_and_queue_what_the_page_says(tmp_path: Path) -> None:
    for kind, category in enumerate(("owls", "ducks")):
        for day, seeds in (("2026-11-18", range(3)), ("2026-11-19", range(3, 6))):
            land_pictures(tmp_path / "landing", day, category, kind, seeds)
    birds = small_dataset(
        name="birds", categories={"owls": 0, "ducks": 1}, extractor={"kind": "colour_statistics"}
    ).model_dump(mode="json")
    (tmp_path / "birds.yaml").write_text(yaml.safe_dump(birds, sort_keys=False))
    shutil.copy(ROOT / "workspace.yaml", tmp_path)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    places = {DATASETS.name: "birds.yaml", LANDING.name: "landing", STORE.name: "store", "PATH": path}
    (content,) = [c for language, more, c in blocks(ROOT / "docs" / "operating.md") if (language, more) == ("sh", "")]
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        ["bash", "-euc", content],
        cwd=tmp_path,
        env=environment(tmp_path / "home", places),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    features = Store(str(tmp_path / "store")).table("birds", IMAGE_FEATURES).scan().collect()
    assert features.group_by("date", "category").len()["len"].to_list() == [3, 3, 3, 3]
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        queued = instance.get_runs(dg.RunsFilter(job_name="birds_daily"))
    assert {run.tags["dagster/partition"] for run in queued} == {"owls|2026-11-18", "owls|2026-11-19"}


def test_a_store_of_an_earlier_version_is_migrated_as_the_page_says(tmp_path: Path) -> None:
    unpacked(tmp_path)
    (content,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "earlier"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command, surroundings = ["bash", "-euc", content], {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert Store(str(tmp_path / "store")).table("skies", ACCOUNTING).scan().collect()["listed"].sum() == 29


def test_the_examples_on_predictions_are_usable_parts_of_a_dataset_file() -> None:
    examples = [content for language, _, content in blocks(ROOT / "docs" / "predictions.md") if language == "yaml"]
    split, by_source, embedded, hub = (small_dataset(**yaml.safe_load(example)) for example in examples)
    assert (split.classifier.split.by, split.classifier.split.last_days) == ("time", 14)
    assert by_source.classifier.split.by == "source"
    assert [dataset.imagenet.classifier for dataset in (embedded, hub)] == ["embedded", "tf_hub"]


@pytest.mark.long
def test_the_page_on_sources_says_what_works(tmp_path: Path, s3_server: S3Server) -> None:
    (tmp_path / "june.zip").write_bytes(zipped([("inner/a.jpg", picture(0, 1))]))
    options = {name.upper(): value for name, value in s3_server.storage_options.items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **options, "PATH": path, "PYTHONPATH": python_path(ROOT)}
    ran = 0
    for language, _, content in blocks(ROOT / "docs" / "sources.md"):
        if language == "sh":
            command = ["bash", "-euc", content]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            ran += 1
        else:
            small_dataset(**yaml.safe_load(content))
    assert ran == 2
    source = open_source(FolderSource(staging=str(tmp_path / "staging")), str(tmp_path / "landing"))
    day = dt.date(2026, 11, 20)
    source.fetch(day, "owl", no_progress)
    assert [file.source for file in source.list_files(day, "owl").files] == ["2026-11-20/owl/june.zip/inner/a.jpg"]


@pytest.mark.parametrize("target", sorted(make_targets()))
def test_every_target_that_is_named_exists(target: str) -> None:
    done = subprocess.run(
        [
            "make",
            "--dry-run",
            "--assume-old=.venv/.dev",
            "--assume-old=.venv/.run",
            "--assume-old=.venv-bench/.run",
            target,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not link.startswith("http") and not (page.parent / link).exists()]
    assert missing == []


def test_the_example_of_alerts_is_a_usable_part_of_a_dataset_file() -> None:
    (example,) = [
        content for language, more, content in blocks(ROOT / "docs" / "operating.md") if language == "yaml" and not more
    ]
    dataset = small_dataset(**yaml.safe_load(example))
    assert [channel.label for channel in dataset.alerts.channels] == ["TEAM_ALERT_URL", "SUPPLIER_ALERT_URL"]


def test_the_example_of_quarantine_is_a_usable_part_of_a_dataset_file() -> None:
    (example,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "retention"]
    assert small_dataset(**yaml.safe_load(example)).retention.quarantine_days == 90


def test_the_example_of_checkpoints_is_a_usable_part_of_a_dataset_file() -> None:
    (example,) = [content for _, more, content in blocks(ROOT / "docs" / "operating.md") if more == "checkpoints"]
    assert small_dataset(**yaml.safe_load(example)).tables.checkpoint_commits == 100


def test_the_readme_counts_the_checks_right() -> None:
    from image_assets.asset_checks import checks_of

    number = sum(len(checks.check_keys) for checks in checks_of(small_dataset()))
    assert f"**Checks that hold**: [{number} per dataset](docs/checks.md)" in (ROOT / "README.md").read_text(
        encoding="utf-8"
    )


def test_the_tests_that_stand_in_the_way_of_threats_are_there() -> None:
    content = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[^`]+)`", content)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
