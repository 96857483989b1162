"""The command as a process: it ends at once, but not before everything that belongs to an end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

_PROGRAM = """
import atexit, sys, threading, time, weakref
from image_assets.cli.command import main
from image_assets.cli.process import process


class Kept:
    def __del__(self):
        print("taken down", flush=True)


def late():
    time.sleep(0.2)
    print("the thread is done")


kept, finalised = Kept(), Kept
weakref.finalize(finalised, print, "finalised")
atexit.register(print, "called at the exit")
threading.Thread(target=late).start()
sys.argv = ["image-assets", *sys.argv[2:]]
process() if sys.argv.pop() == "at once" else sys.exit(main())
"""


def _ended(*words: str, how: str, output: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _PROGRAM, "image-assets", *words, how]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, env=buffered, text=True, check=False)


def test_what_is_done_at_an_exit_is_done_and_nothing_is_taken_down() -> None:
    """The control is an ordinary exit, which does the same and takes everything down."""
    at_once, ordinary = _ended("--version", how="at once"), _ended("--version", how="as Python does")
    assert at_once.returncode == ordinary.returncode == 0, at_once.stderr + ordinary.stderr
    said, down = sorted(at_once.stdout.splitlines()), sorted(ordinary.stdout.splitlines())
    assert "taken down" in down
    assert said == [line for line in down if line != "taken down"]
    assert {"the thread is done", "called at the exit", "finalised"} < {*said}


def test_it_ends_with_the_status_of_the_command() -> None:
    refused = _ended("fly", how="at once")
    assert refused.returncode == 2
    assert "fly" in refused.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_what_is_printed_at_the_end_and_cannot_be_written_is_told() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        failed = _ended("fly", how="at once", output=full)
    assert failed.returncode == 120  # as Python has it
    assert "No space left" in failed.stderr
