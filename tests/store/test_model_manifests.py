"""A manifest vouches for one model of a format that is known, and is refused otherwise."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import obstore
import pytest

from image_assets.store.models.model_files import manifest_name
from image_assets.store.models.model_store import (
    ModelRefusedError,
    load_model,
)
from tests.store.kept_models import (
    PREFIX,
    WIDTH,
    champions_manifest,
    description,
    files,
    fitted,
    put,
    rewrite_manifest,
)
from tests.store.saving import save_model


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


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\xff\xfe", b"[]", b"null"])
def test_manifest_that_is_none(store, content):
    save_model(store, PREFIX, fitted(), description())
    put(store, champions_manifest(store), content)
    with pytest.raises(ModelRefusedError, match="not a manifest"):
        load_model(store, PREFIX)
