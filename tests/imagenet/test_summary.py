"""Labels with many confident images: counted as a plain loop counts them, at and around both limits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl
import pytest

from image_assets.imagenet.labels import imagenet_labels
from image_assets.imagenet.summary import count_confident_labels, summary_markdown, summary_plot
from image_assets.schema import CONFIDENT_LABELS
from image_assets.settings.imagenet import Imagenet


def spec(min_images: int = 100, confident: float = 0.9) -> Imagenet:
    return Imagenet(classifier="embedded", min_images=min_images, confident=confident)


def predictions(*found: tuple[int, str, float]) -> pl.LazyFrame:
    """Rows of `imagenet_predictions` of (class, delivered as, score)."""
    classes, delivered_as, scores = zip(*found, strict=True) if found else ((), (), ())
    return pl.LazyFrame(
        {
            "imagenet_class": pl.Series(classes, dtype=pl.Int16),
            "imagenet_label": pl.Series([imagenet_labels()[one] for one in classes], dtype=pl.String),
            "delivered_as": pl.Series(delivered_as, dtype=pl.String),
            "score": pl.Series(scores, dtype=pl.Float32),
        }
    )


def test_labels_are_counted_as_a_loop_counts_them() -> None:
    random = np.random.default_rng(0)
    rows = [
        (int(random.choice([292, 291, 293])), str(random.choice(["tiger", "lion"])), float(np.float32(random.random())))
        for _ in range(600)
    ]
    listed, figures = count_confident_labels(predictions(*rows), spec(min_images=30, confident=0.5))
    confident = [row for row in rows if row[2] > 0.5]
    images = Counter(row[0] for row in confident)
    assert listed["imagenet_class"].to_list() == [one for one, _ in images.most_common()]
    for row in listed.iter_rows(named=True):
        those = [one for one in confident if one[0] == row["imagenet_class"]]
        ((most, agreed),) = Counter(one[1] for one in those).most_common(1)
        assert row["images"] == len(those)
        assert row["share"] == pytest.approx(len(those) / 600)
        assert row["mean_score"] == pytest.approx(np.mean([one[2] for one in those]))
        assert (row["most_delivered_as"], row["agreement"]) == (most, pytest.approx(agreed / len(those)))
    assert (figures["pictures"], figures["confident"]) == (600, len(confident))


@pytest.mark.parametrize(("images", "listed"), [(100, 0), (101, 1)])
def test_a_label_is_listed_with_more_images_than_the_limit(images: int, listed: int) -> None:
    rows, figures = count_confident_labels(predictions(*[(292, "tiger", 0.95)] * images), spec())
    assert (rows.height, figures["labels with a confident picture"]) == (listed, 1)


def test_a_score_at_the_limit_is_not_confident() -> None:
    at, above = 0.5, float(np.nextafter(np.float32(0.5), np.float32(1)))
    rows, figures = count_confident_labels(
        predictions(*[(292, "tiger", at)] * 5, *[(291, "lion", above)] * 3), spec(min_images=2, confident=0.5)
    )
    assert rows.select("imagenet_class", "images").rows() == [(291, 3)]
    assert figures == {"pictures": 8, "confident": 3, "labels with a confident picture": 1, "labels listed": 1}


def test_without_predictions_there_is_an_empty_table_that_can_be_shown() -> None:
    rows, figures = count_confident_labels(predictions(), spec())
    assert rows.columns == CONFIDENT_LABELS.file_schema.names
    assert not any(figures.values())
    assert "no label has more than 100" in summary_markdown(rows, spec())
    assert summary_plot(rows, spec()).startswith(b"\x89PNG")


def test_the_table_and_the_plot_show_the_most_frequent() -> None:
    found = [(label, "tiger", 0.99) for label in range(30) for _ in range(label + 2)]
    rows, _ = count_confident_labels(predictions(*found), spec(min_images=1))
    shown = summary_markdown(rows, spec(min_images=1))
    assert shown.splitlines()[2].startswith(f"| {imagenet_labels()[29]} | 31 | ")
    assert "5 more are in confident_labels.csv" in shown
    assert summary_plot(rows, spec()) == summary_plot(rows, spec())
