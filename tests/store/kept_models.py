"""Models as the tests of the store keep them, and how their files are looked at and changed."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from typing import Any

import numpy as np
import obstore
from obstore.store import ObjectStore
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from image_assets.store.models.model_files import ModelManifest, manifest_name, put_model_manifest, seal_of
from image_assets.store.models.model_store import (
    ModelDescription,
    champion_manifest,
    ids_digest,
    read_champion,
)
from image_assets.store.models.sklearn_model import SklearnModel

PREFIX = "kingdoms/classifier"
WIDTH = 12


def fitted(seed: int = 0, width: int = WIDTH) -> SklearnModel:
    rng = np.random.default_rng(seed)
    features, labels = rng.normal(size=(60, width)).astype(np.float32), (np.arange(60) % 3).astype(np.int16)
    pipeline = Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())])
    return SklearnModel(pipeline.fit(features, labels))


def description(**changes: Any) -> ModelDescription:
    known: dict[str, Any] = {
        "dataset": "kingdoms",
        "kind": "logistic_regression",
        "classes": {"plant": 0, "animal": 1, "human": 2},
        "extractor": "efficientnet_lite0",
        "extractor_digest": "abc123",
        "feature_width": WIDTH,
        "partitions": [(dt.date(2026, 11, 20), "plant"), (dt.date(2026, 11, 20), "animal")],
        "training_ids_sha256": ids_digest(["a", "b"]),
        "held_out": 0.25,
        "metrics": {"accuracy": 0.98, "converged": True},
    }
    return ModelDescription(**{**known, **changes})


def files(store: ObjectStore) -> dict[str, bytes]:
    found = [entry["path"] for batch in obstore.list(store, PREFIX) for entry in batch]
    return {path.removeprefix(f"{PREFIX}/"): bytes(obstore.get(store, path).bytes()) for path in found}


def put(store: ObjectStore, name: str, content: bytes) -> None:
    obstore.put(store, f"{PREFIX}/{name}", content)


def champions_manifest(store: ObjectStore) -> str:
    return manifest_name(read_champion(store, PREFIX).sha256)


def rewrite_manifest(store: ObjectStore, **changes: Any) -> None:
    """Change the champion's manifest, with a seal that vouches for it where such a manifest can be sealed."""
    name = champions_manifest(store)
    manifest = {**json.loads(files(store)[name]), **changes}
    with contextlib.suppress(ValueError):
        manifest["seal"] = seal_of(ModelManifest(**{key: manifest[key] for key in manifest if key != "seal"}))
    put(store, name, json.dumps(manifest).encode())


def plant(store: ObjectStore, content: bytes) -> None:
    """Make a file the champion, with all that vouches for it: hash and seal are no help then."""
    digest = hashlib.sha256(content).hexdigest()
    manifest = champion_manifest(store, PREFIX).model_copy(
        update={"file": f"model-{digest[:12]}.skops", "sha256": digest}
    )
    put(store, manifest.file, content)
    put_model_manifest(store, PREFIX, manifest)
    champion = read_champion(store, PREFIX).model_copy(update={"sha256": digest})
    put(store, "champion.json", champion.to_bytes())
