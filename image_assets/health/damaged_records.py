"""Records of a dataset that cannot be read: what they said is not told, and must not be taken for well."""

from __future__ import annotations

from image_assets.health.acknowledged import Acknowledgements
from image_assets.health.check_book import CheckBook
from image_assets.ingest.day_book import DayBook
from image_assets.store.listing import Listing
from image_assets.store.store import Store


def damaged_records(store: Store, dataset: str, there: Listing | None = None) -> list[str]:
    """The files among days run, check results and acknowledgements that are none: cut, empty, or of other content.

    Args:
        store: Where they are.
        dataset: Whose they are.
        there: What lies in its folder, where that is known already.

    Returns:
        Their paths below the dataset's folder.
    """
    books = (book(store, dataset, there) for book in (DayBook, CheckBook, Acknowledgements))
    return [path for book in books for path in book.damaged()]
