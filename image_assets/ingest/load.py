"""Loading one partition: listed, hashed, told apart, decoded, committed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.engines.ending import EndsTheProcess
from image_assets.engines.engine import Engine
from image_assets.ingest.companions import companions
from image_assets.ingest.deduplicate import Repeat, plan_loading, settle_repeats
from image_assets.ingest.ending_images import EndingImages, refused_unread
from image_assets.ingest.fingerprint import Companion, Fingerprint, Fingerprints, Refusal, fingerprint
from image_assets.ingest.kept_units import cut_units
from image_assets.ingest.known_files import KnownFiles
from image_assets.ingest.let_go import QuarantineKept
from image_assets.ingest.loss import loaded_before, loaded_ids
from image_assets.ingest.removed_images import without_removed
from image_assets.ingest.source import Listing, Source, SourceChanged
from image_assets.ingest.units import LoadedUnit, Loader, load_units, refusal_batch, refusals_of
from image_assets.removal.tombstones import TombstoneBook
from image_assets.schema import ARRIVALS, COMPANIONS, DUPLICATES, QUARANTINE, RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import KeyIndex, image_index, original_index
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.workers import Progress, no_progress

_LOADED = ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, COMPANIONS


@dataclass(frozen=True)
class IngestTables:
    """The tables that loading a partition replaces, and the indices of two of them."""

    arrivals: PartitionedTable
    raw_images: PartitionedTable
    duplicates: PartitionedTable
    quarantine: PartitionedTable
    companions: PartitionedTable
    images: KeyIndex
    originals: KeyIndex
    known: KnownFiles
    tombstones: TombstoneBook
    kept: QuarantineKept
    ending: EndingImages

    @classmethod
    def of(cls, store: Store, dataset: DatasetSpec) -> IngestTables:
        """The tables of a dataset."""
        return cls(
            *(store.table_to_write(dataset, schema) for schema in _LOADED),
            images=image_index(store, dataset.name),
            originals=original_index(store, dataset.name),
            known=KnownFiles(store, dataset.name),
            tombstones=TombstoneBook(store, dataset.name),
            kept=QuarantineKept(store, dataset.name, dataset.tables.checkpoint_commits),
            ending=EndingImages(store, dataset.name),
        )


@dataclass(frozen=True)
class Ingest:
    """What a dataset's partitions are loaded with: where files come from, the tables they go to, who does the work."""

    dataset: DatasetSpec
    source: Source
    tables: IngestTables
    engine: Engine


@dataclass(frozen=True)
class IngestReport:
    """What became of a partition's files."""

    listed: int
    ignored: int
    loaded: int
    duplicates: int
    quarantined: dict[str, int]
    companions: int = 0
    unselected: int = 0
    gone: tuple[str, ...] = ()


def ingest_partition(
    partition: Partition,
    ingest: Ingest,
    progress: Progress = no_progress,
    *,
    allow_loss: bool = False,
    verify: bool = False,
) -> IngestReport:
    """Load the partition's files and replace its rows in all of the tables.

    Args:
        partition: Which.
        ingest: What it is loaded with.
        progress: Told of steps, two for every file.
        allow_loss: Whether images may go that were loaded.
        verify: Whether to read every file, also those that look as they did when they were last loaded.

    Raises:
        LossRefused: most of the images that it holds would be gone, and `allow_loss` is not set.
        SourceError: the source is not there.
        SourceChanged: a file changed while it was being loaded.
        CommitConflict: another run loaded the same partition meanwhile.
    """
    dataset, source, tables, engine = ingest.dataset, ingest.source, ingest.tables, ingest.engine
    listing = source.list_files(partition.date, partition.category)
    # Every file is looked at twice: once for its hash, once to be decoded.
    steps = 2 * len(listing.files)
    if verify:
        tables.known.forget(partition)
    tombstones = tables.tombstones.all()
    found = _looked_at(listing, partition, ingest, lambda done: progress(done, steps))
    listing, looked = without_removed(listing, found, tombstones)
    if verify:
        tables.ending.try_again({one.image_id for one in looked.known})
    ending = tables.ending.of(dataset.extractor)
    label = dataset.label_of(partition.category)
    loader = Loader(source, dataset.limits, partition, label, tables.raw_images, tables.quarantine)
    units: list[LoadedUnit] = []
    repeats: list[Repeat] = []
    gone: list[str] = []
    share = 0 if allow_loss else dataset.limits.keep_share

    def choose(loaded: Snapshot) -> list[WrittenFile]:
        nonlocal loader
        before = loaded_before(tables.raw_images, loaded, partition)
        prints = [one for one in looked.known if one.image_id not in ending]
        # Seen already before anything is decoded, where files are missing; again with what could be decoded.
        before.refuse_loss(len({one.image_id for one in prints}), len(listing.files), share)
        plan = plan_loading(prints, _originals(prints, tables.images, loaded.besides(partition)), partition)
        try:
            units[:] = load_units(
                cut_units(plan.to_load, loader, loaded),
                loader,
                engine,
                lambda done, _: progress(steps - len(plan.to_load) + done, steps),
            )
        except EndsTheProcess as found:
            tables.ending.keep(found.images)
            ending.update(tables.ending.of(dataset.extractor))
            loader = replace(loader, apart=True)
            return choose(loaded)
        repeats[:] = plan.repeats
        files = [unit.raw_images for unit in units]
        kept = loaded_ids(tables.raw_images, files) if before.images else set()
        elsewhere = {repeat.print.image_id for repeat in repeats if repeat.original != partition}
        before.refuse_loss(len(kept | elsewhere), len(listing.files), share)
        gone[:] = before.gone(kept | elsewhere)
        return files

    tables.images.cover(tables.raw_images.snapshot())
    tables.originals.cover(tables.duplicates.snapshot())
    try:
        loaded = tables.raw_images.replace_exclusively(partition, choose)
    except SourceChanged:
        tables.known.forget(partition)  # the next try believes nothing that it has not read
        raise
    progress(steps, steps)
    decoded_refusals = [refusal for unit in units for refusal in refusals_of(unit, loader, looked.known)]
    duplicates, also_refused = settle_repeats(repeats, decoded_refusals)
    unread = refused_unread(looked.known, ending)
    undecoded = sorted([*looked.refused, *also_refused, *unread], key=lambda refusal: refusal.file.source)
    _commit_the_rest(partition, tables, units, undecoded, duplicates)
    _commit_companions(partition, tables.companions, looked.companions)
    _commit_arrivals(partition, tables, listing)
    tables.known.keep(partition, looked.known)
    reasons = Counter(str(refusal.reason) for refusal in [*decoded_refusals, *undecoded])
    return IngestReport(
        len(listing.files),
        listing.ignored,
        loaded.rows,
        len(duplicates),
        dict(sorted(reasons.items())),
        len(looked.companions),
        listing.unselected,
        tuple(gone),
    )


