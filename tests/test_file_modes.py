"""The rights of what is written, by the umask of who writes it; and names of temporary files, which nobody foresees.

Whoever shares a store or a home with others says so by the umask; what is private is so under any.
"""

from __future__ import annotations

import ctypes
import os
import re
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import pytest

from tests.hostile.planted import planted
from tests.platform import FIRST, Platform

pytestmark = pytest.mark.local_store(reason="files and rights of a disk")

ROOT = Path(__file__).parents[1]
PRIVATE = re.compile(r"(^|/)alerts\.sqlite\.lock$|\.pixels$")
"""Files that only their owner may read, whatever the umask is."""
FORESEEN_BY_NOBODY = re.compile(
    r"(image-assets-(\d+-)?|tmp|pymp-|\.tmp|listener-|matplotlib-|dagster[\w-]*)?[A-Za-z0-9_]{6,}(\.[\w.-]+)?"
)


def faults(root: Path, umask: int) -> list[str]:
    """What of all below a folder has other rights than the umask gives."""
    found = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or path.is_socket():
            continue
        expected = (0o777 if path.is_dir() else 0o666) & ~umask
        if PRIVATE.search(str(path)):
            expected = 0o600
        if stat.S_IMODE(path.stat().st_mode) != expected:
            found.append(f"{path.relative_to(root)}: {stat.S_IMODE(path.stat().st_mode):o}, not {expected:o}")
    return found


def give(platform: Platform, umask: int, *commands: str) -> None:
    """Give commands in a platform's folder under a umask, with temporary files in a folder that is shared."""
    (platform.root / "shared").mkdir(exist_ok=True)
    (platform.root / "shared").chmod(0o1777)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "IMAGE_ASSETS"))}
    variables = {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(platform.root / "shared"),
        "IMAGE_ASSETS_CACHE": str(platform.root / "cache"),
        "IMAGE_ASSETS_PROCESSES": "2",
        "MPLCONFIGDIR": matplotlib.get_cachedir(),
    }
    for words in commands:
        done = subprocess.run(
            [sys.executable, "-m", "image_assets.cli", *words.split()],
            cwd=platform.root,
            env=kept | variables,
            umask=umask,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def names_made_in(folder: Path) -> Iterator[set[str]]:
    """The names of all that is made directly in a folder meanwhile, however soon it is gone: inotify(7)."""
    system, made = ctypes.CDLL(None, use_errno=True), set[str]()
    descriptor = system.inotify_init1(os.O_CLOEXEC)
    system.inotify_add_watch(descriptor, os.fsencode(folder), 0x100 | 0x80)  # made, or moved here

    def read() -> None:
        while True:
            events = os.read(descriptor, 65_536)
            at = 0
            while at < len(events):
                (length,) = struct.unpack_from("I", events, at + 12)
                name = events[at + 16 : at + 16 + length].rstrip(b"\0").decode()
                at += 16 + length
                if name == "the end":
                    return
                made.add(name)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield made
    finally:
        (folder / "the end").touch()
        reader.join()
        (folder / "the end").unlink()
        os.close(descriptor)


@pytest.mark.long
@pytest.mark.parametrize("how", ["folders", "annotations"])
@pytest.mark.parametrize("umask", [0o022, 0o077], ids=["022", "077"])
def test_what_is_written_has_the_rights_of_the_umask_and_no_temporary_name_is_foreseen(
    tmp_path: Path, umask: int, how: str
) -> None:
    before = os.umask(umask)
    try:
        with planted(how, tmp_path) as platform:
            (tmp_path / "shared").mkdir()
            with names_made_in(tmp_path / "shared") as names:
                give(platform, umask, f"run --day {FIRST}", "report --out page.html", "gc --older-than 1")
    finally:
        os.umask(before)
    assert [path.name for path in (tmp_path / "shared").iterdir()] == []
    (tmp_path / "shared").rmdir()
    assert len([*(tmp_path / "store").rglob("*")]) > 100
    assert faults(tmp_path, umask) == []
    assert names
    assert [one for one in names if not FORESEEN_BY_NOBODY.fullmatch(one)] == []


def test_rights_that_are_not_the_umasks_are_seen(tmp_path: Path) -> None:
    """The control: what `mkdtemp` makes only its owner may enter, and what anybody may write is said too."""
    before = os.umask(0o022)
    try:
        Path(tempfile.mkdtemp(dir=tmp_path, prefix="kept-"))
        (tmp_path / "open").touch()
        (tmp_path / "open").chmod(0o666)
        (tmp_path / "a.pixels").touch()
        (tmp_path / "well").touch()
    finally:
        os.umask(before)
    found = faults(tmp_path, 0o022)
    assert [one.partition(": ")[2] for one in found] == ["644, not 600", "700, not 755", "666, not 644"]


def test_a_name_that_can_be_foreseen_is_seen(tmp_path: Path) -> None:
    """The control: it is seen although it is there for a moment only."""
    with names_made_in(tmp_path) as names:
        (tmp_path / "x").touch()
        (tmp_path / "x").unlink()
        with tempfile.TemporaryDirectory(dir=tmp_path, prefix="image-assets-"):
            pass
    assert [one for one in names if not FORESEEN_BY_NOBODY.fullmatch(one)] == ["x"]
