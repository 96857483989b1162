"""Dependencies point one way: no module imports what stands above it, and the lower floors do not know Dagster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.floors import FLOORS, floor_of, modules, upward

ROOT = Path(__file__).resolve().parents[1]
MODULES = modules(ROOT)
# An import of a module that is no module is an import all the same: pkgutil imports every one of a folder.
_IMPORT_ALL = """
import importlib, pkgutil, sys
sys.modules["dagster"] = None
for top in sys.argv[1:]:
    package = importlib.import_module(top)
    for found in pkgutil.walk_packages(package.__path__, top + "."):
        if not found.name.endswith(".assets"):
            importlib.import_module(found.name)
"""


def test_every_module_stands_on_a_floor() -> None:
    assert len(MODULES) > 200
    assert all(0 <= floor_of(module) < len(FLOORS) for module in MODULES)
    with pytest.raises(LookupError, match=r"image_assets\.attic stands on no floor"):
        floor_of("image_assets.attic")


def test_no_import_runs_upwards() -> None:
    found = [line for module, file in MODULES.items() for line in upward(module, file.read_text("utf-8"), MODULES)]
    assert found == []


@pytest.mark.parametrize(
    ("module", "planted"),
    [
        ("image_assets.store.s3", "from image_assets.ingest.source import Source"),
        ("image_assets.store.s3", "def late() -> None:\n    from image_assets.ingest import source"),
        ("image_assets.ingest.load", "import image_assets.definitions"),
        ("image_assets.features.units", "from image_assets.resources.store import StoreResource"),
        ("image_assets.images.decode", "import dagster as dg"),
        ("image_assets.health.days", "from dagster_shared.error import SerializableErrorInfo"),
        ("image_assets.ingest.load", "from image_assets.store.attic import Trunk"),
        ("image_assets.store.store", "from dagster._core.events import JobFailureData"),
    ],
)
def test_an_import_that_is_planted_is_found(module: str, planted: str) -> None:
    source = MODULES[module].read_text("utf-8")
    assert upward(module, source, MODULES) == []
    assert len(upward(module, f"{source}\n{planted}\n", MODULES)) == 1


def test_a_stage_may_use_what_stands_below_it() -> None:
    assert upward("image_assets.ingest.load", "from image_assets.store.store import Store", MODULES) == []
    assert upward("image_assets.ingest.assets", "import dagster as dg", MODULES) == []


@pytest.mark.parametrize(
    "folder",
    [
        "image_assets.store",
        "image_assets.images",
        "image_assets.health",
        "image_assets.answers",
        "image_assets.predict",
    ],
)
def test_what_knows_no_dagster_is_imported_without_it(folder: str) -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL, folder], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_process_without_dagster_refuses_what_needs_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_ALL, "image_assets.io_managers"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "dagster" in done.stderr
