"""A tree far away of which every file is fetched once, though loading looks at it twice: to hash and to decode it.

Between the two looks a file lies in staging. What is there is a convenience: where the disk is nearly full, or the
second look is on another machine, the file is fetched again.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from image_assets.ingest.source import FileTree, Listing, SourceFile
from image_assets.whole_files import write_whole
from image_assets.workers import Progress

_LEFT_FREE = 4 << 30
"""Bytes of the disk that are others'."""
_DIGEST_BYTES = 32
_KEPT_SECONDS = 24 * 3600
"""Files that were looked at once, as duplicates are, or of a run that was killed, are removed after this time."""


class ReadOnce:
    """A tree whose files are read from staging at the second look; in everything else as the tree within.

    Args:
        inner: Where the files are; their locators change with their content.
        url: Of the tree, which its locators begin at.
        staging: Local folder; it need not exist.
    """

    def __init__(self, inner: FileTree, url: str, staging: Path) -> None:
        self.inner, self.url = inner, url
        self.folder = staging / "objects"

    def folders(self, path: str) -> list[str]:
        """See `FileTree`."""
        return self.inner.folders(path)

    def loose_files(self, path: str) -> list[SourceFile]:
        """See `FileTree`."""
        return self.inner.loose_files(path)

    def fetch(self, path: str, progress: Progress) -> None:
        """As the tree within; what nobody came back for is removed."""
        before = time.time() - _KEPT_SECONDS
        with suppress(OSError):  # not there, or another run was faster
            for file in self.folder.iterdir():
                if file.stat().st_mtime < before:
                    file.unlink()
        self.inner.fetch(path, progress)

    def files(self, path: str) -> Listing:
        """See `FileTree`."""
        return self.inner.files(path)

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a listed file, fetched or, the second time, as it was fetched; see `Source.read`."""
        kept = self.folder / hashlib.sha256(f"{self.url}\n{file.locator}".encode(errors="surrogatepass")).hexdigest()
        if (found := _taken(kept)) is not None:
            return found
        content = self.inner.read(file, max_bytes)
        if len(content) == file.bytes:  # not what was cut at `max_bytes`
            self._keep(kept, content)
        return content

    def open(self, file: SourceFile) -> BinaryIO:
        """See `FileTree`."""
        return self.inner.open(file)

    def _keep(self, kept: Path, content: bytes) -> None:
        with suppress(OSError):  # a full disk, or one that may not be written, costs a second fetch
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free - len(content) > _LEFT_FREE:
                write_whole(kept, hashlib.sha256(content).digest() + content)


def _taken(kept: Path) -> bytes | None:
    """The content that was kept, which goes from there; None where there is none, or it is damaged."""
    with suppress(OSError):  # as a rule it is not there
        whole = kept.read_bytes()
        kept.unlink()
        digest, content = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
        return content if hashlib.sha256(content).digest() == digest else None
    return None
