"""Archives made for the tests, of every format that is opened, and what became of them."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from backports import zstd

from image_assets.ingest.archives.tree import UnpackedTree
from image_assets.ingest.day_folders import DayFolders
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import SourceReadError
from image_assets.settings.arrivals import Archives
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.workers import no_progress

DAY = dt.date(2026, 11, 20)
FORMATS = ("zip", "tar", "tar.gz", "tgz", "tar.bz2", "tbz2", "tar.xz", "txz", "tar.zst", "tzst")
Entries = Iterable[tuple[str | tarfile.TarInfo | zipfile.ZipInfo, bytes]]


def archive(form: str, entries: Entries) -> bytes:
    """An archive of a format; entries are names, or headers, with contents."""
    return zipped(entries) if form == "zip" else compressed(form, tarred(entries))


def zipped(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for entry, content in entries:
            assert not isinstance(entry, tarfile.TarInfo)
            made.writestr(entry, content)
    return buffer.getvalue()


def tarred(entries: Entries, form: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as made:
        for entry, content in entries:
            header = entry if isinstance(entry, tarfile.TarInfo) else tarfile.TarInfo(str(entry))
            if header.isreg():
                header.size = len(content)
            made.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def compressed(form: str, content: bytes) -> bytes:
    match form:
        case "tar.gz" | "tgz":
            return gzip.compress(content)
        case "tar.bz2" | "tbz2" | "tbz":
            return bz2.compress(content)
        case "tar.xz" | "txz":
            return lzma.compress(content)
        case "tar.zst" | "tzst":
            return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})
        case _:
            return content


class Landed:
    """A landing zone with one category, `plant`, and staging beside it."""

    def __init__(self, root: Path, **caps: float | bool) -> None:
        self.root = root
        self.plants = root / "landing" / str(DAY) / "plant"
        self.plants.mkdir(parents=True, exist_ok=True)
        self.staging = root / "staging"
        ignore = no_arrivals()
        tree = LocalTree(root / "landing", ignore)
        self.tree = UnpackedTree(tree, self.staging, Archives.model_validate(caps), ignore)
        self.source = DayFolders(self.tree, ("plant", "animal"))

    def put(self, name: str, content: bytes) -> None:
        path = self.plants / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def fetch(self) -> None:
        self.source.fetch(DAY, "plant", no_progress)

    def outcome(self) -> tuple[dict[str, bytes], dict[str, str], int]:
        """After fetching: contents and reasons by provenance below the category's folder, and what is ignored."""
        self.fetch()
        listing = self.source.list_files(DAY, "plant")
        assert [file.source for file in listing.files] == sorted({file.source for file in listing.files})
        good: dict[str, bytes] = {}
        bad: dict[str, str] = {}
        for file in listing.files:
            file.source.encode("utf-8")
            name = file.source.removeprefix(f"{DAY}/plant/")
            try:
                good[name] = self.source.read(file, 1 << 40)
                assert len(good[name]) == file.bytes
            except SourceReadError as error:
                bad[name] = str(error.reason)
        return good, bad, listing.ignored
