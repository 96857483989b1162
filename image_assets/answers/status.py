"""How is a dataset: what is loaded, how recent it is, what its checks say, what it takes, and what is damaged?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from image_assets.answers.arrivals import Arrivals, arrivals_of
from image_assets.answers.current_models import current_models
from image_assets.answers.damaged_shards import damaged_shards
from image_assets.answers.health import Health, health_of_listed
from image_assets.answers.loaded import PartitionFacts, partition_facts
from image_assets.answers.other_features import OtherFeatures, is_at_hand, other_features
from image_assets.classifier.familiarity_record import FAMILIARITY, familiarity_of_manifest
from image_assets.classifier.unseen import UNSEEN, unseen_of
from image_assets.dataset import DatasetSpec
from image_assets.features.errors import ExtractorError
from image_assets.health.check_book import CheckState
from image_assets.health.damaged_records import damaged_records
from image_assets.health.lost_tables import lost_rows, lost_tables
from image_assets.ingest.source import Source
from image_assets.model_assets import ModelAsset
from image_assets.store.listing import Listing
from image_assets.store.models.model_files import DIGITS, ModelManifest
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged, LostRows, LostTable
from image_assets.store.tables.store_damage import damaged_files
from image_assets.store.tables.versions import OtherVersion

_NAMES: dict[str, ModelAsset] = {"model": "classifier", "network": "cnn_classifier"}
"""What each asset's current model is called in the JSON."""


@dataclass(frozen=True)
class Status:
    """The status of a dataset.

    Attributes:
        loaded: What is loaded, in the order of days and categories.
        health: How it fares.
        damaged: Tables, files and records of the store that are missing, cut or of other content, each in one line.
        models: Of each asset that trains models the current one; None where there is none that can be read.
        other_features: Images whose features are of another extractor than the dataset file's; None where that is not
            known without fetching or loading what is no part of the platform.
    """

    loaded: tuple[PartitionFacts, ...]
    health: Health
    damaged: tuple[str, ...]
    models: Mapping[ModelAsset, ModelManifest | None] = field(default_factory=dict)
    other_features: OtherFeatures | None = None

    def as_json(self) -> dict[str, Any]:
        """The output of `image-assets status --json`."""
        loaded = [{**one.partition.as_json(), **one.as_json()} for one in self.loaded]
        models = {name: _figures_of(self.models.get(asset)) for name, asset in _NAMES.items()}
        whole = {"dataset": self.health.dataset, "partitions": loaded, **self.health.as_json(), **models}
        others = self.other_features.as_json() if self.other_features else None
        return {**whole, "damaged": list(self.damaged), "other_extractor": others}


def _figures_of(model: ModelManifest | None) -> dict[str, Any] | None:
    if model is None:
        return None
    unseen, record = unseen_of(model), familiarity_of_manifest(model)
    figures = {name: model.metrics.get(name) for name in ("accuracy", "macro_f1", "held_out")}
    told = {**figures, UNSEEN: unseen.figures() if unseen else None}
    told[FAMILIARITY] = record.model_dump(mode="json") if record else None
    return {"model": model.sha256[:DIGITS], "data_day": str(model.data_day), **told}


def status_of(dataset: DatasetSpec, store: Store, checks: Sequence[CheckState], source: Source | None) -> Status:
    """Gather the status of a dataset.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        checks: What its checks last found, the worst first.
        source: Where images arrive; None where that is not known, then what landed is not either.
    """
    there = Listing.of(store, dataset.name)
    return status_of_listed(dataset, store, checks, arrivals_of(dataset, store, source, there=there), there)


def status_of_listed(
    dataset: DatasetSpec, store: Store, checks: Sequence[CheckState], arrivals: Arrivals, there: Listing
) -> Status:
    """The same of a dataset whose folder was listed.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        checks: What its checks last found, the worst first.
        arrivals: What arrived.
        there: What lies in the dataset's folder.
    """
    lost = [
        LostTable.of(store.table(dataset.name, schema).url, len(partitions))
        for schema, partitions in lost_tables(there).items()
    ]
    damaged = tuple(str(one) for one in (*lost, *damaged_files(store, dataset.name, there)))
    damaged += _without_rows(dataset, store, there) if not damaged else ()
    damaged += tuple(_damaged_record(store, dataset, path) for path in damaged_records(store, dataset.name, there))
    loaded = tuple(partition_facts(dataset, store, there=there))
    models = current_models(dataset, store, there)
    health = health_of_listed(dataset, store, checks, arrivals, there)
    damaged += (*damaged_shards(dataset, store, loaded, there), *models.damaged)
    return Status(loaded, health, damaged, models.manifests, _other_features(dataset, store, there))


def _without_rows(dataset: DatasetSpec, store: Store, there: Listing) -> tuple[str, ...]:
    try:
        lost = lost_rows(store, dataset, there)
    except (Damaged, OtherVersion):  # which is told elsewhere
        return ()
    return tuple(
        str(LostRows.of(store.table(dataset.name, schema).url, partitions)) for schema, partitions in lost.items()
    )


def _damaged_record(store: Store, dataset: DatasetSpec, path: str) -> str:
    return (
        f"{store.url}/{dataset.name}/{path} is damaged, and what it said is not told; `image-assets repair` moves it "
        "aside, and a run of its day, or with --checks-only, writes it anew"
    )


def _other_features(dataset: DatasetSpec, store: Store, there: Listing) -> OtherFeatures | None:
    if not is_at_hand(dataset.extractor):
        return None
    try:
        return other_features(dataset, store, there)
    except (ExtractorError, Damaged):  # a run says the one; the other is among what is damaged
        return None
