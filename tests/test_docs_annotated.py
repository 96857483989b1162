"""The page on annotated data sets: its example is run, and the bundled datasets are what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from image_assets.dataset import BUNDLED, load_dataset, parse_dataset
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from tests.test_docs import ROOT, blocks


@pytest.mark.long
def test_the_example_of_the_page_works(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(tmp_path)}
    environment.pop("DAGSTER_HOME", None)
    said = []
    for language, more, content in blocks(ROOT / "docs" / "open-images-and-coco.md"):
        if more.startswith("file="):
            (tmp_path / more.removeprefix("file=")).write_text(content)
        elif language in ("sh", "python"):
            command = ["bash", "-euc", content] if language == "sh" else [sys.executable, "-c", content]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            said.append(done.stdout)
    assert len(said) == 3
    assert "(24, 5)" in said[-1]


@pytest.mark.parametrize("name", ["big_cats", "cars_and_trees"])
def test_the_line_of_the_embedded_extractor_is_ready(name: str) -> None:
    text = (BUNDLED / f"{name}.yaml").read_text(encoding="utf-8")
    assert load_dataset(name).extractor.kind == "tf_hub"
    import yaml

    switched = text.replace("\nextractor:", "\n# extractor:", 1).replace(
        "\n# extractor: {kind: eff", "\nextractor: {kind: eff"
    )
    assert parse_dataset(yaml.safe_load(switched), name).extractor == DEFAULT_EXTRACTOR