def _looked_at(listing: Listing, partition: Partition, ingest: Ingest, progress: Callable[[int], None]) -> Fingerprints:
    """What the listed files are, by what is known of them or by their bytes; each in the order of the files."""
    named_after = companions(file.source for file in listing.files)
    limits = ingest.dataset.limits
    told = ingest.tables.known.tell(listing.files, partition, limits, named_after)
    looked = fingerprint(
        told.unknown,
        ingest.source,
        limits,
        ingest.engine,
        lambda done, _: progress(len(told.known) + done),
        named_after,
    )
    prints = sorted([*told.known, *looked.known], key=lambda one: one.file.source)
    return Fingerprints(prints, looked.refused, looked.companions)


def list_partition(
    partition: Partition, dataset: DatasetSpec, source: Source, store: Store, *, allow_loss: bool = False
) -> int:
    """Replace the partition's rows in `arrivals`, and load nothing; how many files there are. Raises as loading does.

    Until it is loaded too, its accounts say that files have arrived of which nothing has become.
    """
    listing = source.list_files(partition.date, partition.category)
    tables = IngestTables.of(store, dataset)
    before = loaded_before(tables.raw_images, tables.raw_images.snapshot(), partition)
    before.refuse_loss(len(listing.files), len(listing.files), 0 if allow_loss else dataset.limits.keep_share)
    listing, _ = without_removed(listing, Fingerprints([], [], []), tables.tombstones.all())
    _commit_arrivals(partition, tables, listing)
    return len(listing.files)


def _commit_arrivals(partition: Partition, tables: IngestTables, listing: Listing) -> None:
    rows = ((file.source, file.bytes) for file in listing.files)
    tables.arrivals.replace(partition, [tables.arrivals.write_rows(partition, rows)])


def _originals(
    prints: Sequence[Fingerprint], images: KeyIndex, elsewhere: Snapshot
) -> dict[str, tuple[Partition, str]]:
    wanted = pl.DataFrame({"image_id": [one.image_id for one in prints]}, schema={"image_id": pl.String})
    found = (
        images.find(wanted, elsewhere, ["source"]).sort("date", "category", "source").unique("image_id", keep="first")
    )
    return {i: (Partition(date, category), source) for i, source, date, category in found.iter_rows()}


def _commit_the_rest(
    partition: Partition,
    tables: IngestTables,
    units: Sequence[LoadedUnit],
    undecoded: Sequence[Refusal],
    duplicates: Sequence[Repeat],
) -> None:
    refused = pl.DataFrame(pl.from_arrow(refusal_batch(undecoded)))
    tables.quarantine.replace(
        partition, [*(unit.quarantine for unit in units), tables.quarantine.write_frame(partition, refused)]
    )
    tables.kept.loaded(partition)
    repeats = (
        (d.print.image_id, d.print.file.source, d.print.file.bytes, *astuple(d.original), d.original_source)
        for d in duplicates
    )
    tables.duplicates.replace(partition, [tables.duplicates.write_rows(partition, repeats)])


def _commit_companions(partition: Partition, table: PartitionedTable, found: Sequence[Companion]) -> None:
    # Most partitions have none, and most datasets no such table.
    if found or not table.snapshot().of(partition).files.is_empty():
        rows = ((one.file.source, one.file.bytes, one.picture) for one in found)
        table.replace(partition, [table.write_rows(partition, rows)])
