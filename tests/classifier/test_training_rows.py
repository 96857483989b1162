"""From a real Delta table to a matrix on disk: the rows of `feature_table`, only the partitions asked for."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.classifier.training.images import undisputed
from image_assets.classifier.training.matrix_file import NoRoomError, temporary_matrix
from image_assets.classifier.training.row_index import RowIndex, row_index
from image_assets.classifier.training.training_rows import streamed_rows
from image_assets.features.table import MixedExtractors, UnusableFeaturesError, feature_table
from image_assets.schema import Partition
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model_store import ids_digest
from image_assets.store.store import Store
from tests.classifier.feature_tables import (
    KIND,
    NO_CONFLICTS,
    NO_GROUPS,
    day,
    feature_rows,
    groups_of,
    scan,
    write_partitions,
)
from tests.store_files import files_at

DAYS, IMAGES = 4, 90


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("store")))
    write_partitions(store, feature_rows(DAYS, IMAGES))
    return store


def index_of(rows: pl.LazyFrame, groups: pl.LazyFrame = NO_GROUPS, share: float = 0.25) -> RowIndex:
    return row_index(rows, NO_CONFLICTS, groups, KIND.digest, Classifier(held_out=share))


def test_the_rows_are_those_of_the_feature_table(store: Store) -> None:
    expected = feature_table(undisputed(scan(store), NO_CONFLICTS), KIND.digest)
    index = index_of(scan(store))
    seen: list[tuple[int, int]] = []
    with streamed_rows(scan(store), index, KIND.width, lambda *one: seen.append(one)) as matrix:
        np.testing.assert_array_equal(matrix.whole(), expected.features)
        some = np.array([0, 5, 6, 300])
        np.testing.assert_array_equal(matrix.take(some), expected.features[some])
        np.testing.assert_array_equal(
            np.concatenate([matrix.read(*span) for span in matrix.spans(77)]), expected.features
        )
        path = matrix.path
    assert not path.exists()
    assert index.image_ids.to_list() == expected.image_ids.to_list()
    np.testing.assert_array_equal(index.labels, expected.labels)
    keys = scan(store).select("date", "category").unique().collect()
    assert index.partitions() == sorted(Partition(*key) for key in keys.iter_rows())
    assert seen[-1] == (DAYS * IMAGES, DAYS * IMAGES)


def test_the_training_images_of_some_partitions(store: Store) -> None:
    table = feature_table(scan(store), KIND.digest)
    index = index_of(scan(store))
    wanted = [Partition(day(1), "plant"), Partition(day(3), "human")]
    some = index.training().of(wanted)
    assert some.partitions() == wanted
    places = {image: place for place, image in enumerate(table.image_ids)}
    with streamed_rows(scan(store), some, KIND.width) as matrix:
        np.testing.assert_array_equal(matrix.whole(), table.features[[places[one] for one in some.image_ids]])
    digests = index.training().digests()
    assert digests[wanted[0]] == ids_digest(some.rows.filter(category="plant")["image_id"])
    assert len(digests) == 3 * DAYS


def test_other_partitions_are_not_read(store: Store, tmp_path: Path) -> None:
    rows = feature_rows(DAYS, IMAGES)
    copy = Store(str(tmp_path))
    write_partitions(copy, rows)
    every = scan(copy)
    index = index_of(every)
    for path in files_at(tmp_path).rglob(f"date={day(0)}/**/*.parquet"):
        path.unlink()
    with streamed_rows(every, index.of([Partition(day(2), "plant")]), KIND.width) as matrix:
        assert matrix.rows == rows.filter(date=day(2), category="plant").height
    with pytest.raises((OSError, pl.exceptions.PolarsError)), streamed_rows(every, index, KIND.width):
        pass


def test_no_rows_give_an_empty_matrix(store: Store) -> None:
    with streamed_rows(scan(store), index_of(scan(store)).of([]), KIND.width) as matrix:
        assert matrix.whole().shape == (0, KIND.width)


def test_the_folder_is_removed_after_an_error_too(store: Store) -> None:
    with pytest.raises(RuntimeError), streamed_rows(scan(store), index_of(scan(store)), KIND.width) as matrix:
        raise RuntimeError
    assert not matrix.path.parent.exists()


def test_features_of_another_extractor_are_refused(store: Store) -> None:
    rows = feature_rows(DAYS, IMAGES).with_columns(
        extractor=pl.when((pl.col("date") == day(1)) & (pl.col("category") == "plant"))
        .then(pl.lit("old"))
        .otherwise("extractor")
    )
    with pytest.raises(MixedExtractors, match=f"in: {day(1)} plant;"):
        index_of(rows.lazy())


def test_odd_features_are_refused_by_image() -> None:
    rows = feature_rows(1, 30)
    index = index_of(rows.lazy())
    odd = rows.with_columns(
        features=pl.when(pl.int_range(pl.len()) == 4).then(pl.lit([float("nan")] * 12)).otherwise("features")
    ).cast({"features": pl.List(pl.Float32)})
    for wrong, width, message in (
        (odd, 12, f"1 feature vectors hold NaN or infinity, the first of image {rows['image_id'][4]}"),
        (rows, 13, "has 12 features, expected 13"),
        (pl.concat([rows, rows[:1]]), 12, f"1 of 30 images .* {rows['image_id'][0]} \\(2 times\\)"),
        (rows[1:], 12, f"1 of 30 images .* {rows['image_id'][0]} \\(0 times\\)"),
    ):
        with pytest.raises(UnusableFeaturesError, match=message), streamed_rows(wrong.lazy(), index, width):
            pass


def test_lookalikes_are_on_one_side() -> None:
    rows = feature_rows(2, 40)
    alike = rows["image_id"][:12].to_list()
    index = index_of(rows.lazy(), groups_of(alike))
    sides = index.rows.filter(pl.col("image_id").is_in(alike))["held_out"].unique()
    assert len(sides) == 1
    assert index_of(rows.lazy()).rows.filter(pl.col("image_id").is_in(alike))["held_out"].n_unique() == 2


def test_of_many_held_out_images_the_newest_partitions_serve() -> None:
    index = index_of(feature_rows(10, 200).lazy())
    aside = index.rows.filter("held_out")
    assert index.evaluation(aside.height).rows.equals(aside)
    some = index.evaluation(60)
    chosen = some.rows
    for category in ("plant", "animal", "human"):
        those, every = chosen.filter(category=category), aside.filter(category=category)
        # Whole partitions, from the newest on, until there are enough.
        assert those.height == every.filter(pl.col("date") >= those["date"].min()).height
        assert those.height >= 20
        assert those.filter(pl.col("date") > those["date"].min()).height < 20
    # A category that has not had any for long is not crowded out.
    old = index.rows.with_columns(
        date=pl.when(pl.col("category") == "plant").then(pl.lit(day(0))).otherwise("date"),
    )
    assert "plant" in RowIndex(old).evaluation(60).rows["category"]


@settings(max_examples=50, deadline=None)
@given(rows=st.integers(0, 60), pieces=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
def test_rows_get_to_their_places_in_any_order(rows: int, pieces: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    expected = rng.normal(size=(rows, 3)).astype(np.float32)
    with temporary_matrix(rows, 3) as matrix:
        for places in np.array_split(rng.permutation(rows), pieces):
            matrix.write(places, expected[places])
        np.testing.assert_array_equal(matrix.whole(), expected)
        assert [stop - start for start, stop in matrix.spans(7)] == [7] * (rows // 7) + [rows % 7] * (rows % 7 > 0)


def test_too_little_room_is_said_before_anything_is_read() -> None:
    message = f"no room for .* GB of features in {tempfile.gettempdir()}; .* TMPDIR"
    with pytest.raises(NoRoomError, match=message), temporary_matrix(2**40, 512):
        pass


def test_a_file_that_was_cut_short_is_noticed() -> None:
    with temporary_matrix(10, 3) as matrix:
        matrix.path.write_bytes(b"\0" * 60)
        with pytest.raises(OSError, match="cut short"):
            matrix.whole()
