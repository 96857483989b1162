"""The files of a store, on the disk or in a bucket, for tests that look into it and damage it.

A test's own files, such as a landing zone, are no part of this: they lie on the disk wherever stores lie.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import cast

from obstore.fsspec import register
from upath import UPath

from image_assets.places import place_of

register("s3")


def files_at(place: str | Path) -> Path:
    """A store, or something in it, as a path.

    In a bucket it is one of universal_pathlib's, which does what a test does with files: lists, reads, writes, removes.
    """
    found = place_of(str(place), "store")
    if found.folder is not None:
        return found.folder
    return cast("Path", UPath(found.url, client_options={"allow_http": True}))


def copy_files(of: str | Path, to: str | Path) -> None:
    """Copy a store, or a folder in it, to another place."""
    source, target = files_at(of), files_at(to)
    for file in source.rglob("*"):
        if file.is_file():
            copied = target / file.relative_to(source).as_posix()
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_bytes(file.read_bytes())


def as_stores_are(root: Path) -> None:
    """Have the folder `store` of a place that was unpacked there be where stores are: nothing to do on a disk."""
    on_disk = root / "store"
    if files_at(on_disk) != on_disk:
        for file in (one for one in on_disk.rglob("*") if one.is_file()):
            (files_at(on_disk) / file.relative_to(on_disk).as_posix()).write_bytes(file.read_bytes())
        shutil.rmtree(on_disk)


def copy_place(root: Path, to: Path) -> None:
    """Copy a folder of a test with all that is in it, its store too, wherever that is."""
    shutil.copytree(root, to, dirs_exist_ok=True)
    if files_at(root / "store") != root / "store":
        copy_files(root / "store", to / "store")


def python_path(*folders: Path) -> str:
    """`PYTHONPATH` of a process that is to import from folders: they, and before them what this one was told."""
    return os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *map(str, folders)])


def remove_files(folder: str | Path) -> None:
    """Remove a store, or a folder in it, with all that is below."""
    path = UPath(files_at(folder))
    path.fs.rm(path.path, recursive=True)


def remove_file(file: Path) -> None:
    """Remove one file; `Path.unlink` as a function is only for those on a disk."""
    file.unlink()
