"""Removing images for good: what a removal knows, and its steps that need no run. All of them can be repeated.

The order: tombstones first, so that nothing comes in again; then the tables, from the last of the first stage to
`raw_images`; shards; what is left behind. What is made of the whole dataset is made again by a run in between, see the
command. A removal is finished once nothing of the dataset holds an id or a name any more: only then does its tombstone
say so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from image_assets.dataset import DatasetSpec
from image_assets.errors import UsageError
from image_assets.ingest.source import Source
from image_assets.removal.derived import publish_without, take_out_of_derived
from image_assets.removal.leftovers import remove_leftovers
from image_assets.removal.loaded import TakenOut, companions_of, files_of
from image_assets.removal.models import champions_among, made_anew, remove_models, remove_pages, still_there, trained_on
from image_assets.removal.tombstones import RemovedFile, Tombstone, TombstoneBook, digest_of
from image_assets.removal.traces import Sought
from image_assets.schema import Partition
from image_assets.store.store import Store


@dataclass(frozen=True)
class Removal:
    """A removal of images from a dataset, as it is to be done, or was begun.

    Attributes:
        dataset: The dataset.
        store: Its store.
        tombstones: One of each image.
    """

    dataset: DatasetSpec
    store: Store
    tombstones: Sequence[Tombstone]

    @classmethod
    def of(cls, dataset: DatasetSpec, store: Store, ids: Sequence[str], reason: str, now: dt.datetime) -> Removal:
        """The removal of images; one that was begun before is gone on with. Nothing is changed yet.

        Args:
            dataset: The dataset.
            store: Its store.
            ids: Of the images.
            reason: Why they are removed.
            now: With a time zone.

        Raises:
            UsageError: there is no such image.
        """
        known = TombstoneBook(store, dataset.name).all().by_id
        found = files_of(dataset, store, ids)
        tombstones = []
        for one in dict.fromkeys(ids):
            before, files = known.get(one), found.get(one, [])
            if before is None and not files and one not in known:
                raise UsageError(f"dataset {dataset.name} has no image {one!r}: give whole ids, as tables have them")
            files = [*files, *(file for file in (before.unfinished if before else ()) or () if file not in files)]
            partitions = {(file.date, file.category) for file in files} | {*(before.partitions if before else ())}
            names = {digest_of(file.source) for file in files} | {*(before.names if before else ())}
            names |= {digest_of(source) for source in companions_of(dataset, store, files)}
            trained = trained_on(store.objects(dataset.name), partitions) if found.get(one) else []
            tombstones.append(
                Tombstone(
                    image_id=one,
                    removed_on=before.removed_on if before else now.astimezone(dt.UTC).date(),
                    reason=before.reason if before else reason,
                    names=tuple(sorted(names)),
                    partitions=tuple(sorted(partitions)),
                    models=tuple(sorted({*trained, *(before.models if before else ())})),
                    unfinished=tuple(files),
                )
            )
        return cls(dataset, store, tombstones)

    @property
    def ids(self) -> list[str]:
        """Of the images."""
        return [one.image_id for one in self.tombstones]

    @property
    def files(self) -> list[RemovedFile]:
        """All of their files."""
        return [file for one in self.tombstones for file in one.unfinished or ()]

    @property
    def partitions(self) -> list[Partition]:
        """The days and categories of all of their files."""
        return sorted({Partition(*key) for one in self.tombstones for key in one.partitions})

    @property
    def models(self) -> list[str]:
        """The models that were trained when the images were there, and are still kept."""
        models = {name for one in self.tombstones for name in one.models}
        return still_there(self.store.objects(self.dataset.name), models)

    @property
    def sought(self) -> Sought:
        """What must not be found any more."""
        return Sought(self.ids, [file.source for file in self.files])

    def begin(self) -> None:
        """Keep the tombstones: from now on the images do not come in again, and the removal can be gone on with."""
        self._keep(self.tombstones)

    def take_out(self) -> None:
        """Take the images out of all tables, of what is published, and of what is kept besides."""
        taken = TakenOut(self.dataset, self.store, self.tombstones)
        for partition in self.partitions:
            taken.of(partition)
        take_out_of_derived(self.dataset, self.store, self.ids)
        publish_without(self.dataset, self.store, self.partitions, self.ids)
        remove_pages(self.store.objects(self.dataset.name), self.models)
        remove_leftovers(self.store, self.dataset.name, self.sought)

    def after_training(self) -> Removal:
        """Remove the models that were trained on the images, now that others were trained; what is left to be done.

        A champion stays, and what it is told by: see `champions`.
        """
        objects = self.store.objects(self.dataset.name)
        anew = made_anew(objects)
        kept = [one.model_copy(update={"models": tuple(sorted({*one.models} - anew))}) for one in self.tombstones]
        removal = Removal(self.dataset, self.store, kept)
        remove_models(objects, removal.models)
        left = [one.model_copy(update={"models": tuple(still_there(objects, one.models))}) for one in kept]
        self._keep(left)
        return Removal(self.dataset, self.store, left)

    @property
    def champions(self) -> list[str]:
        """The champions that were trained when the images were there."""
        return champions_among(self.store.objects(self.dataset.name), self.models)

    def end(self) -> list[str]:
        """Remove what is left behind, and finish the tombstones where nothing holds the images any more.

        Returns:
            The files of the dataset that still do.
        """
        left = remove_leftovers(self.store, self.dataset.name, self.sought)
        if not left:
            self._keep([one.model_copy(update={"unfinished": None}) for one in self.tombstones])
        return left

    def landed(self, source: Source) -> list[str]:
        """The files of the images that still lie where images arrive. Raises `SourceError`."""
        names = {name for one in self.tombstones for name in one.names}
        listings = (source.list_files(one.date, one.category) for one in self.partitions)
        return sorted(file.source for one in listings for file in one.files if digest_of(file.source) in names)

    def _keep(self, tombstones: Sequence[Tombstone]) -> None:
        book = TombstoneBook(self.store, self.dataset.name)
        for one in tombstones:
            book.write(one)
