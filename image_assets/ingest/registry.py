"""Which module a dataset file's `source:` means: a new way of arriving is a line here."""

from __future__ import annotations

from image_assets import dataset
from image_assets.ingest.folder import FolderSource
from image_assets.ingest.source import Source


def open_source(spec: dataset.FolderSource, landing: str) -> Source:
    """The source that a dataset file asks for.

    Args:
        spec: The dataset's `source` section; its own landing zone goes before `landing`.
        landing: Landing zone that the platform was started with.

    Raises:
        SourceError: the landing zone is of a kind that this source cannot open.
    """
    kinds = {"folder": FolderSource}
    return kinds[spec.kind](spec.landing or landing, spec.ignore)
