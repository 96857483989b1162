"""The source `url_list`: every row of a day's lists is a file."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections import Counter
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path

from aiohttp.abc import AbstractResolver

from image_assets.ingest.day_folders import days_of, misnamed_days
from image_assets.ingest.source import FileTree, Listing, SourceFile, Unplaced
from image_assets.ingest.urls.download import Downloads
from image_assets.ingest.urls.kept import Kept
from image_assets.ingest.urls.lists import LIST_SUFFIXES, NO_CATEGORY, ListedUrl, is_list, rows
from image_assets.settings.sources import UrlListSource
from image_assets.workers import Progress

# Part of what stands for lists and settings: raised whenever another answer may come, so that what was refused for good
# is tried again.
_VERSION = 2
_READ = ", ".join(LIST_SUFFIXES)


class UrlLists:
    """Lists of URLs anywhere below `<day>/`; what they name is downloaded into staging.

    Args:
        tree: Where the lists lie.
        settings: Of the source.
        staging: Folder for what is downloaded.
        max_bytes: Largest content, bytes.
        resolver: What resolves names, before the guard; default: the system's resolver.
    """

    def __init__(
        self,
        tree: FileTree,
        settings: UrlListSource,
        staging: Path,
        max_bytes: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self.tree = tree
        self.settings = settings
        self.staging = staging
        self.max_bytes = max_bytes
        self._resolver = resolver

    def days(self) -> list[dt.date]:
        """Days that have a folder, ascending. Raises `SourceError` as `days_of`."""
        return days_of(self.tree, "<day>/ with lists in it")

    def misnamed(self) -> dict[str, dt.date]:
        """Folders that mean a day and are named otherwise."""
        return misnamed_days(self.tree)

    def beside_days(self, categories: Collection[str]) -> list[str]:
        """Lists beside the folders of days; the folder that a list lies in means nothing."""
        del categories
        return [file.source for file in self.tree.loose_files("") if is_list(file)]

    def categories(self, day: dt.date) -> list[str]:
        """The categories that the day's lists name, sorted; and, told as such, what of the day can be in none: files
        that are no lists or have no rows, and rows without a category.
        """
        lists, others, _ = self._lists(day)
        found = {f"{one.source} (no list: {_READ} are read)" for one in others}
        for one in lists:
            named: set[str] = set()
            nameless = first = 0
            for row in rows(self.tree, one, self.settings):
                if row.category == NO_CATEGORY:
                    nameless, first = nameless + 1, first or row.row
                else:
                    named.add(row.category)
            if nameless:
                named.add(f"{one.source} ({nameless:,} rows without a category, the first is row {first:,})")
            found |= named or {f"{one.source} (a list without rows)"}
        return sorted(found)

    def unplaced(self, day: dt.date, categories: Collection[str]) -> Unplaced:
        """Rows of other categories, and the files that are no lists or have no rows."""
        lists, _, _ = self._lists(day)
        rows_of = Counter(row.category for row in self._rows(lists) if row.category not in categories)
        names = [name for name in self.categories(day) if name not in categories]
        return Unplaced(tuple(names), rows_of.total() + sum(name not in rows_of for name in names))

    def fetch(self, day: dt.date, category: str, progress: Progress) -> None:
        """Download what is not here yet, and try again what failed and can pass.

        Raises:
            SourceError: a list cannot be read, or what is downloaded cannot be kept.
        """
        self.tree.fetch(day.isoformat(), progress)
        lists, _, _ = self._lists(day)
        total = sum(1 for _ in self._rows(lists, category))
        if total:
            downloads = Downloads(
                self.settings,
                self._kept(day.isoformat()),
                self.max_bytes,
                self._basis(lists),
                uuid.uuid4().hex,
                self._resolver,
            )
            downloads.run(self._rows(lists, category), total, progress)

    def list_files(self, day: dt.date, category: str) -> Listing:
        """A file for every row under a category, whether it could be downloaded or not."""
        lists, others, ignored = self._lists(day)
        describe = partial(_describe, self._kept(day.isoformat()), day.isoformat())
        files = (describe(row) for row in self._rows(lists, category))
        return Listing(tuple(sorted(files, key=lambda file: file.source)), ignored + len(others))

    def read(self, file: SourceFile, max_bytes: int) -> bytes:
        """The content of a row's URL; see `Source`."""
        day, _, key = file.locator.partition("/")
        return self._kept(day).read(key, file.source, max_bytes)

    def _lists(self, day: dt.date) -> tuple[list[SourceFile], list[SourceFile], int]:
        """The day's lists, other files that lie beside them, and how many entries the patterns leave out."""
        found = self.tree.files(day.isoformat())
        lists = [file for file in found.files if is_list(file)]
        return lists, [file for file in found.files if not is_list(file)], found.ignored

    def _rows(self, lists: list[SourceFile], category: str | None = None) -> Iterator[ListedUrl]:
        for one in lists:
            for row in rows(self.tree, one, self.settings):
                if category is None or row.category == category:
                    yield row

    def _kept(self, day: str) -> Kept:
        return Kept(self.staging / "urls" / day)

    def _basis(self, lists: list[SourceFile]) -> str:
        """Stands for the lists, all settings and how they are asked for."""
        settings = [str(_VERSION), self.settings.model_dump_json(), str(self.max_bytes)]
        content = [*settings, *(f"{f.source} {f.version}" for f in lists)]
        return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _describe(kept: Kept, day: str, row: ListedUrl) -> SourceFile:
    size, version = kept.described(row.key)
    return SourceFile(row.source, size, version, f"{day}/{row.key}")
