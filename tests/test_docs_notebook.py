"""The notebook of the documentation is run as it is, on a small platform in the place of the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.platform import Platform

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs/notebook.ipynb"


def executed(notebook: Any, platform: Platform, root: Path) -> list[dict[str, Any]]:
    """What the code cells gave, each by the kind of output."""
    platform.copy_to(root / ".demo")
    content = yaml.safe_dump(platform.dataset.model_dump(mode="json"), sort_keys=False)
    (root / ".demo/dataset.yaml").write_text(content, encoding="utf-8")
    (root / "docs").mkdir()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(root / "docs")}}).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell.outputs[-1].data if cell.outputs else {} for cell in cells]


@pytest.mark.long
def test_the_notebook_is_kept_without_outputs_and_runs_from_top_to_bottom(
    loaded_platform: Platform, tmp_path: Path
) -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    assert all(cell.execution_count is None and cell.outputs == [] for cell in notebook.cells if "outputs" in cell)
    shown = executed(notebook, loaded_platform, tmp_path)
    assert "<strong>drawn</strong>" in shown[0]["text/html"]
    assert all("<table" in shown[number]["text/html"] for number in (1, 2, 3, 6))
    assert [shown[number]["text/html"].count("<img") for number in (4, 7)] == [6, 6]
    assert shown[8]["text/plain"].startswith("('plant', ")
    assert "champion" in shown[9]["text/plain"]


def test_a_notebook_that_the_code_has_left_behind_is_told_with_its_cell(
    loaded_platform: Platform, tmp_path: Path
) -> None:
    notebook = nbformat.read(NOTEBOOK, 4)
    notebook.cells = notebook.cells[:4]
    notebook.cells[3].source = "project.day_table()"
    with pytest.raises(CellExecutionError, match="no attribute 'day_table'"):
        executed(notebook, loaded_platform, tmp_path)
