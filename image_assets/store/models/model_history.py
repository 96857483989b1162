"""What was decided about models: a record per decision, `history/<day>-<12 digits>.json`.

A record is named by the latest day of the data and the model's digest, so that the same run again writes the same file.
Acts by hand carry their time in the name. Records stay when their models are removed.
"""

from __future__ import annotations

import datetime as dt
import json
from contextlib import suppress
from typing import Literal

import obstore
from obstore.store import ObjectStore
from pydantic import Field, ValidationError

from image_assets.settings.section import Sha256, Strict
from image_assets.store.models.model_champion import Promoted
from image_assets.store.models.model_files import DIGITS, object_key
from image_assets.store.objects import content_of, sizes_below

HISTORY = "history"

Refused = Literal["worse", "labels disagree", "unfit", "withdrawn"]
"""Why a model did not become the champion."""


class Decision(Strict):
    """One decision: a model was promoted, or why it was not. Ratios are shares of images, in [0, 1]."""

    format: Literal[1] = 1
    data_day: dt.date = Field(description="The latest day of the data.")
    challenger: Sha256 = Field(description="The model that was decided about.")
    candidate: str = Field(default="", description="Its kind, with its settings.")
    champion: Sha256 | None = Field(description="The champion at that time; null where there was none.")
    promoted: bool
    reason: Promoted | Refused | Literal["same model"]
    explanation: str = Field(description="The reason with its figures, for people.")
    images: int = Field(default=0, description="Held-out images on which both were compared.")
    challenger_accuracy: float | None = None
    champion_accuracy: float | None = Field(default=None, description="On the same images, null without a comparison.")
    gained: int = Field(default=0, description="Images that only the challenger got right.")
    lost: int = Field(default=0, description="Images that only the champion got right.")
    p_value: float | None = Field(
        default=None, description="Of McNemar's exact test, two-sided: as uneven by chance if both were equally good."
    )
    lower_bound: float | None = Field(
        default=None, description="What the difference of accuracies is above, with the confidence asked for (Tango)."
    )
    new_images: int = Field(default=0, description="Images of partitions that only the challenger was trained on.")
    disagreement: float | None = Field(
        default=None,
        description="Estimated share of wrong labels among these, see `promotion.gate.Agreement`.",
    )
    at: dt.datetime | None = Field(default=None, description="When, of what was done by hand.")

    @property
    def difference(self) -> float | None:
        """Accuracy of the challenger minus that of the champion."""
        if self.challenger_accuracy is None or self.champion_accuracy is None:
            return None
        return self.challenger_accuracy - self.champion_accuracy

    @property
    def name(self) -> str:
        """Name of the record's file."""
        time = f"-{self.at:%Y%m%dT%H%M%S%f}" if self.at else ""
        return f"{self.data_day}-{self.challenger[:DIGITS]}{time}.json"


def write_decision(store: ObjectStore, prefix: str, decision: Decision) -> None:
    """Keep a record.

    That the champion was trained once more is only written where nothing else is known of this model and day: the
    record of its promotion stays.
    """
    key = object_key(prefix, f"{HISTORY}/{decision.name}")
    if decision.reason == "same model" and content_of(store, key) is not None:
        return
    obstore.put(store, key, (json.dumps(decision.model_dump(mode="json"), indent=2) + "\n").encode())


def read_history(store: ObjectStore, prefix: str) -> list[Decision]:
    """All records, the oldest first; files that are no records are left out."""
    found: list[Decision] = []
    for path in sizes_below(store, object_key(prefix, f"{HISTORY}/")):
        with suppress(ValidationError):
            found.append(Decision.model_validate_json(content_of(store, path) or b""))
    return sorted(found, key=lambda one: (one.data_day, one.at or _BEFORE_ALL, one.challenger))


_BEFORE_ALL = dt.datetime.min.replace(tzinfo=dt.UTC)
