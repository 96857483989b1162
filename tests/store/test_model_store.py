from __future__ import annotations

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
from obstore.store import MemoryStore, ObjectStore
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from image_assets.store.models import model_files, model_store
from image_assets.store.models.model_files import manifest_name
from image_assets.store.models.model_store import (
    ModelDescription,
    ModelMissingError,
    ModelRefusedError,
    champion_manifest,
    ids_digest,
    load_model,
    read_champion,
)
from image_assets.store.models.skops_files import UnsafeModelError, dump_model, parse_model
from tests.store.kept_models import (
    PREFIX,
    WIDTH,
    description,
    files,
    fitted,
    plant,
    put,
)
from tests.store.saving import save_model


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
    assert read == manifest == champion_manifest(store, PREFIX)
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
        "import hashlib; from tests.store.kept_models import fitted;"
        "from image_assets.store.models.skops_files import dump_model;"
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
    assert champion_manifest(store, PREFIX) == second
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
    old, champion = champion_manifest(store, PREFIX), read_champion(store, PREFIX)
    new = save_model(store, PREFIX, fitted(1), description())
    model_files.remove_model(store, PREFIX, old.sha256)
    read_before, seen_before = iter([old]), iter([champion])
    real_read, real_champion = model_store.champion_manifest, model_store.read_champion
    monkeypatch.setattr(model_store, "champion_manifest", lambda *where: next(read_before, None) or real_read(*where))
    assert load_model(store, PREFIX)[1] == new
    monkeypatch.setattr(model_store, "champion_manifest", real_read)
    monkeypatch.setattr(model_store, "read_champion", lambda *where: next(seen_before, None) or real_champion(*where))
    assert champion_manifest(store, PREFIX) == new


@pytest.mark.parametrize("name", ["manifest.json", "champion.json"])
def test_a_broken_file_of_the_champion_does_not_keep_a_new_model_out(store, name):
    put(store, name, b"{")
    with pytest.raises(ModelRefusedError, match=name):
        champion_manifest(store, PREFIX)
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


def test_other_steps_than_those_of_a_model_are_refused():
    with pytest.raises(UnsafeModelError, match="steps scale, expected scale, classify or scale, known, classify or"):
        parse_model(skops.io.dumps(Pipeline([("scale", StandardScaler())])))


def test_ids_digest_is_of_the_set_not_of_the_order():
    assert ids_digest(["b", "a"]) == ids_digest(["a", "b"]) != ids_digest(["ab"])
