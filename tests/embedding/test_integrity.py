"""How well fitted images stand for all: a fair sample does, one that lacks a category or lies elsewhere is caught."""

from __future__ import annotations

import numpy as np
import pytest

from image_assets.embedding.integrity import integrity
from image_assets.embedding.kept_fit import KeptFits
from image_assets.settings.stages import Embedding
from tests.embedding.test_todays_map import OLD_KINDS, Days

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.choice(5, 4_000, p=[0.5, 0.3, 0.1, 0.06, 0.04])
MIDDLES = np.array([[0, 0], [9, 0], [0, 30], [70, 5], [-40, -60]])
PLACES = MIDDLES[LABELS] + RANDOM.normal(size=(4_000, 2))
FAIR = np.arange(4_000) % 5 == 0


def test_a_fair_sample_stands_for_all() -> None:
    found = integrity(LABELS, FAIR, PLACES, LABELS)
    assert found.faults({}) == []
    assert found.fitted == 0.2
    assert found.least_category > 0.7
    assert found.regions_off < 0.05
    assert found.order == pytest.approx(1)
    everything = integrity(LABELS, np.ones(4_000, bool), PLACES, LABELS)
    assert (everything.fitted, everything.least_category, everything.regions_off) == (1, 1, 0)


def test_a_sample_that_drops_a_category_is_caught() -> None:
    found = integrity(LABELS, FAIR & (LABELS != 4), PLACES, LABELS)
    assert (found.missing, found.least_category) == ((4,), 0)
    assert found.faults({4: "newt"}) == ["no image of category newt was fitted"]
    assert found.regions_off > integrity(LABELS, FAIR, PLACES, LABELS).regions_off


def test_a_sample_whose_categories_lie_otherwise_is_caught() -> None:
    turned = np.array([3, 4, 0, 1, 2])
    places = np.where(FAIR[:, None], MIDDLES[turned[LABELS]], PLACES)
    found = integrity(LABELS, FAIR, places, LABELS)
    assert found.order is not None
    assert found.order < 0.8
    assert len(found.faults({})) == 1
    few = LABELS < 4
    assert integrity(LABELS[few], FAIR[few], PLACES[few], LABELS[few]).order is None


def test_an_undersampled_map_is_measured_beside_all_and_keeps_its_figures() -> None:
    days = Days(spec=Embedding(fit_points=250))
    days.add(OLD_KINDS[:500])
    made = days.make()
    found = made.integrity
    assert found.fitted == 0.5
    assert found.faults({}) == []
    assert found.order is not None
    assert found.order > 0.8
    assert found.trustworthiness is not None
    assert found.trustworthiness > 0.8
    assert found.recall is not None
    assert 0.2 < found.recall <= 1  # ten of 500 that are placed by fifteen of 250
    assert KeptFits(days.store).load(made.table.fit)[1].integrity == found
    days.add(OLD_KINDS[500:510])
    later = days.make().integrity
    assert (later.recall, later.trustworthiness) == (found.recall, found.trustworthiness)
    assert later.fitted == pytest.approx(250 / 510)
