"""The benchmark of photos of other sources: what it judges, and by what, on features that are made up."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.other_sources import KINDS, Pictures, tried, ways
from tests.classifier.synthetic import of_sources


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Of twelve sets, with as many features as serve; those of the mirror images differ by noise."""
    rows = of_sources(12, seed=1)
    assert rows.source_sets is not None
    others = rows.features + np.random.default_rng(0).normal(size=rows.features.shape).astype(np.float32)
    names: list[str] = [*KINDS]
    plain, mirrored = (dict.fromkeys(names, features) for features in (rows.features, others))
    return Pictures(plain, mirrored, rows.labels, rows.source_sets.to_numpy())


def test_what_sources_choose_is_less_certain_of_its_mistakes(pictures: Pictures) -> None:
    plain, *_, chosen = (tried(pictures, pictures, KINDS[:1], way, 12, mirrored=False) for way in ways("root"))
    assert float(chosen["left out: ECE"]) < float(plain["left out: ECE"])
    assert float(chosen["left out: > .99"]) <= float(plain["left out: > .99"])
    assert float(chosen["T"]) > 1 == float(plain["T"])
    assert (plain["transform"], plain["mirrored"]) == ("root", "no")


def test_chips_are_judged_by_a_model_of_all_photos(pictures: Pictures) -> None:
    plain = ways("none")[0]
    itself = tried(pictures, pictures, KINDS[:1], plain, 3, mirrored=False)
    assert float(itself["chips: accuracy"]) == 1 > float(itself["left out: accuracy"])
    without = tried(pictures, None, KINDS[:1], plain, 3, mirrored=False)
    assert not [name for name in without if name.startswith("chips")]


def test_extractors_stand_side_by_side_and_mirror_images_are_averaged(pictures: Pictures) -> None:
    features = pictures.features(KINDS, mirrored=True)
    assert features.shape == (len(pictures.labels), 60 * len(KINDS))
    one, other = pictures.plain[KINDS[0]], pictures.mirrored[KINDS[0]]
    np.testing.assert_allclose(features[:, :60], (one + other) / 2)
