"""Where reports are kept, and how what was kept is read; light, for checks and commands."""

from __future__ import annotations

from obstore.store import ObjectStore

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


def report_name(sha256: str, ending: str) -> str:
    """Name of the report of the model file with that SHA-256: `html` the page, `md` the card, `MISTAKES`."""
    return f"classifier-{sha256[:12]}.{ending}"


def newest_name(ending: str) -> str:
    """Name of the newest report."""
    return f"classifier.{ending}"


def baselines_name(sha256: str) -> str:
    """Name of what was measured beside the model file with that SHA-256."""
    return report_name(sha256, "json")


def read_report(objects: ObjectStore, dataset: str, name: str) -> bytes:
    """A file of a dataset's reports.

    Raises:
        ReportMissingError: there is none of that name.
    """
    key = f"{reports_prefix(dataset)}/{name}"
    content = content_of(objects, key)
    if content is None:
        raise ReportMissingError(
            f"{key}: there is no report; materialise classifier, with classifier.report.enabled in the dataset file"
        )
    return content
