"""What the page on shards shows is run on real ones, where the tool is installed."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from tests.platform import Platform
from tests.test_docs import ROOT, blocks

pytestmark = pytest.mark.local_store(reason="an example of the documentation reads a folder")

_PAGE = ROOT / "docs/reading-shards.md"
EXAMPLES = [(more, content) for language, more, content in blocks(_PAGE) if language == "python"]
SAID = [
    *("(60, 1280)", "(20, 1280)", "[(60,)]", "60 (1280,)", "60 1282", "60 torch.Size([32, 1280])"),
    *("60 (None, 1280)", "set()", "12 files are as they were published"),
]


def test_every_tool_has_its_example() -> None:
    tools = ["", "", "", "", "needs=datasets", "needs=torch", "needs=tensorflow", "", ""]
    assert [more for more, _ in EXAMPLES] == tools
    assert len(SAID) == len(EXAMPLES)


@pytest.mark.parametrize(("number", "said"), list(enumerate(SAID)))
def test_an_example_reads_the_shards(
    number: int,
    said: str,
    loaded_platform: Platform,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    more, content = EXAMPLES[number]
    needed = more.removeprefix("needs=")
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed here: its example is not run")
    shutil.copytree(loaded_platform.root / "store/drawn", tmp_path / "store/birds")
    monkeypatch.chdir(tmp_path)
    exec(compile(content.replace('"owl"', '"plant"'), f"example {number}", "exec"), {})
    assert said in capsys.readouterr().out


def test_an_altered_file_is_told(loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(loaded_platform.root / "store/drawn", tmp_path / "store/birds")
    monkeypatch.chdir(tmp_path)
    with next(Path("store/birds/feature_shards").rglob("*.parquet")).open("ab") as file:
        file.write(b"more")
    with pytest.raises(AssertionError, match="is not as it was published"):
        exec(compile(EXAMPLES[-1][1], "the example", "exec"), {})
