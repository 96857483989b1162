"""What a command prints into a pipe that nobody reads: it ends, and says nothing of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    "words", [["--help"], ["status", "--help"], ["--version"], ["alerts", "list"], ["alerts", "list", "--json"]]
)
def test_a_reader_that_left_is_no_error(words: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "image_assets.cli", *words],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        )
    assert done.returncode == 141
    assert not re.search("error|pipe|Traceback", done.stderr, re.IGNORECASE)


def test_a_full_disk_is_an_error_all_the_same() -> None:
    with open("/dev/full", "w") as full:
        program = [sys.executable, "-m", "image_assets.cli", "--version"]
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode != 0
    assert "no space left" in done.stderr.lower()
