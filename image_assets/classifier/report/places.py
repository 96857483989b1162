"""Where reports are kept, and how what was kept is read; light, for checks and commands."""

from __future__ import annotations

from obstore.store import ObjectStore

from image_assets.classifier.places import CLASSIFIER
from image_assets.errors import Explained
from image_assets.store.objects import content_of

REPORTS = "reports"
MISTAKES = "mistakes.json"
"""Ending of the file that holds a model's mistakes as the page shows them."""


class ReportMissingError(Explained, LookupError):
    """There is no report; the message says how to get one."""


def reports_prefix(dataset: str) -> str:
    """Folder of a dataset's reports below the store."""
    return f"{dataset}/{REPORTS}"


def report_name(sha256: str, ending: str, asset: str = CLASSIFIER) -> str:
    """Name of the report of the model file with that SHA-256: `html` the page, `md` the card, `MISTAKES`."""
    return f"{asset}-{sha256[:12]}.{ending}"


def newest_name(ending: str, asset: str = CLASSIFIER) -> str:
    """Name of the newest report of what an asset trains."""
    return f"{asset}.{ending}"


def baselines_name(sha256: str) -> str:
    """Name of what was measured beside the model file with that SHA-256."""
    return report_name(sha256, "json")


def read_report(objects: ObjectStore, dataset: str, name: str, asset: str = CLASSIFIER) -> bytes:
    """A file of a dataset's reports, of what an asset trains.

    Raises:
        ReportMissingError: there is none of that name.
    """
    key = f"{reports_prefix(dataset)}/{name}"
    content = content_of(objects, key)
    if content is None:
        how = ", with classifier.report.enabled in the dataset file" if asset == CLASSIFIER else ""
        raise ReportMissingError(f"{key}: there is no report; materialise {asset}{how}")
    return content
