"""Statistics of labels and boxes: by hand, and against pandas on real annotations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from image_assets.exploration.label_statistics import (
    DENDROGRAM_LABELS,
    Annotations,
    box_shares,
    co_occurrence,
    jaccard,
    label_frequency,
    label_statistics,
    labels_per_image,
    subset_counts,
)
from image_assets.exploration.scales import BOX_SHARE
from tests.exploration.made import made_annotations


def labels(*rows: tuple[str, str, bool, str]) -> pl.LazyFrame:
    return pl.LazyFrame(rows, schema=["image_id", "label", "positive", "subset"], orient="row")


SMALL = labels(
    ("1", "cat", True, "train"),
    ("1", "dog", True, "train"),
    ("1", "dog", True, "train"),  # said twice
    ("2", "cat", True, "train"),
    ("2", "dog", False, "train"),
    ("3", "bird", True, "validation"),
    ("4", "cat", False, "validation"),
    ("5", "dog", True, "train"),
    ("5", "dog", False, "train"),  # one who looked did not find it, another did
)


def test_a_label_counts_once_per_image_and_negatives_apart() -> None:
    assert label_frequency(SMALL).rows() == [("cat", 2, 1), ("dog", 2, 1), ("bird", 1, 0)]
    assert labels_per_image(SMALL).rows() == [(0, 1), (1, 3), (2, 1)]
    assert subset_counts(SMALL).rows() == [("train", 4, 1, 3), ("validation", 1, 1, 2)]


def test_labels_that_are_not_there_are_no_company() -> None:
    found = co_occurrence(SMALL, ["cat", "dog", "bird"])
    # Were negatives counted, cat and dog would meet in image 2 too.
    assert found.images.tolist() == [[2, 1, 0], [1, 2, 0], [0, 0, 1]]
    np.testing.assert_allclose(jaccard(found.images), [[0, 2 / 3, 1], [2 / 3, 0, 1], [1, 1, 0]])
    assert found.tree is not None
    assert found.tree[:, :3].tolist() == [[0, 1, pytest.approx(2 / 3)], [2, 3, 1]]


def test_a_single_label_has_no_tree() -> None:
    assert co_occurrence(labels(("1", "cat", True, "")), ["cat"]).tree is None
    nothing = labels(("1", "cat", True, "")).filter(pl.lit(False))
    assert co_occurrence(nothing, []).images.shape == (0, 0)
    assert label_frequency(nothing).is_empty()


def test_many_labels_of_an_image_share_the_last_row() -> None:
    many = labels(*(("1", f"label {i}", True, "train") for i in range(70)))
    assert labels_per_image(many).rows() == [(40, 1)]


def test_boxes_are_counted_by_their_share_of_the_image() -> None:
    sides = {"xmin": [0.0, 0.5, 0.3, 0.2], "xmax": [1.0, 0.6, 0.3, float("nan")], "ymin": [0.0] * 4}
    frame = pl.DataFrame({"image_id": ["1"] * 4, "label": ["cat"] * 4, **sides, "ymax": [1.0, 0.1, 1.0, 1.0]})
    found = box_shares(frame.lazy())
    assert found.rows() == [("cat", 0, 1), ("cat", 60, 1), ("cat", BOX_SHARE.levels - 1, 1)]


def open_images(folder: Path) -> Annotations:
    """The CSV files of Open Images in the columns of the frames."""
    names = pl.read_csv(folder / "class-descriptions-boxable.csv", has_header=False, new_columns=["code", "label"])
    found, boxes = [], []
    for subset in ("train", "validation"):
        rows = pl.read_csv(folder / f"{subset}-annotations-human-imagelabels-boxable.csv")
        found.append(rows.with_columns(subset=pl.lit(subset), positive=pl.col("Confidence") == 1))
        boxes.append(pl.read_csv(folder / f"{subset}-annotations-bbox.csv"))
    new = {"ImageID": "image_id", "LabelName": "code", "XMin": "xmin", "XMax": "xmax", "YMin": "ymin", "YMax": "ymax"}
    both = [pl.concat(rows).rename(new, strict=False).join(names, on="code") for rows in (found, boxes)]
    return Annotations(both[0].lazy().select("image_id", "label", "positive", "subset"), both[1].lazy())


def test_real_annotations_are_counted_as_pandas_counts_them(shared_data: Path) -> None:
    found = label_statistics(open_images(shared_data / "open_images"))
    frame = open_images(shared_data / "open_images").labels.collect().to_pandas().drop_duplicates()
    positive = frame[frame.positive]
    counted = positive.groupby("label").image_id.nunique()
    assert dict(found.frequency.filter(pl.col("positive") > 0).select("label", "positive").iter_rows()) == (
        counted.to_dict()
    )
    per_image = frame.groupby("image_id").positive.sum().value_counts()
    assert dict(found.per_image.iter_rows()) == {int(k): int(v) for k, v in per_image.items()}
    subsets = frame.groupby("subset").agg(positive=("positive", "sum"), rows=("positive", "size"))
    assert [(s, p, p + n) for s, p, n, _ in found.per_subset.iter_rows()] == list(subsets.itertuples(name=None))
    top = found.together.labels
    assert len(top) == DENDROGRAM_LABELS
    matrix = pd.crosstab(positive.image_id, positive.label).clip(upper=1).reindex(columns=top)
    np.testing.assert_array_equal(found.together.images, matrix.T.dot(matrix).to_numpy())
    boxes = open_images(shared_data / "open_images").boxes.collect()
    assert found.boxes == boxes.height


def test_made_up_labels_of_a_group_join_first() -> None:
    statistics = label_statistics(made_annotations(4_000, 12))
    tree = statistics.together.tree
    assert tree is not None
    first = {statistics.together.labels[int(leaf)] for leaf in tree[0, :2]}
    groups = {(int(name.split()[1]) - 1) // 4 for name in first}
    assert len(groups) == 1
