"""What the page on training says of settings is what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.settings.classifier import Classifier
from tests.platform import small_dataset
from tests.test_docs import ROOT, blocks

PAGE = (ROOT / "docs/training.md").read_text(encoding="utf-8")
DEFAULTS = re.findall(r"^\| `classifier\.([\w.]+)` \| (\S+) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("key", "default"), DEFAULTS)
def test_a_default_is_the_one_that_is_taken(key: str, default: str) -> None:
    value: object = Classifier()
    for name in key.split("."):
        value = getattr(value, name)
    assert yaml.safe_load(default) == value


def test_the_table_is_found() -> None:
    assert len(DEFAULTS) == 15


def test_the_example_is_a_usable_part_of_a_dataset_file() -> None:
    (example,) = [yaml.safe_load(c) for language, _, c in blocks(Path(ROOT / "docs/training.md")) if language == "yaml"]
    dataset = DatasetSpec.model_validate({**small_dataset().model_dump(mode="json"), **example})
    assert dataset.classifier.split.by == "source"
    assert [family.kind for family in dataset.classifier.candidates] == [
        "logistic_regression",
        "support_vector_machine",
    ]


def test_the_checks_that_it_names_exist() -> None:
    checks = {check.name for group in CHECK_GROUPS for check in group.checks}
    named = {
        name
        for line in PAGE.splitlines()
        if line.startswith("|") and "check" in line
        for name in re.findall(r"`(\w+)`", line)
    }
    assert named
    assert named <= checks
    assert "probabilities_are_calibrated" in checks


@pytest.mark.parametrize("page", ["networks.md", "denoising.md"])
def test_the_examples_on_networks_are_usable_parts_of_a_dataset_file(page: str) -> None:
    examples = [yaml.safe_load(c) for language, _, c in blocks(ROOT / "docs" / page) if language == "yaml"]
    content = {"name": "pond", "categories": {"frog": 0, "newt": 1}, "start_day": "2026-11-01"}
    for example in examples:
        parse_dataset({**content, **example}, page)
    assert any("networks" in example for example in examples)
