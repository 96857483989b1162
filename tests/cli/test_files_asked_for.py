"""A file that cannot be written, or is to be of another kind, is refused before anything is worked out for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_assets.cli import main

# None of what these would read is there: whoever looked at it first would say so.
NOWHERE = ["--dataset", "nowhere.yaml", "--store", "nowhere"]
COMMANDS = {
    "accounting": ["accounting", *NOWHERE, "--csv"],
    "compare": ["compare", *NOWHERE, "--csv"],
    "compare, its plot": ["compare", *NOWHERE, "--plot"],
    "models export --onnx": ["models", "export", *NOWHERE, "champion", "--onnx"],
    "models export --skops": ["models", "export", *NOWHERE, "champion", "--skops"],
    "report": ["report", *NOWHERE, "--out"],
    "report of a model": ["report", *NOWHERE, "--of", "model", "--out"],
    "report of denoising": ["report", *NOWHERE, "--of", "denoising", "--out"],
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)


def error(capsys: pytest.CaptureFixture[str], words: list[str]) -> str:
    capsys.readouterr()
    assert main([*words]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = COMMANDS[command]
    assert error(capsys, [*words, "folder"]) == "error: folder: is a directory"
    assert error(capsys, [*words, "not/there.csv"]) == "error: not/there.csv: no such file or directory"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_can_be_written_is_not_touched_before_there_is_something_for_it(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "kept.txt").write_text("what was there")
    assert "nowhere.yaml: no such file or directory" in error(capsys, [*COMMANDS[command], "kept.txt"])
    assert (tmp_path / "kept.txt").read_text() == "what was there"


@pytest.mark.parametrize("of", ["images", "denoising"])
@pytest.mark.parametrize("ending", [".md", ".json"])
def test_a_report_that_is_a_page_is_none_of_another_kind(
    of: str, ending: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = error(capsys, ["report", *NOWHERE, "--of", of, "--out", f"r{ending}"])
    assert f"--of {of} is a page, and no {ending}" in said
    assert not (tmp_path / f"r{ending}").exists()
    assert "nowhere.yaml" in error(capsys, ["report", *NOWHERE, "--of", "model", "--out", f"r{ending}"])
