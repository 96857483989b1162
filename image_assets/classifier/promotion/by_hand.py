"""What a person does with the models of a dataset: looks, promotes one, goes back to the one before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from obstore.store import ObjectStore

from image_assets.errors import Explained
from image_assets.store.conditional_put import ChangedMeanwhileError
from image_assets.store.models.model_champion import Champion, SeenChampion, read_champion, see_champion, switch
from image_assets.store.models.model_files import (
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    load_model_of,
    manifest_of,
    model_digests,
)
from image_assets.store.models.model_history import Decision, read_history, write_decision

_LEAST_DIGITS = 4


class ModelCommandError(Explained, ValueError):
    """What was asked for cannot be done with these models: the message says why, and what to do."""


@dataclass(frozen=True)
class KeptModel:
    """A model that is kept.

    Attributes:
        asset: That trained it: the folder that it lies in.
        digits: The first 12 digits of its digest.
        manifest: None where it cannot be read.
        problem: Why not.
        role: `champion`, `predecessor`, `withdrawn` or nothing.
        decision: The last one about it, None where there is no record.
    """

    asset: str
    digits: str
    manifest: ModelManifest | None
    problem: str
    role: str
    decision: Decision | None

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets models show --json`."""
        return {
            "asset": self.asset,
            "model": self.digits,
            "role": self.role,
            "problem": self.problem,
            "manifest": self.manifest.model_dump(mode="json") if self.manifest else None,
            "decision": decision_as_json(self.asset, self.decision) if self.decision else None,
        }


def decision_as_json(asset: str, decision: Decision) -> dict[str, Any]:
    """A decision on a model of an asset, as programs are told of it."""
    return {"asset": asset, **decision.model_dump(mode="json")}


def kept_models(objects: ObjectStore, prefix: str) -> list[KeptModel]:
    """All models, the newest day of data first. Raises `ModelCommandError` where there is none."""
    seen = see_champion(objects, prefix)
    digests = set(model_digests(objects, prefix))
    if seen.champion is not None:
        digests.add(seen.champion.sha256[:12])
    if not digests:
        raise ModelCommandError(f"{prefix}: there is no model; run a day first (image-assets run)")
    decisions = {one.challenger[:12]: one for one in read_history(objects, prefix)}
    found = []
    for digits in digests:
        manifest, problem = None, ""
        try:
            manifest = manifest_of(objects, prefix, digits)
        except (ModelRefusedError, ModelMissingError) as error:
            problem = str(error)
        asset = prefix.rpartition("/")[2]
        found.append(KeptModel(asset, digits, manifest, problem, _role(seen, digits), decisions.get(digits)))
    return sorted(found, key=lambda one: (_day(one), one.role == "champion", one.digits), reverse=True)


def find_model(objects: ObjectStore, prefix: str, beginning: str) -> str:
    """The first 12 digits of the only model whose digest begins so; the champion's for `champion`.

    Raises:
        ModelCommandError: none or several do, or that is too little to go by.
        ModelMissingError, ModelRefusedError: there is no champion that can be read.
    """
    if beginning == "champion":
        return read_champion(objects, prefix).sha256[:12]
    if len(beginning) < _LEAST_DIGITS:
        raise ModelCommandError(f"{beginning!r}: give at least {_LEAST_DIGITS} digits of the model's digest")
    names = [one.digits for one in kept_models(objects, prefix)]
    matching = [name for name in names if name.startswith(beginning[:12].lower())]
    if len(matching) != 1:
        which = f"{len(matching)} models begin so" if matching else "there is no such model"
        raise ModelCommandError(f"{beginning}: {which}; there are {', '.join(names)}")
    return matching[0]


def promote_model(
    objects: ObjectStore,
    prefix: str,
    beginning: str,
    extractor_digest: str,
    classes: Mapping[str, int],
    now: dt.datetime,
) -> Champion:
    """Make a model the champion, whatever the tests say; the next challenger must match it.

    Args:
        objects: The store.
        prefix: Folder of the dataset's models.
        beginning: The beginning of the model's digest.
        extractor_digest: Of the dataset's present extractor, or of the form of a network's pictures.
        classes: The dataset's present categories.
        now: Is recorded.

    Raises:
        ModelCommandError: it is the champion already, cannot be loaded, or takes another extractor's features or
            answers with other classes; or the champion was switched at the same moment.
    """
    digits = find_model(objects, prefix, beginning)
    seen = see_champion(objects, prefix)
    manifest = _usable(objects, prefix, digits, extractor_digest, classes)
    before = seen.champion
    if before is not None and before.sha256 == manifest.sha256:
        raise ModelCommandError(f"{digits} is the champion already")
    champion = Champion(
        sha256=manifest.sha256,
        since=_newest_day(objects, prefix, manifest),
        reason="by hand",
        replaced=before.sha256 if before else None,
        latest=before.latest if before else manifest.sha256,
        withdrawn=tuple(one for one in before.withdrawn if one != manifest.sha256) if before else (),
        at=now,
    )
    return _switched(objects, prefix, seen, champion, manifest, "promoted by hand")


