"""schemathesis asks all that the OpenAPI document lets one ask, and what it does not; nothing fails or is otherwise."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.console.served import BEARER, served, settings_of
from tests.platform import Platform

# What is no image, no condition and no filter of the map is refused: no schema tells which bytes and texts these are.
_NOT_LOOKED_AT = "positive_data_acceptance"


@pytest.mark.long
def test_it_finds_nothing(loaded_platform: Platform, tmp_path: Path) -> None:
    if find_spec("schemathesis") is None:
        pytest.skip("schemathesis, of the extra dev, is not installed")
    platform = loaded_platform.copy_to(tmp_path / "asked")  # it marks images, and chooses models
    with served(settings_of(platform)) as console:
        words = ["run", f"{console.base_url}/openapi.json", "--exclude-checks", _NOT_LOOKED_AT, "--max-examples", "10"]
        words += ["--header", f"Authorization: {BEARER['authorization']}", "--request-timeout", "60", "--no-color"]
        done = subprocess.run(
            [sys.executable, "-m", "schemathesis.cli", *words, "--seed", "1"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
    asked = re.search(r"Test cases:\s+([\d,]+) generated, ([\d,]+) passed", done.stdout)
    assert asked is not None
    assert asked[1] == asked[2]
