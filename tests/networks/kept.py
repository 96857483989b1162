"""Networks that are kept in a store without a training, for tests of whoever asks them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from image_assets.dataset import DatasetSpec
from image_assets.networks.pixels import PixelForm
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.networks.presets import cnn
from image_assets.schema import Partition
from image_assets.store.models.model_champion import Champion, see_champion, switch
from image_assets.store.models.model_files import ModelDescription, ModelManifest, store_model
from image_assets.store.models.model_history import Decision, write_decision
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from tests.platform import FIRST, Platform, small_dataset

SIDE = 16
SECTION = {"size": SIDE, "epochs": 1, "batch": 16, "validation": 0.2}


def network_of(dataset: DatasetSpec, seed: int = 0) -> NetworkModel:
    """A network of a dataset that has learnt nothing."""
    spec = dataset.networks.cnn_classifier
    assert spec is not None
    form, labels = PixelForm.of(spec), sorted(dataset.categories.values())
    about = NetworkDescription(
        preset="separable",
        size=spec.size,
        colour=spec.colour,
        classes=tuple(labels),
        temperature=1.0,
        trained_rows=9,
        converged=True,
    )
    return NetworkModel(cnn("separable", form.shape, len(labels), seed), about)


def keep_network(platform: Platform, seed: int = 0, learnt: Sequence[Partition] = ()) -> ModelManifest:
    """Keep one as the champion, as if it had learnt from these partitions."""
    dataset, objects = platform.dataset, platform.store.objects()
    model, prefix = network_of(dataset, seed), cnn_prefix(dataset)
    form = PixelForm(model.about.size, model.about.colour)
    description = ModelDescription(
        dataset=dataset.name,
        kind=CNN_CLASSIFIER,
        candidate=f"separable, {form.name}, seed {seed}",
        classes=dict(dataset.categories),
        extractor=form.name,
        extractor_digest=form.digest,
        feature_width=SIDE * SIDE * 3,
        partitions=[(one.date, one.category) for one in learnt],
        training_ids_sha256="0" * 64,
        held_out=0.2,
        metrics={"accuracy": 0.25 + seed / 100, "macro_f1": 0.2, "majority_accuracy": 0.2, "held_out": 30},
    )
    manifest = store_model(objects, prefix, model, description)
    seen = see_champion(objects, prefix)
    before = seen.champion.sha256 if seen.champion else None
    champion = Champion(
        sha256=manifest.sha256,
        since=FIRST,
        reason="better" if before else "first",
        replaced=before,
        latest=manifest.sha256,
    )
    switch(objects, prefix, seen, champion)
    decision = Decision(
        data_day=FIRST + dt.timedelta(seed),
        challenger=manifest.sha256,
        champion=before,
        promoted=True,
        reason=champion.reason,
        explanation=f"kept by a test, {champion.reason}",
    )
    write_decision(objects, prefix, decision)
    return manifest


def with_networks(platform: Platform, root: Path, **changes: object) -> Platform:
    """A copy of a platform whose dataset asks for a network; it has none yet."""
    dataset = small_dataset(networks={CNN_CLASSIFIER: SECTION}, **changes)
    return Platform(dataset, platform.copy_to(root).root)
