"""The requests of the page on the console are answered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click
import httpx

from image_assets.cli.console import console as command
from tests.pictures import picture
from tests.test_docs import ROOT, blocks

PAGE = ROOT / "docs" / "console.md"
_USUAL = "http://127.0.0.1:9797"


def lines() -> list[str]:
    shells = [content for language, _, content in blocks(PAGE) if language == "sh"]
    return [line for content in shells for line in content.replace("\\\n", " ").splitlines()]


def test_every_request_of_the_page_is_answered(console: httpx.Client, tmp_path: Path) -> None:
    for kind, name in enumerate(("owls", "ducks")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "0.png").write_bytes(picture(kind, 0))
    asked = [line for line in lines() if line.startswith("curl ")]
    assert len(asked) >= 3
    for line in asked:
        request = line.replace(_USUAL, str(console.base_url))
        assert request != line
        done = subprocess.run(["bash", "-euc", request], cwd=tmp_path, capture_output=True, text=True, check=True)
        if "/metrics" in line:
            assert done.stdout.startswith("# HELP image_assets_"), line
        else:
            assert "error" not in json.loads(done.stdout), line


def test_the_command_of_the_page_is_one() -> None:
    words = [line.partition("image-assets ")[2].split() for line in lines() if " image-assets " in f" {line}"]
    assert len(words) == 2
    for name, *rest in words:
        assert name == "console"
        with click.Context(command):
            known = {option for one in command.params if isinstance(one, click.Option) for option in one.opts}
            assert {word for word in rest if word.startswith("-")} <= known
