"""Models that were trained when a removed image was among the images: which these are, and their files going.

A model's manifest names the days and categories that it was trained on, and a digest of the images, not these. So every
model of the day and category counts as trained on the image, until one that is trained without it turns out to be the
same. What weights have learnt cannot be taken out of them; the model itself can go.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator

from obstore.store import ObjectStore

from image_assets.classifier.report.places import REPORTS
from image_assets.model_assets import MODEL_ASSETS
from image_assets.networks.denoising.record import DENOISING
from image_assets.store.models.model_champion import Champion, see_champion, switch
from image_assets.store.models.model_files import (
    DIGITS,
    ModelMissingError,
    ModelRefusedError,
    manifest_of,
    model_digests,
    remove_model,
)
from image_assets.store.objects import remove, sizes_below


def trained_on(objects: ObjectStore, partitions: Collection[tuple[dt.date, str]]) -> list[str]:
    """The models of any of these days and categories, as `classifier/<12 digits>`.

    One whose manifest cannot be read counts as one of them.

    Args:
        objects: Rooted at the dataset's folder.
        partitions: Days and categories.
    """
    found = []
    for folder in MODEL_ASSETS:
        for digits in model_digests(objects, folder):
            try:
                manifest = manifest_of(objects, folder, digits)
            except (ModelRefusedError, ModelMissingError):
                manifest = None
            if manifest is None or not {*manifest.partitions}.isdisjoint(partitions):
                found.append(f"{folder}/{digits}")
    return found


def made_anew(objects: ObjectStore) -> set[str]:
    """The models that were trained last: where all was made again, they were trained without what is gone."""
    return {f"{folder}/{one.latest[:DIGITS]}" for folder, one in _champions(objects)}


def champions_among(objects: ObjectStore, models: Iterable[str]) -> list[str]:
    """Those of the models that are champions."""
    current = {f"{folder}/{one.sha256[:DIGITS]}" for folder, one in _champions(objects)}
    return sorted(current.intersection(models))


def still_there(objects: ObjectStore, models: Iterable[str]) -> list[str]:
    """Those of the models that are kept."""
    there = {f"{folder}/{digits}" for folder in MODEL_ASSETS for digits in model_digests(objects, folder)}
    return sorted(there.intersection(models))


def remove_models(objects: ObjectStore, models: Collection[str]) -> None:
    """Remove models with their reports, but for a champion, and the one that was trained last of such a champion.

    A champion that would be rolled back to one of them is told that there is none before it.
    """
    for folder, champion in _champions(objects):
        gone = {one.removeprefix(f"{folder}/") for one in models if one.startswith(f"{folder}/")}
        gone -= {champion.sha256[:DIGITS], champion.latest[:DIGITS]}
        if champion.replaced is not None and champion.replaced[:DIGITS] in gone:
            seen = see_champion(objects, folder)
            if seen.champion is not None:
                switch(objects, folder, seen, seen.champion.model_copy(update={"replaced": None}))
        for digits in sorted(gone):
            remove_model(objects, folder, digits)


def remove_pages(objects: ObjectStore, models: Collection[str]) -> None:
    """Remove what shows pictures: the reports of models, the newest ones, and a denoising network with its own."""
    digits = {one.rpartition("/")[2] for one in models}
    for path in sizes_below(objects, f"{REPORTS}/"):
        name = path.removeprefix(f"{REPORTS}/")
        of_model = next((part for part in name.replace(".", "-").split("-") if part in digits), None)
        if of_model is not None or "-" not in name:
            remove(objects, path)
    remove(objects, *sizes_below(objects, f"{DENOISING}/"))


def _champions(objects: ObjectStore) -> Iterator[tuple[str, Champion]]:
    for folder in MODEL_ASSETS:
        champion = see_champion(objects, folder).champion
        if champion is not None:
            yield folder, champion
