from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
import skops.io
from obstore.store import LocalStore, MemoryStore, ObjectStore
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from image_assets.store.models import model_files, model_store
from image_assets.store.models.model_files import ModelManifest, manifest_name, put_manifest, seal_of
from image_assets.store.models.model_store import (
    ModelDescription,
    ModelMissingError,
    ModelRefusedError,
    ids_digest,
    load_model,
    read_champion,
    read_manifest,
)
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import UnsafeModelError, dump_model, parse_model
from tests.store.saving import save_model

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


@pytest.fixture(params=["memory", "local"])
def store(request, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store", mkdir=True)


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
    manifest = read_manifest(store, PREFIX).model_copy(update={"file": f"model-{digest[:12]}.skops", "sha256": digest})
    put(store, manifest.file, content)
    put_manifest(store, PREFIX, manifest)
    champion = read_champion(store, PREFIX).model_copy(update={"sha256": digest})
    put(store, "champion.json", champion.to_bytes())


def rezip(content: bytes, **replaced: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            target.writestr(name, replaced.get(name.replace(".", "_"), source.read(name)))
    return buffer.getvalue()


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.write_text, (self.path, "sang"))


def test_what_is_saved_is_loaded(store):
    model, saved = fitted(), description()
    manifest = save_model(store, PREFIX, model, saved)
    loaded, read = load_model(store, PREFIX, extractor_digest="abc123")
    features = np.random.default_rng(5).normal(size=(20, WIDTH)).astype(np.float32)
    assert np.array_equal(loaded.predict_proba(features), model.predict_proba(features))
    assert read == manifest == read_manifest(store, PREFIX)
    assert read.model_dump(include=set(ModelDescription.model_fields)) == saved.model_dump()
    assert read.libraries["scikit-learn"]


def test_an_empty_prefix_is_the_root_of_the_store():
    store = MemoryStore()
    save_model(store, "", fitted(), description())
    assert load_model(store, "")[1].dataset == "kingdoms"


def test_saving_again_changes_nothing(store):
    save_model(store, PREFIX, fitted(), description())
    before = files(store)
    save_model(store, PREFIX, fitted(), description())
    assert files(store) == before


def test_model_is_the_same_bytes_in_another_process():
    script = (
        "import hashlib; from tests.store.test_model_store import fitted, dump_model;"
        "print(hashlib.sha256(dump_model(fitted())).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == hashlib.sha256(dump_model(fitted())).hexdigest()


def test_another_model_gets_another_name_and_takes_the_place_of_the_first_which_is_kept(store):
    first = save_model(store, PREFIX, fitted(0), description())
    second = save_model(store, PREFIX, fitted(1), description())
    assert first.file != second.file
    names = {name for one in (first, second) for name in (one.file, manifest_name(one.sha256))}
    assert set(files(store)) == {*names, "champion.json"}
    assert read_manifest(store, PREFIX) == second
    assert read_champion(store, PREFIX).replaced == first.sha256


@pytest.mark.parametrize("moment", ["skops", "json", "champion.json"])
def test_a_run_killed_before_the_switch_leaves_the_old_model(store, moment, monkeypatch):
    first = save_model(store, PREFIX, fitted(0), description())
    real_put = obstore.put

    def killed(store: ObjectStore, key: str, content: bytes, **more: Any) -> None:
        if key.endswith(moment):
            raise KeyboardInterrupt
        real_put(store, key, content, **more)

    monkeypatch.setattr(model_files.obstore, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        save_model(store, PREFIX, fitted(1), description())
    assert load_model(store, PREFIX)[1] == first


def test_a_reader_that_is_overtaken_gets_the_new_model(store, monkeypatch):
    save_model(store, PREFIX, fitted(0), description())
    old, champion = read_manifest(store, PREFIX), read_champion(store, PREFIX)
    new = save_model(store, PREFIX, fitted(1), description())
    model_files.remove_model(store, PREFIX, old.sha256)
    read_before, seen_before = iter([old]), iter([champion])
    real_read, real_champion = model_store.read_manifest, model_store.read_champion
    monkeypatch.setattr(model_store, "read_manifest", lambda *where: next(read_before, None) or real_read(*where))
    assert load_model(store, PREFIX)[1] == new
    monkeypatch.setattr(model_store, "read_manifest", real_read)
    monkeypatch.setattr(model_store, "read_champion", lambda *where: next(seen_before, None) or real_champion(*where))
    assert read_manifest(store, PREFIX) == new


@pytest.mark.parametrize("name", ["manifest.json", "champion.json"])
def test_a_broken_file_of_the_champion_does_not_keep_a_new_model_out(store, name):
    put(store, name, b"{")
    with pytest.raises(ModelRefusedError, match=name):
        read_manifest(store, PREFIX)
    saved = save_model(store, PREFIX, fitted(), description())
    assert load_model(store, PREFIX)[1] == saved


def test_no_model_is_told_apart_from_a_bad_one(store):
    with pytest.raises(ModelMissingError, match="train one first"):
        load_model(store, PREFIX)


def test_missing_file(store):
    manifest = save_model(store, PREFIX, fitted(), description())
    obstore.delete(store, f"{PREFIX}/{manifest.file}")
    with pytest.raises(ModelRefusedError, match=f"{manifest.file} is missing"):
        load_model(store, PREFIX)


@pytest.mark.parametrize("position", [0, 500, -30])
def test_altered_bytes(store, position):
    manifest = save_model(store, PREFIX, fitted(), description())
    altered = bytearray(files(store)[manifest.file])
    altered[position] ^= 1
    put(store, manifest.file, bytes(altered))
    with pytest.raises(ModelRefusedError, match=f"{manifest.file} was altered"):
        load_model(store, PREFIX)


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>404</html>"])
def test_something_else_instead_of_the_model(store, content):
    manifest = save_model(store, PREFIX, fitted(), description())
    put(store, manifest.file, content)
    with pytest.raises(ModelRefusedError, match="was altered"):
        load_model(store, PREFIX)
    plant(store, content)
    with pytest.raises(ModelRefusedError, match="not a skops file"):
        load_model(store, PREFIX)


def test_truncated_model(store):
    content = dump_model(fitted())
    save_model(store, PREFIX, fitted(), description())
    plant(store, content[: len(content) // 2])
    with pytest.raises(ModelRefusedError, match="not a skops file"):
        load_model(store, PREFIX)


def test_malicious_pickle_never_runs(store, tmp_path):
    canary = tmp_path / "canary"
    content = pickle.dumps(Canary(canary))
    save_model(store, PREFIX, fitted(), description())
    plant(store, content)
    with pytest.raises(ModelRefusedError, match="not a skops file"):
        load_model(store, PREFIX)
    assert not canary.exists()
    pickle.loads(content)
    assert canary.exists(), "the canary must be able to sing, or the test shows nothing"


def test_pickle_within_an_array_never_runs(store, tmp_path):
    canary = tmp_path / "canary"
    buffer = io.BytesIO()
    np.save(buffer, np.array([Canary(canary)], dtype=object), allow_pickle=True)
    save_model(store, PREFIX, fitted(), description())
    plant(store, rezip(dump_model(fitted()), **{"1_npy": buffer.getvalue()}))
    with pytest.raises(ModelRefusedError, match="a damaged skops file"):
        load_model(store, PREFIX)
    assert not canary.exists()
    np.load(io.BytesIO(buffer.getvalue()), allow_pickle=True)
    assert canary.exists(), "the canary must be able to sing, or the test shows nothing"


def test_functions_in_a_skops_file_never_run(store):
    foreign = Pipeline([("scale", FunctionTransformer(os.system)), ("classify", LogisticRegression())])
    save_model(store, PREFIX, fitted(), description())
    plant(store, skops.io.dumps(foreign))
    with pytest.raises(ModelRefusedError, match=r"holds .*\.system, .*FunctionTransformer"):
        load_model(store, PREFIX)


def test_types_beyond_our_list_are_refused_even_where_skops_trusts_them():
    foreign = skops.io.dumps(Pipeline([("scale", MinMaxScaler())]))
    assert skops.io.get_untrusted_types(data=foreign) == []
    with pytest.raises(UnsafeModelError, match="MinMaxScaler"):
        parse_model(foreign)


def test_trusted_types_under_a_foreign_loader_are_refused():
    schema = json.loads(zipfile.ZipFile(io.BytesIO(dump_model(fitted()))).read("schema.json"))
    schema["__loader__"] = "ConstructorFromReduceNode"
    with pytest.raises(UnsafeModelError, match="ConstructorFromReduceNode"):
        parse_model(rezip(dump_model(fitted()), schema_json=json.dumps(schema).encode()))


@pytest.mark.parametrize(
    "schema", [b"[]", b"{}", b"null", b"\xff", b'{"__loader__": "ObjectNode"}', b"[" * 100_000, b'{"__loader__": {}}']
)
def test_nonsense_schemas_are_refused(schema):
    with pytest.raises(UnsafeModelError):
        parse_model(rezip(dump_model(fitted()), schema_json=schema))


def test_other_objects_than_a_pipeline_are_refused():
    with pytest.raises(UnsafeModelError, match="expected a scikit-learn Pipeline"):
        parse_model(skops.io.dumps(StandardScaler()))


def test_a_pipeline_that_was_never_fitted_is_refused(store):
    save_model(store, PREFIX, fitted(), description())
    plant(store, skops.io.dumps(Pipeline([("scale", StandardScaler()), ("classify", LogisticRegression())])))
    with pytest.raises(ModelRefusedError, match="not a fitted classifier"):
        load_model(store, PREFIX)


def test_manifest_of_another_model(store):
    save_model(store, PREFIX, fitted(0), description())
    elsewhere = save_model(store, "elsewhere", fitted(1), description())
    content = bytes(obstore.get(store, f"elsewhere/{manifest_name(elsewhere.sha256)}").bytes())
    put(store, champions_manifest(store), content)
    with pytest.raises(ModelRefusedError, match="is the manifest of another model"):
        load_model(store, PREFIX)


@pytest.mark.parametrize(
    "changes",
    [{"feature_width": WIDTH + 1}, {"classes": {"plant": 0, "animal": 1}}, {"classes": {"a": 7, "b": 8, "c": 9}}],
)
def test_manifest_that_does_not_describe_the_model(store, changes):
    save_model(store, PREFIX, fitted(), description())
    rewrite_manifest(store, **changes)
    with pytest.raises(ModelRefusedError, match="its manifest says"):
        load_model(store, PREFIX)


def test_features_of_another_extractor(store):
    save_model(store, PREFIX, fitted(), description())
    with pytest.raises(ModelRefusedError, match=r"efficientnet_lite0 abc123, not on those of def456"):
        load_model(store, PREFIX, extractor_digest="def456")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format": 2}, "format"),
        ({"surprise": 1}, "surprise"),
        ({"file": "../../secrets.skops"}, "is named model-"),
        ({"sha256": "0" * 64}, "is named model-000000000000"),
        ({"sha256": "x"}, "sha256"),
        ({"feature_width": "many"}, "feature_width"),
    ],
)
def test_manifest_of_another_format(store, changes, problem):
    save_model(store, PREFIX, fitted(), description())
    rewrite_manifest(store, **changes)
    with pytest.raises(ModelRefusedError, match=rf"model-.*\.json is not a manifest .*{problem}"):
        load_model(store, PREFIX)


def before_formats(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest as it was written when all models were of one format: sealed, and with no word of it."""
    content = {name: value for name, value in manifest.items() if name not in ("seal", "model_format")}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "seal": hashlib.sha256(text.encode()).hexdigest()}


def test_manifest_and_file_name_say_the_format(store):
    saved = save_model(store, PREFIX, fitted(), description())
    name = champions_manifest(store)
    assert json.loads(files(store)[name])["model_format"] == "skops"
    assert saved.file.endswith(".skops")


def test_a_manifest_of_before_there_were_formats_is_of_a_skops_file(store):
    saved = save_model(store, PREFIX, fitted(), description())
    name = champions_manifest(store)
    old = before_formats(json.loads(files(store)[name]))
    put(store, name, json.dumps(old).encode())
    assert load_model(store, PREFIX)[1] == saved
    put(store, name, json.dumps({**old, "kind": "random_forest"}).encode())
    with pytest.raises(ModelRefusedError, match="was altered"):
        load_model(store, PREFIX)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"model_format": "pickle"}, "model_format"), ({"file": "model-{}.pickle"}, "a skops file .* is named model-")],
)
def test_a_format_that_is_not_known_is_refused(store, changes, problem):
    saved = save_model(store, PREFIX, fitted(), description())
    rewrite_manifest(store, **{key: value.format(saved.sha256[:12]) for key, value in changes.items()})
    with pytest.raises(ModelRefusedError, match=problem):
        load_model(store, PREFIX)


def test_other_steps_than_those_of_a_model_are_refused():
    with pytest.raises(UnsafeModelError, match="steps scale, expected scale and classify"):
        parse_model(skops.io.dumps(Pipeline([("scale", StandardScaler())])))


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\xff\xfe", b"[]", b"null"])
def test_manifest_that_is_none(store, content):
    save_model(store, PREFIX, fitted(), description())
    put(store, champions_manifest(store), content)
    with pytest.raises(ModelRefusedError, match="not a manifest"):
        load_model(store, PREFIX)


def test_ids_digest_is_of_the_set_not_of_the_order():
    assert ids_digest(["b", "a"]) == ids_digest(["a", "b"]) != ids_digest(["ab"])
