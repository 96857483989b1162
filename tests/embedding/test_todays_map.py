"""Days of a map: what is on it stays where it is until it is fitted anew, and then moves little."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import obstore
import polars as pl
import pytest
from obstore.store import MemoryStore

from image_assets.embedding.alignment import displacement
from image_assets.embedding.kept_fit import KeptFits
from image_assets.embedding.map_table import MapTable
from image_assets.embedding.reduction import Reduction
from image_assets.embedding.todays_map import MapOfToday, MapSettings, todays_map
from image_assets.embedding.tsne import fit_places
from image_assets.schema import EMBEDDING
from image_assets.settings.stages import Embedding
from tests.embedding.synthetic import EXTRACTOR, clusters, feature_rows, streamed

FEATURES, KIND = clusters(800, kinds=9)
OLD_KINDS = np.flatnonzero(KIND < 8)
NEW_KIND = np.flatnonzero(KIND == 8)


@dataclass
class Days:
    """A dataset whose map is made day by day."""

    spec: Embedding = field(default_factory=Embedding)
    store: MemoryStore = field(default_factory=MemoryStore)
    images: pl.DataFrame = field(default_factory=lambda: feature_rows(FEATURES[:0], KIND[:0]))
    table: pl.DataFrame = field(default_factory=EMBEDDING.no_rows)

    def copy(self) -> Days:
        """As it is, for another future."""
        store = MemoryStore()
        for page in obstore.list(self.store):
            for one in page:
                obstore.put(store, one["path"], bytes(obstore.get(self.store, one["path"]).bytes()))
        return Days(self.spec, store, self.images, self.table)

    def add(self, rows: np.ndarray) -> None:
        new = [feature_rows(FEATURES[row : row + 1], KIND[row : row + 1], int(row)) for row in rows]
        self.images = pl.concat([self.images, *new])

    def make(self) -> MapOfToday:
        features = streamed(self.images)
        settings = MapSettings(self.spec, EXTRACTOR)
        made = todays_map(features, MapTable.of(self.table, self.spec.dimensions), KeptFits(self.store), settings)
        self.table = made.table.rows(features.labels)
        return made

    def places(self) -> dict[str, tuple[float, float]]:
        return {one: (x, y) for one, x, y in self.table.select("image_id", "x", "y").iter_rows()}


@pytest.fixture(scope="module")
def first_day() -> Days:
    days = Days()
    days.add(OLD_KINDS[:250])
    days.make()
    return days


def moved(before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]) -> float:
    both = sorted(before.keys() & after.keys())
    return displacement(np.array([before[one] for one in both]), np.array([after[one] for one in both])).median


def test_ten_days(first_day: Days) -> None:
    days, refits = first_day.copy(), 0
    for day in range(1, 11):
        before, begin = days.places(), 250 + 15 * (day - 1)
        days.add(OLD_KINDS[begin : begin + 15])
        if day == 6:
            days.add(NEW_KIND[:40])
        made, after = days.make(), days.places()
        assert len(after) == days.images.height
        assert made.trustworthiness > 0.85
        if day == 6:
            assert "made before there were images of 8" in made.because
            assert 0 < moved(before, after) <= 0.01
            assert made.moved is not None
            assert made.moved.median == pytest.approx(moved(before, after), rel=1e-3)
            refits += 1
        else:
            assert made.because == ""
            assert {one: after[one] for one in before} == before
    assert refits == 1
    assert days.table["how"].value_counts().sort("how").rows() == [("added", 60), ("fitted", 380)]


def test_a_map_from_scratch_moves_far_more_than_a_refit_may(first_day: Days) -> None:
    days = first_day.copy()
    before = days.places()
    days.add(OLD_KINDS[250:340])
    days.add(NEW_KIND[:40])
    features = streamed(days.images)
    vectors = features.of(np.arange(len(features)))
    scratch = fit_places(Reduction.of(vectors, 1).apply(vectors), Embedding(seed=1))
    after = dict(zip([one.decode() for one in features.ids], map(tuple, scratch.tolist()), strict=True))
    assert moved(before, after) > 0.05


def test_a_new_image_has_the_same_place_whatever_comes_with_it(first_day: Days) -> None:
    alone, together = first_day.copy(), first_day.copy()
    alone.add(OLD_KINDS[250:251])
    together.add(OLD_KINDS[250:300])
    alone.make()
    together.make()
    assert together.places().items() >= alone.places().items()


def test_the_order_of_the_rows_makes_no_difference() -> None:
    one, other = Days(Embedding(fit_points=100)), Days(Embedding(fit_points=100))
    one.add(OLD_KINDS[:130])
    other.add(OLD_KINDS[:130][::-1])
    one.make()
    other.make()
    assert one.table.equals(other.table)


def test_images_that_are_gone_leave_the_map_and_nothing_else_changes(first_day: Days) -> None:
    days = first_day.copy()
    before = days.places()
    days.images = days.images.tail(-20)
    assert days.make().because == ""
    assert len(days.places()) == 230
    assert before.items() >= days.places().items()


def test_a_day_of_nothing_new_gives_the_same_table(first_day: Days) -> None:
    days = first_day.copy()
    days.make()
    assert days.table.equals(first_day.table)


def changed_features(days: Days) -> str:
    row = days.images.row(0, named=True)
    other = feature_rows(-FEATURES[:1], np.array([row["label"]])).with_columns(image_id=pl.lit(row["image_id"]))
    days.images = pl.concat([other, days.images.tail(-1)])
    return row["image_id"]


def test_an_image_whose_features_changed_is_placed_anew_alone(first_day: Days) -> None:
    days = first_day.copy()
    before, changed = days.places(), changed_features(days)
    assert days.make().because == ""
    assert {one for one, place in days.places().items() if place != before[one]} == {changed}
    assert days.table.filter(image_id=changed)["how"].item() == "added"


@pytest.mark.parametrize("how", ["fitted", "added"])
def test_a_place_that_somebody_changed_is_mended(first_day: Days, how: str) -> None:
    days = first_day.copy()
    days.add(OLD_KINDS[250:260])
    days.make()
    sound = days.table
    edited = sound.filter(how=how)["image_id"][0]
    days.table = sound.with_columns(x=pl.when(pl.col("image_id") == edited).then(99).otherwise("x").cast(pl.Float32))
    days.make()
    assert days.table.equals(sound)


def test_features_that_the_map_has_never_seen_ask_for_a_refit(first_day: Days) -> None:
    days = first_day.copy()
    strange = feature_rows(FEATURES[NEW_KIND[:40]], np.zeros(40), first=10_000)
    days.images = pl.concat([days.images, strange])
    assert "unlike all that was fitted" in days.make().because


def test_twice_as_many_images_ask_for_a_refit_unless_no_more_can_be_fitted(first_day: Days) -> None:
    days = first_day.copy()
    days.add(OLD_KINDS[250:500])
    assert days.make().because == "500 images can be fitted, and 250 were"
    limited = Days(Embedding(fit_points=100))
    limited.add(OLD_KINDS[:110])
    limited.make()
    limited.add(OLD_KINDS[110:250])
    assert limited.make().because == ""
    assert limited.table["how"].value_counts().sort("how").rows() == [("added", 140), ("fitted", 100), ("placed", 10)]


def test_most_fitted_images_gone_ask_for_a_refit(first_day: Days) -> None:
    days = first_day.copy()
    days.images = days.images.head(120)
    assert days.make().because == "130 of the 250 fitted images are gone"


def fit_file(days: Days, ending: str) -> str:
    return f"fit-{days.table['fit'][0][:12]}.{ending}"


def cut(days: Days) -> None:
    name = fit_file(days, "npz")
    obstore.put(days.store, name, bytes(obstore.get(days.store, name).bytes())[:-100])


def altered_manifest(days: Days) -> None:
    name = fit_file(days, "json")
    content = bytes(obstore.get(days.store, name).bytes())
    obstore.put(days.store, name, content.replace(b'"version": 1', b'"version": 2'))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda days: obstore.delete(days.store, fit_file(days, "npz")), "npz is missing"),
        (lambda days: obstore.delete(days.store, fit_file(days, "json")), "json is missing"),
        (cut, "npz was altered"),
        (altered_manifest, "another version"),
    ],
    ids=["file missing", "manifest missing", "file cut", "of another version"],
)
def test_a_damaged_fit_is_told_and_the_map_is_fitted_anew_where_it_was(
    first_day: Days, damage: Callable[[Days], None], said: str
) -> None:
    days = first_day.copy()
    before = days.places()
    damage(days)
    made = days.make()
    assert said in made.because
    assert moved(before, days.places()) <= 0.01
    assert days.make().because == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"perplexity": 20}, "embedding.perplexity was 30.0"),
        ({"seed": 3}, "embedding.seed was 0"),
        ({"dimensions": 3}, "embedding.dimensions was 2"),
    ],
)
def test_other_settings_give_another_map(first_day: Days, change: dict[str, object], said: str) -> None:
    days = first_day.copy()
    days.spec = Embedding.model_validate(change)
    assert days.make().because == said
    assert days.table["z"].null_count() == (0 if days.spec.dimensions == 3 else 250)


def test_a_map_of_before_fits_were_kept_is_where_the_first_fit_begins(first_day: Days) -> None:
    days = first_day.copy()
    before = days.places()
    days.table = days.table.with_columns(
        pl.lit(None).cast(days.table.schema[name]).alias(name) for name in ("how", "fit", "seal")
    )
    assert days.make().because == "no fit of it was kept"
    assert moved(before, days.places()) <= 0.01


def test_only_the_fit_in_use_and_the_one_before_are_kept(first_day: Days) -> None:
    days = first_day.copy()
    for seed in (1, 2, 3):
        days.spec = Embedding(seed=seed)
        days.make()
    assert len([one for page in obstore.list(days.store) for one in page]) == 6  # with their regions
