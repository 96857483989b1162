"""The catalogue of checks in docs says what the declarations say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import get_args

import pytest
from pydantic import BaseModel

from image_assets import asset_checks
from image_assets.asset_checks import all_checks
from image_assets.asset_checks.catalogue import catalogue
from image_assets.asset_checks.check import Check
from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.dataset import DatasetSpec

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_the_one_that_make_docs_writes() -> None:
    assert (ROOT / "docs" / "checks.md").read_text(encoding="utf-8") == catalogue(), "run make docs"


def test_every_check_that_a_module_declares_is_in_it_once() -> None:
    modules = [import_module(f"{asset_checks.__name__}.{found.name}") for found in iter_modules(asset_checks.__path__)]
    declared = {one.evaluate for module in modules for one in vars(module).values() if isinstance(one, Check)}
    listed = [one.evaluate for one in all_checks()]
    assert len(listed) == len(set(listed))
    assert set(listed) == declared


@pytest.mark.parametrize("key", sorted({key for one in all_checks() if one.key for key in one.key.split(", ")}))
def test_every_key_that_is_named_is_one_of_the_dataset_file(key: str) -> None:
    sections: list[type[BaseModel]] = [DatasetSpec]
    for name in key.split("."):
        found = [one.model_fields[name].annotation for one in sections if name in one.model_fields]
        assert found, f"no section has {name}"
        kinds = [kind for one in found for kind in (get_args(one) or (one,))]
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def test_the_readme_counts_the_checks_that_any_dataset_has() -> None:
    number = sum(len(group.checks) for group in CHECK_GROUPS if not group.where)
    assert f"[{number} per dataset](docs/checks.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
