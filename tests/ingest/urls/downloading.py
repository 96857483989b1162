"""A source of one list of URLs, and what came of downloading it."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver

from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import SourceFile, SourceReadError
from image_assets.ingest.urls.source import UrlLists
from image_assets.settings.sources import UrlListSource
from image_assets.workers import no_progress

FIRST = dt.date(2026, 11, 3)
_PORT = re.compile(r":(\d{1,5})\b")
LOOPBACK = ("127.0.0.0/8",)
MAX_BYTES = 100_000
# Nothing waits longer than a test can bear.
QUICK: dict[str, Any] = {
    "kind": "url_list",
    "delay_seconds": 0,
    "backoff_seconds": 0,
    "download_seconds": 5,
    "connect_seconds": 2,
    "robots": False,
}


def write_list(path: Path, urls: Sequence[str], category: str = "cat") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
        writer = csv.writer(file)
        writer.writerow(["url", "category", "licence"])
        writer.writerows([url, category, "CC BY"] for url in urls)


@dataclass
class Arrived:
    """A source with a list `urls.csv`, all under the category `cat`."""

    source: UrlLists
    landing: Path

    @classmethod
    def of(cls, root: Path, urls: Sequence[str], settings: dict[str, Any]) -> Arrived:
        resolver: AbstractResolver | None = settings.pop("resolver", None)
        max_bytes = settings.pop("max_bytes", MAX_BYTES)
        ports = {80, *(int(port) for url in urls for port in _PORT.findall(url) if 0 < int(port) < 65_536)}
        defaults = QUICK | {"allow_addresses": LOOPBACK, "ports": sorted(ports)}
        spec = UrlListSource.model_validate(defaults | settings)
        landing = root / "landing"
        if not (listed := landing / str(FIRST) / "urls.csv").exists():  # a list that is written anew is another one
            write_list(listed, urls)
        return cls(UrlLists(LocalTree(landing), spec, root / "staging", max_bytes, resolver), landing)

    def fetch(self) -> Arrived:
        self.source.fetch(FIRST, "cat", no_progress)
        return self

    def files(self) -> list[SourceFile]:
        """The listed files in the order of their rows."""
        files = self.source.list_files(FIRST, "cat").files
        return sorted(files, key=lambda file: int(file.source.partition(" row ")[2].partition(":")[0]))

    def results(self) -> list[bytes | str]:
        """Per row the content, or the reason code of its failure."""
        return [self._result(file) for file in self.files()]

    def details(self) -> list[str]:
        """Per row what is said of its failure."""
        found = []
        for file in self.files():
            try:
                self.source.read(file, MAX_BYTES)
                found.append("")
            except SourceReadError as error:
                found.append(str(error))
        return found

    def _result(self, file: SourceFile) -> bytes | str:
        try:
            return self.source.read(file, self.source.max_bytes)
        except SourceReadError as error:
            return str(error.reason)
