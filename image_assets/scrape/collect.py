"""Pages become a list of URLs, as the source `url_list` takes it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from image_assets.scrape.browser import CollectError, open_browser
from image_assets.scrape.gallery import FoundImage, HowToCollect, collect_page
from image_assets.settings.section import name_problem
from image_assets.whole_files import write_whole

COLUMNS = ("url", "category", "page", "width", "height", "alt")


@dataclass(frozen=True)
class CollectReport:
    """What came of the pages.

    Attributes:
        images: Distinct URLs in the list.
        notes: Of pages that were left before their end, which and why.
        failed: Of pages that could not be collected, which and why.
    """

    images: int
    notes: tuple[str, ...]
    failed: tuple[str, ...]


def collect_urls(
    pages: Sequence[str],
    category: str,
    out: Path,
    how: HowToCollect = HowToCollect(),  # noqa: B008  # frozen
    *,
    sandbox: bool = True,
    progress: Callable[[int], None] | None = None,
) -> CollectReport:
    """Write the images of gallery pages as a list of URLs, each once.

    Args:
        pages: URLs of the pages.
        category: Of all images.
        out: CSV file with the columns `COLUMNS`; it appears whole, over one that is there, and not at all where no
            page could be collected.
        how: Which images of each page count, and where it is left.
        sandbox: Whether the browser's sandbox is used.
        progress: Called with the number of images so far.

    Raises:
        CollectError: no category name, no browser, or the list cannot be written.
    """
    if problem := name_problem(category):
        raise CollectError(f"category {category!r}: {problem}")
    if not out.absolute().parent.is_dir():
        raise CollectError(f"{out}: there is no folder {out.parent}")
    found: dict[str, FoundImage] = {}
    notes, failed = list[str](), list[str]()
    with open_browser(sandbox=sandbox) as browser:
        for page in pages:
            before = len(found)
            say = None if progress is None else lambda done, before=before: progress(before + done)
            try:
                gallery = collect_page(browser, page, how, say)
            except CollectError as error:
                failed.append(str(error))
                continue
            for image in gallery.images:
                found.setdefault(image.url, image)
            if gallery.stopped_by:
                notes.append(f"{page}: stopped after {gallery.stopped_by}; there may be more")
    if len(failed) < len(pages):
        _write(out, category, list(found.values()))
    return CollectReport(len(found), tuple(notes), tuple(failed))


def _write(out: Path, category: str, images: Sequence[FoundImage]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for image in images:
        writer.writerow((image.url, category, image.page, image.width or "", image.height or "", image.alt))
    try:
        write_whole(out, text.getvalue().encode())
    except OSError as error:
        raise CollectError(f"{out}: cannot be written: {error.strerror}") from None
