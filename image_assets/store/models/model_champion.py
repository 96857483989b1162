"""Which of the models is the current one: `champion.json`, switched in one conditional write."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Literal

import obstore
from obstore.store import ObjectStore
from pydantic import Field, ValidationError

from image_assets.settings.section import Sha256, Strict, faults_of
from image_assets.store.conditional_put import Stored, put_if_unchanged, read_stored
from image_assets.store.models.model_files import (
    DIGITS,
    LEGACY_MODEL_MANIFEST,
    ModelMissingError,
    ModelRefusedError,
    legacy_manifest,
    manifest_of,
    model_digests,
    object_key,
    put_model_manifest,
    remove_model,
)
from image_assets.store.objects import remove

CHAMPION = "champion.json"

Promoted = Literal["first", "better", "no worse", "not comparable", "not compared", "by hand", "rollback"]
"""Why a model became the champion."""


class Champion(Strict):
    """The current model, and how it came to be that."""

    format: Literal[1] = 1
    sha256: Sha256 = Field(description="SHA-256 of the current model's file, which is named by it.")
    since: dt.date = Field(description="The latest day of data when it became the champion.")
    reason: Promoted = Field(description="Why it became the champion.")
    replaced: Sha256 | None = Field(default=None, description="The champion before it, which a rollback goes back to.")
    latest: Sha256 = Field(description="The model that was trained last, whether it became the champion or not.")
    withdrawn: tuple[Sha256, ...] = Field(
        default=(), description="Models that were rolled back by hand; they are not promoted again by themselves."
    )
    at: dt.datetime | None = Field(default=None, description="When it was done, of what was done by hand.")

    def to_bytes(self) -> bytes:
        """The one JSON text of this state."""
        return (json.dumps(self.model_dump(mode="json"), indent=2) + "\n").encode()


@dataclass(frozen=True)
class SeenChampion:
    """The champion as it was read, for `switch`.

    Attributes:
        champion: None where there is none, or none that can be read.
        problem: Why it cannot be read.
        stored: What lay in the store.
    """

    champion: Champion | None
    problem: str = ""
    stored: Stored | None = None


def see_champion(store: ObjectStore, prefix: str) -> SeenChampion:
    """The champion, or why there is none; a store of before the history of models has its only model."""
    stored = read_stored(store, object_key(prefix, CHAMPION))
    if stored is not None:
        try:
            return SeenChampion(Champion.model_validate_json(stored.content), stored=stored)
        except ValidationError as error:
            said = f"{object_key(prefix, CHAMPION)} does not name a champion: {faults_of(error)}; train the model again"
            return SeenChampion(None, said, stored)
    try:
        manifest = legacy_manifest(store, prefix)
    except ModelRefusedError as error:
        return SeenChampion(None, str(error))
    if manifest is None:
        return SeenChampion(None)
    known = Champion(sha256=manifest.sha256, since=manifest.data_day, reason="first", latest=manifest.sha256)
    return SeenChampion(known)


def champion_state(store: ObjectStore, prefix: str) -> str | None:
    """What the store calls the present state of the file that names the champion; None where there is none.

    One small request: as long as the state is the same, so is the champion.
    """
    for name in (CHAMPION, LEGACY_MODEL_MANIFEST):
        try:
            found = obstore.head(store, object_key(prefix, name))
        except FileNotFoundError:
            continue
        return f"{name} {found['e_tag']} {found['last_modified']}"
    return None


def read_champion(store: ObjectStore, prefix: str) -> Champion:
    """The champion.

    Raises:
        ModelMissingError: no model has been saved under the prefix.
        ModelRefusedError: what names the champion cannot be read.
    """
    seen = see_champion(store, prefix)
    if seen.champion is None:
        if seen.problem:
            raise ModelRefusedError(seen.problem)
        raise ModelMissingError(f"{object_key(prefix, CHAMPION)}: there is no model; train one first")
    return seen.champion


def switch(store: ObjectStore, prefix: str, seen: SeenChampion, champion: Champion) -> None:
    """Make a model the champion, provided that the champion still is the one that was seen.

    The model's own files are there already. A store of before the history of models is brought into today's form: its
    model gets a manifest of its own before the switch, and what named it goes away after it.

    Args:
        store: Where models are kept.
        prefix: Folder of the dataset's models within the store.
        seen: What `see_champion` gave when the decision was made.
        champion: The new state.

    Raises:
        ChangedMeanwhileError: somebody else switched in the meantime; what they did stands.
    """
    if (
        seen.stored is None
        and seen.champion is not None
        and seen.champion.sha256[:DIGITS] not in model_digests(store, prefix)
    ):
        put_model_manifest(store, prefix, manifest_of(store, prefix, seen.champion.sha256))
    put_if_unchanged(store, object_key(prefix, CHAMPION), champion.to_bytes(), seen.stored)
    remove(store, object_key(prefix, LEGACY_MODEL_MANIFEST))


def prune_models(store: ObjectStore, prefix: str, champion: Champion, keep: int) -> list[str]:
    """Remove the oldest models beyond `keep`, by the latest day that they were trained on.

    The champion, the one before it and the model that was trained last stay in any case.

    Returns:
        The first 12 digits of the models that were removed.
    """
    digests = model_digests(store, prefix)
    if len(digests) <= keep:
        return []
    protected = {one[:DIGITS] for one in (champion.sha256, champion.replaced, champion.latest) if one}
    days: dict[str, dt.date] = {}
    for digits in digests:
        try:
            days[digits] = manifest_of(store, prefix, digits).data_day
        except (ModelRefusedError, ModelMissingError):
            days[digits] = dt.date.min
    # The protected ones count as the newest.
    ordered = sorted(digests, key=lambda digits: (digits in protected, days[digits], digits), reverse=True)
    gone = [digits for digits in ordered[keep:] if digits not in protected]
    for digits in gone:
        remove_model(store, prefix, digits)
    return gone
