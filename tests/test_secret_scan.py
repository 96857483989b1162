"""What looks like a secret is found where it is committed; what is known is not told, and not kept for ever."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.secret_scan import KNOWN, ROOT, secrets_in, told, tracked

# In pieces, so that this file is none in which anything is found.
PLANTED = {
    "a key of AWS": "AKIA" + "IOSFODNN7EXAMPL3",
    "a private key": "-----BEGIN RSA PRIVATE " + "KEY-----",
    "a token of GitHub": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "a token of Slack": "xoxb-" + "123456789012-123456789012-abcdefghijklmnopqrstuvwx",
    "a password in an address": "postgresql://somebody:" + "Tr0ub4dor@db.example.org/runs",
    "a password in settings": "pass" + 'word = "correct-horse-battery-staple"',
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=[*PLANTED])
def test_what_is_planted_is_found_with_its_line(tmp_path: Path, planted: str) -> None:
    (tmp_path / "settings.py").write_text(f"first = 1\n{planted!s}\nlast = 2\n")
    found = [*secrets_in(tmp_path, ["settings.py"])]
    assert {(one.file, one.line) for one in found} == {("settings.py", 2)}
    (line, *_) = told(found, {})
    assert line.startswith("settings.py:2: ")
    assert planted not in line
    assert told(found, {"settings.py": tuple(one.sha1 for one in found)}) == []


@pytest.mark.parametrize("planted", PLANTED.values(), ids=[*PLANTED])
def test_what_is_planted_in_a_cell_of_a_notebook_is_found_with_its_line(tmp_path: Path, planted: str) -> None:
    cell = {"cell_type": "code", "source": ["first = 1\n", f"{planted}\n", "last = 2"]}
    text = json.dumps({"cells": [cell]}, indent=1)
    (tmp_path / "look.ipynb").write_text(text)
    (line,) = {one.line for one in secrets_in(tmp_path, ["look.ipynb"])}
    assert planted[:8] in text.splitlines()[line - 1]


def test_notebooks_are_looked_at() -> None:
    assert "docs/notebook.ipynb" in tracked(ROOT)


def test_nothing_is_found_in_plain_code(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("first = 1\nname = 'plain text'\n")
    assert [*secrets_in(tmp_path, ["settings.py"])] == []


def test_what_is_known_and_no_longer_there_is_told() -> None:
    assert told([], {"gone.py": ("0" * 40,)}) == [
        f"gone.py: {'0' * 40} is known and no longer there: take it out of KNOWN"
    ]


def test_what_is_known_is_in_files_that_are_looked_at() -> None:
    assert {*KNOWN} <= {*tracked(ROOT)}