def roll_back(
    objects: ObjectStore, prefix: str, extractor_digest: str, classes: Mapping[str, int], now: dt.datetime
) -> Champion:
    """Make the champion's predecessor the champion again; the model that is left is not promoted again by itself.

    Args:
        objects: The store.
        prefix: Folder of the dataset's models.
        extractor_digest: As of `promote_model`.
        classes: The dataset's present categories.
        now: Is recorded.

    Raises:
        ModelCommandError: there is no predecessor, or it cannot be used; or the champion was switched at the same
            moment.
        ModelMissingError, ModelRefusedError: there is no champion that can be read.
    """
    seen = see_champion(objects, prefix)
    before = seen.champion or read_champion(objects, prefix)
    if before.replaced is None:
        raise ModelCommandError(
            f"{before.sha256[:12]} has no predecessor that is kept; promote a model by its digest "
            "(image-assets models list names them)"
        )
    manifest = _usable(objects, prefix, before.replaced[:12], extractor_digest, classes)
    champion = Champion(
        sha256=manifest.sha256,
        since=_newest_day(objects, prefix, manifest),
        reason="rollback",
        replaced=_replaced_by(objects, prefix, manifest.sha256),
        latest=before.latest,
        withdrawn=(*(one for one in before.withdrawn if one != manifest.sha256), before.sha256),
        at=now,
    )
    return _switched(objects, prefix, seen, champion, manifest, f"rolled back from {before.sha256[:12]}")


def _usable(
    objects: ObjectStore, prefix: str, digits: str, extractor_digest: str, classes: Mapping[str, int]
) -> ModelManifest:
    try:
        _, manifest = load_model_of(objects, prefix, digits, extractor_digest)
    except (ModelRefusedError, ModelMissingError) as error:
        raise ModelCommandError(f"{digits} cannot be promoted: {error}") from error
    if manifest.classes != dict(classes):
        raise ModelCommandError(
            f"{digits} cannot be promoted: it was trained for {manifest.classes}, the dataset file says "
            f"{dict(classes)}; train a new one (image-assets run)"
        )
    return manifest


def _switched(
    objects: ObjectStore,
    prefix: str,
    seen: SeenChampion,
    champion: Champion,
    manifest: ModelManifest,
    explanation: str,
) -> Champion:
    accuracy = manifest.metrics.get("accuracy")
    decision = Decision(
        data_day=champion.since,
        challenger=champion.sha256,
        candidate=manifest.candidate,
        champion=seen.champion.sha256 if seen.champion else None,
        promoted=True,
        reason=champion.reason,
        explanation=explanation,
        # On the held-out images of its own day: these were not compared.
        challenger_accuracy=float(accuracy) if isinstance(accuracy, int | float) else None,
        at=champion.at,
    )
    try:
        switch(objects, prefix, seen, champion)
    except ChangedMeanwhileError:
        raise ModelCommandError(
            "another run made its model the champion at this moment, and nothing was changed; look at "
            "`image-assets models list` and decide again"
        ) from None
    write_decision(objects, prefix, decision)
    return champion


def _newest_day(objects: ObjectStore, prefix: str, manifest: ModelManifest) -> dt.date:
    """The latest day of data that anything is known of: when this is decided."""
    return max([one.data_day for one in read_history(objects, prefix)], default=manifest.data_day)


def _replaced_by(objects: ObjectStore, prefix: str, sha256: str) -> str | None:
    """Which champion a model took the place of when it was last promoted, where that one is still kept."""
    for one in reversed(read_history(objects, prefix)):
        if one.promoted and one.challenger == sha256 and one.reason != "rollback":
            kept = one.champion is not None and one.champion[:12] in model_digests(objects, prefix)
            return one.champion if kept else None
    return None


def _role(seen: SeenChampion, digits: str) -> str:
    champion = seen.champion
    if champion is None:
        return ""
    if champion.sha256.startswith(digits):
        return "champion"
    if any(one.startswith(digits) for one in champion.withdrawn):
        return "withdrawn"
    return "predecessor" if champion.replaced and champion.replaced.startswith(digits) else ""


def _day(kept: KeptModel) -> dt.date:
    return kept.manifest.data_day if kept.manifest else dt.date.min
