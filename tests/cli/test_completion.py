"""Completion in real shells: set up by the lines of the documentation, and asked by the Tab key."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/operating.md"
_READY = "shell is set up"


def line_for(shell: str) -> str:
    """What the documentation has people write into the shell's configuration."""
    (line,) = re.findall(rf"^\| {shell} \| `(.*)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return line


def surroundings(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("IMAGE_ASSETS")}
    return {**kept, "PATH": path, "HOME": str(home), "TERM": "dumb", "ZDOTDIR": str(home), "PS1": "> "}


def started(shell: str, home: Path, *words: str, first: str = "") -> pexpect.spawn[str]:
    """An interactive shell that has read the line, in a folder of its own."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"there is no {shell} here")
    (home / "work").mkdir()
    one = pexpect.spawn(
        program, [*words], cwd=home / "work", env=surroundings(home), encoding="utf-8", timeout=60, dimensions=(40, 200)
    )
    one.sendline(f"{first}{line_for(shell)}; echo shell is 'set up'")
    one.expect(_READY)
    return one


# What is typed, and what Tab makes of it.
TYPED = [
    ("image-assets sta", "status"),
    ("image-assets models rollb", "rollback"),
    ("image-assets run --dry", "--dry-run"),
    ("image-assets run --dataset kin", "kingdoms"),
]


def expect_at_tab(shell: pexpect.spawn[str], typed: str, completed: str) -> None:
    try:
        shell.send(f"{typed}\t")
        shell.expect(re.escape(completed))
    finally:
        shell.close(force=True)


@pytest.mark.parametrize(("typed", "completed"), TYPED)
def test_bash_completes_at_tab(typed: str, completed: str, tmp_path: Path) -> None:
    expect_at_tab(started("bash", tmp_path, "--noprofile", "--norc", "-i"), typed, completed)


@pytest.mark.parametrize(("typed", "completed"), TYPED)
def test_zsh_completes_at_tab(typed: str, completed: str, tmp_path: Path) -> None:
    shell = started("zsh", tmp_path, "-f", "-i", first="autoload -U compinit; compinit -u; ")
    expect_at_tab(shell, typed, completed)


@pytest.mark.parametrize(("typed", "completed"), TYPED)
def test_fish_offers_what_tab_would(typed: str, completed: str, tmp_path: Path) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("there is no fish here")
    (tmp_path / ".config/fish/completions").mkdir(parents=True)
    done = subprocess.run(
        [fish, "-c", f"{line_for('fish')}; complete -C '{typed}'"],
        cwd=tmp_path,
        env={**surroundings(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / ".config")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert completed in [line.partition("\t")[0] for line in done.stdout.splitlines()]


def test_a_shell_without_the_line_completes_nothing(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    (tmp_path / "work").mkdir()
    shell = pexpect.spawn(
        bash,
        ["--noprofile", "--norc", "-i"],
        cwd=tmp_path / "work",
        env=surroundings(tmp_path),
        encoding="utf-8",
        timeout=60,
    )
    try:
        shell.send("image-assets sta\t; echo do''ne\r")
        shell.expect("done")
        assert "image-assets status" not in str(shell.before)
    finally:
        shell.close(force=True)
