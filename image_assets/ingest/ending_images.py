"""Images that are known to end the process which works at them, as the store keeps them: a record for each.

They are not decoded any more, whatever day they arrive on, and go to quarantine. One that ended the making of features
does so until the dataset has another extractor. `run --verify` has those of its days tried again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from image_assets.engines.at_work import notes_of, suspect
from image_assets.images.reasons import Reason
from image_assets.ingest.fingerprint import Fingerprint, Refusal
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.settings.stages import AnyExtractor
from image_assets.store.records import Records
from image_assets.store.store import Store

ENDING_IMAGES = "ends_the_process"
"""The folder of a dataset that holds the records."""


@dataclass(frozen=True)
class EndingImage:
    """An image that ends the process which works at it.

    Attributes:
        how: How the process ended, such as SIGSEGV.
        extractor: What made its features then, as the dataset file says it; None where decoding it was enough.
    """

    how: str
    extractor: dict | None = None

    @property
    def detail(self) -> str:
        """For a person."""
        what = "decodes it" if self.extractor is None else "makes its features"
        return f"twice, a process of its own that {what} ended: {self.how}"


class EndingImages:
    """Those of a dataset.

    Args:
        store: Where they are kept.
        dataset: Whose they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._store, self._dataset = store, dataset
        self._records = Records(store, dataset, ENDING_IMAGES)

    def of(self, extractor: AnyExtractor) -> dict[str, EndingImage]:
        """Those that end whoever decodes them, or makes features with this extractor, by their ids."""
        found = self._records.parsed(_ending)
        now = extractor.model_dump(mode="json")
        return {name: one for name, one in found.items() if one.extractor in (None, now)}

    def names(self) -> list[str]:
        """The ids of all that are kept, in no order."""
        return self._records.names()

    def keep(self, images: Mapping[str, str], extractor: AnyExtractor | None = None) -> None:
        """Keep images, by their ids, with how the process ended.

        Args:
            images: Which.
            extractor: What made their features; None where they were decoded.
        """
        made_with = extractor.model_dump(mode="json") if extractor is not None else None
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        for image_id, how in images.items():
            self._records.write(image_id, {"how": how, "extractor": made_with, "at": at})

    def try_again(self, image_ids: Collection[str]) -> None:
        """Know nothing of images any more, but for the suspicion: who comes to them tries each by itself first."""
        for image_id, one in [*self._records.all()]:
            if image_id in image_ids:
                table = RAW_IMAGES if one["extractor"] is None else IMAGE_FEATURES
                suspect(notes_of(self._store.location(self._dataset, table.name)), [image_id])
                self._records.remove(image_id)


def _ending(name: str, record: Mapping[str, Any]) -> EndingImage:
    del name  # the image's id
    return EndingImage(record["how"], record["extractor"])


def refused_unread(prints: Iterable[Fingerprint], ending: Mapping[str, EndingImage]) -> list[Refusal]:
    """Those of the files that are not to be decoded, as refusals."""
    return [
        Refusal(one.file, one.image_id, Reason.ENDS_THE_PROCESS, ending[one.image_id].detail)
        for one in prints
        if one.image_id in ending
    ]
