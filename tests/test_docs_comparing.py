"""The page on comparing classifiers: its commands are run, on the small platform in the place of birds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.platform import Platform, small_dataset
from tests.store_files import python_path
from tests.test_docs import ROOT, blocks

CANDIDATES = [{"kind": "logistic_regression", "regularisation": [0.01]}, {"kind": "random_forest", "trees": [5]}]


@pytest.mark.long
def test_the_commands_of_the_page_work(loaded_platform: Platform, tmp_path: Path) -> None:
    loaded_platform.copy_to(tmp_path)
    dataset = small_dataset(classifier={"candidates": CANDIDATES, "selection": {"folds": 2}})
    (tmp_path / "birds.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": python_path(ROOT)}
    said = []
    for language, _, content in blocks(ROOT / "docs" / "comparing-classifiers.md"):
        command = ["bash", "-euc", content] if language == "sh" else [sys.executable, "-c", content]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    assert len(said) == 2
    assert "best of all families" in said[0]
    assert "shape: (6, 3)" in said[1]
    assert (tmp_path / "families.png").exists()
