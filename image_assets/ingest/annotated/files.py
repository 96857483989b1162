"""Annotation files: found by their names, and known by what they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from image_assets.ingest.folder import landing_place, source_folder, walk
from image_assets.ingest.source import SourceError, printable


@dataclass(frozen=True)
class AnnotationFolder:
    """The folder in which a dataset's annotation files lie, at any depth.

    Attributes:
        path: The folder.
        ignore: Shell patterns of names that are passed over.
    """

    path: Path
    ignore: tuple[str, ...] = (".*",)

    def find(self, patterns: Sequence[str], what: str) -> list[Path]:
        """The files whose names match a pattern, sorted by their path.

        Raises:
            SourceError: there is none, or no such folder.
        """
        found = self.find_any(patterns)
        if not found:
            raise SourceError(
                f"{printable(str(self.path))}: no {what} here; looked for {', '.join(patterns)} at any depth. Put the "
                "file there, or set its name in the dataset file's source section"
            )
        return found

    def find_any(self, patterns: Sequence[str]) -> list[Path]:
        """As `find`, and there may be none."""
        if not self.path.is_dir():
            raise SourceError(
                f"annotations {printable(str(self.path))}: no such folder; put the annotation files there, or set "
                "`annotations` in the dataset file's source section"
            )
        paths = map(Path, walk(str(self.path), self.ignore).paths)
        return sorted(path for path in paths if any(fnmatchcase(path.name, pattern) for pattern in patterns))


def annotation_folder(annotations: str | None, landing: str, ignore: tuple[str, ...]) -> AnnotationFolder:
    """The folder that a dataset file asks for; `annotations` beside the days where it names none.

    Raises:
        SourceError: the landing zone is no local folder, and no other folder is named.
    """
    if annotations is not None:
        return AnnotationFolder(source_folder(annotations, "annotations"), ignore)
    folder = landing_place(landing).folder
    if folder is None:
        raise SourceError(
            f"landing zone {printable(landing)}: annotation files are read from a local folder; copy them to one and "
            "set `annotations` in the dataset file's source section"
        )
    return AnnotationFolder(folder / "annotations", ignore)


def identity(files: Sequence[Path], folder: Path) -> list[tuple[str, int, int]]:
    """What tells whether files are still the same: path below the folder, size in bytes, time of change in ns.

    Raises:
        SourceError: one of them cannot be looked at.
    """
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError as error:
            raise SourceError(f"{printable(str(file))}: cannot be read: {error.strerror}") from None
        found.append((os.fsdecode(file.relative_to(folder)), status.st_size, status.st_mtime_ns))
    return found


def parts_of(files: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Annotation files by what tables call them: their printable name, with its folder where several have the name."""
    times = Counter(file.name for file in files)
    return {printable(file.name if times[file.name] == 1 else str(file.relative_to(folder))): file for file in files}
