"""A wheel of the project, beside another package that has a folder `resources` of its own: each keeps its names."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest
import yaml

from image_assets.environment import DATASETS, LANDING, STORE
from tests.pictures import land_pictures
from tests.platform import small_dataset

pytestmark = pytest.mark.local_store(reason="another environment, which knows nothing of the tests")

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("image_assets", "resources", "io_managers", "asset_checks")
NEIGHBOUR = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "neighbour"
version = "1"

[tool.setuptools]
packages = ["resources"]
"""


def build(source: Path, wheels: Path) -> Path:
    """A wheel of a folder, made with what is installed here."""
    before = set(wheels.glob("*.whl"))
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(wheels), str(source))
    (wheel,) = set(wheels.glob("*.whl")) - before
    return wheel


def pip(command: str, *arguments: str, python: Path | None = None) -> None:
    of = ["--python", str(python)] if python else []
    run([sys.executable, "-m", "pip", *of, command, "--quiet", "--no-index", "--no-deps", *arguments], ROOT)


def run(command: list[str], folder: Path, more: Mapping[str, str] | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DAGSTER_HOME")}
    done = subprocess.run(
        command, cwd=folder, env={**environment, **(more or {})}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built from a copy: setuptools leaves its own folders beside what it builds."""
    source = tmp_path_factory.mktemp("source")
    for folder in SOURCES:
        copytree(ROOT / folder, source / folder, symlinks=True, ignore=ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        copy(ROOT / file, source)
    return build(source, tmp_path_factory.mktemp("wheels"))


def test_a_wheel_claims_no_name_but_its_own_and_has_every_module(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"image_assets"}
    for folder in SOURCES:
        inside = Path() if folder == "image_assets" else Path("image_assets")
        here = {str(inside / file.relative_to(ROOT)) for file in (ROOT / folder).rglob("*.py")}
        assert here - set(names) == set()
    (entries,) = [name for name in names if name.endswith("entry_points.txt")]
    assert b"[dagster_dg_cli.registry_modules]" in archive.read(entries)
    assert {"image_assets/py.typed", "image_assets/datasets/sample.yaml"} <= set(names)
    templates = (ROOT / "image_assets" / "pages" / "templates").iterdir()
    assert {f"image_assets/pages/templates/{file.name}" for file in templates} <= set(names)


@pytest.mark.long
def test_it_works_beside_another_package_with_a_folder_of_the_same_name(wheel: Path, tmp_path: Path) -> None:
    neighbour = tmp_path / "neighbour"
    (neighbour / "resources").mkdir(parents=True)
    (neighbour / "pyproject.toml").write_text(NEIGHBOUR)
    (neighbour / "resources" / "__init__.py").write_text("OWNER = 'the neighbour'\n")
    (tmp_path / "wheels").mkdir()
    run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], tmp_path)
    programs = tmp_path / "venv" / "bin"
    python = programs / "python"
    pip("install", str(wheel), str(build(neighbour, tmp_path / "wheels")), python=python)
    # What both stand on is taken from here; a file of paths does not install the project itself a second time.
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))

    names = "import image_assets.resources as ours, resources; print(ours.__file__, resources.OWNER, sep='\\n')"
    ours, owner = run([str(python), "-c", names], tmp_path).split("\n")[:2]
    assert Path(ours) == site / "image_assets" / "resources" / "__init__.py"
    assert owner == "the neighbour"

    land_pictures(tmp_path / "landing", "2026-11-20", "plant", 0, range(6))
    dataset = small_dataset(categories={"plant": 0}, start_day="2026-11-20", extractor={"kind": "colour_statistics"})
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    places = {DATASETS.name: "drawn.yaml", LANDING.name: "landing", STORE.name: "store"}
    location = ["definitions", "validate", "-m", "image_assets.definitions"]
    run([str(python), "-m", "dagster", *location], tmp_path, places)
    command = str(programs / "image-assets")
    assert "run" in run([command, "--help"], tmp_path)
    where = ["--landing", "landing", "--store", "store"]
    run([command, "run", "--dataset", "drawn.yaml", *where, "--day", "2026-11-20"], tmp_path)
    assert list((tmp_path / "store" / "drawn" / "image_features").rglob("*.parquet"))
