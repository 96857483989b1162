"""Attacks on model files (S4): each is refused, before anything of it is loaded where that can be told before.

Every attack comes with a negative control: what it does to somebody who loads the file without the safeguard.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import obstore
import pytest
import skops.io

from image_assets.store.models import skops_files
from image_assets.store.models.model_store import ModelRefusedError, champion_manifest, load_model
from tests.store.kept_models import PREFIX
from tests.store.model_attacks import ATTACKS, FEATURES, Nest


@pytest.fixture
def nest(tmp_path: Path) -> Nest:
    return Nest(tmp_path)


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused_and_the_canary_does_not_sing(nest: Nest, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack, _, said, is_parsed = ATTACKS[name]
    attack(nest)
    parsed, built = [], []
    real_parse, real_build = skops_files.parse_model, skops.io.loads
    monkeypatch.setattr(skops_files, "parse_model", lambda content: parsed.append(1) or real_parse(content))
    monkeypatch.setattr(skops.io, "loads", lambda *given, **more: built.append(1) or real_build(*given, **more))
    with pytest.raises(ModelRefusedError, match=said):
        load_model(nest.store, PREFIX, "abc123")
    assert not nest.sang()
    assert bool(parsed) is is_parsed
    # The pickle in an array is the only one whose types are all as they should be.
    assert bool(built) is (name == "pickle within an array, vouched for")


@pytest.mark.parametrize("name", ATTACKS)
def test_without_the_safeguard_it_works(nest: Nest, name: str) -> None:
    assert ATTACKS[name][1](nest)


def test_the_model_that_nobody_attacked_is_loaded(nest: Nest) -> None:
    model, manifest = load_model(nest.store, PREFIX, "abc123")
    assert manifest == nest.manifest == champion_manifest(nest.store, PREFIX)
    assert np.array_equal(model.predict_proba(FEATURES), nest.model.predict_proba(FEATURES))


def test_a_model_of_another_extractor_is_refused_before_it_is_read(nest: Nest) -> None:
    obstore.delete(nest.store, f"{PREFIX}/{nest.manifest.file}")
    with pytest.raises(ModelRefusedError, match="not on those of def456"):
        load_model(nest.store, PREFIX, "def456")
