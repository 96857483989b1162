"""Labels of images and boxes: how many, how often, which together, how large."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram

from image_assets.exploration.label_statistics import CoOccurrence, LabelStatistics
from image_assets.exploration.scales import BOX_SHARE, quantiles
from image_assets.pages.figures import (
    BOX,
    COLOURS,
    MAIN,
    Bars,
    Plot,
    box_rows,
    draw,
    group_title,
    horizontal_bars,
    named,
    rows_height,
    short,
    thousands,
)


def label_plots(statistics: LabelStatistics) -> list[Plot]:
    """The plots on labels; those for which there is something to show."""
    plots = [_frequency(statistics), _ranks(statistics), _per_image(statistics), _subsets(statistics)]
    if statistics.together.tree is not None:
        plots.append(_dendrogram(statistics.together))
    if statistics.boxes:
        plots.append(_boxes(statistics))
    return plots


def _frequency(statistics: LabelStatistics) -> Plot:
    rows = statistics.frequency
    groups = named(rows["label"].to_list())
    by_label = {label: (positive, negative) for label, positive, negative in rows.iter_rows()}

    def paint(figure: Figure) -> None:
        lengths = [[sum(by_label[name][part] for name in group) for group in groups] for part in (0, 1)]
        names = [group_title(group, "labels") for group in groups]
        rest = len(groups) < rows.height
        horizontal_bars(figure.subplots(), names, _signs(lengths), "images", rest=rest)

    never = int((rows["positive"] == 0).sum())
    return draw(
        "label_frequency",
        "The most frequent labels",
        f"{rows.height:,} labels, by the images in which they are; {never:,} of them are in no image. Alarming: labels "
        "that you mean to learn among the others at the end, or with as good as no image in which they were looked for "
        "and are not, for which nothing says how a picture without them looks.",
        rows_height(len(groups)),
        paint,
    )


def _ranks(statistics: LabelStatistics) -> Plot:
    positive = statistics.frequency["positive"].to_numpy()
    positive = positive[positive > 0]
    half = int(np.searchsorted(positive.cumsum(), positive.sum() / 2)) + 1 if len(positive) else 0
    rare = int((positive < 10).sum())

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.plot(np.arange(1, len(positive) + 1), positive, color=MAIN, marker="o", markersize=3, linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="rank of the label, the most frequent first", ylabel="images")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:,.0f}")
            # Within a decade, only the numbers between its ends say anything.
            low, high = axis.get_view_interval()
            axis.set_minor_formatter("" if high > 10 * low else "{x:,.0f}")
        axes.grid()

    return draw(
        "label_ranks",
        "How quickly labels become rare",
        f"Every label by its rank, both axes logarithmic; half of all labels in images are the {half:,} most frequent, "
        f"and {rare:,} labels are in fewer than ten images. Alarming: a curve that falls off a cliff, after which "
        "there is nothing to learn from.",
        3.0,
        paint,
    )


def _per_image(statistics: LabelStatistics) -> Plot:
    rows = statistics.per_image
    images = int(rows["images"].sum())
    mean = float((rows["labels"] * rows["images"]).sum()) / max(images, 1)
    without = int(rows.filter(labels=0)["images"].sum())

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar(rows["labels"].to_numpy(), rows["images"].to_numpy(), 0.8, color=MAIN)
        axes.set(xlabel="labels that are in the image (40: and more)", ylabel="images")
        axes.grid(axis="y")
        thousands(axes, "x", "y")

    return draw(
        "labels_per_image",
        "Labels per image",
        f"{images:,} images have {mean:,.1f} labels each on average; {without:,} have none that is in the image. "
        "Alarming: many without any, or nearly all with just one where several are to be expected: then what is not "
        "labelled is not known to be missing.",
        2.8,
        paint,
    )


def _subsets(statistics: LabelStatistics) -> Plot:
    rows = statistics.per_subset
    groups = named(rows["subset"].to_list(), 12)
    counts = {subset: numbers for subset, *numbers in rows.iter_rows()}
    shares = ", ".join(
        f"{short(subset)}: {positive:,} in, {negative:,} not in, of {images:,} images"
        for subset, positive, negative, images in rows.head(6).iter_rows()
    )

    def paint(figure: Figure) -> None:
        lengths = [[sum(counts[name][part] for name in group) for group in groups] for part in (0, 1)]
        names = [group_title(group, "subsets") for group in groups]
        horizontal_bars(figure.subplots(), names, _signs(lengths), "labels of images")

    return draw(
        "labels_per_subset",
        "Labels that are and are not in images, per subset",
        f"{shares}. Alarming: shares that differ much between subsets, for then what is measured on one does not hold "
        "on the other.",
        rows_height(len(groups), each=0.36, least=2.0),
        paint,
    )


def _signs(lengths: list[list[int]]) -> list[Bars]:
    return [Bars("in the image", lengths[0], MAIN), Bars("looked for, not in the image", lengths[1], COLOURS[4])]


def _dendrogram(together: CoOccurrence) -> Plot:
    count = len(together.labels)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        tree = dendrogram(together.tree, no_plot=True)
        for across, along in zip(tree["dcoord"], tree["icoord"], strict=True):
            axes.plot(across, along, color=MAIN, linewidth=1.3)
        names = [together.labels[leaf] for leaf in tree["leaves"]]
        images = [int(together.images[leaf, leaf]) for leaf in tree["leaves"]]
        entries = [f"{short(name)}  {n:,}" for name, n in zip(names, images, strict=True)]
        axes.set_yticks(np.arange(count) * 10 + 5, entries, fontsize=8.5)
        axes.set_ylim(0, count * 10)
        # What is left of the first join says nothing; in many datasets that is most of the axis.
        first = float(np.asarray(together.tree)[:, 2].min())
        axes.set_xlim(max(0.0, np.floor(10 * first - 1) / 10), 1.02)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Jaccard's distance: 0 always together, 1 never")
        axes.grid(axis="x")

    return draw(
        "labels_together",
        f"Which labels are seen together: the {count} most frequent" if count > 1 else "Labels seen together",
        "Labels that join further to the left share more of their images (Jaccard's distance, groups joined by their "
        "average distance; labels that were looked for and are not there do not count). The number beside a label is "
        "that of its images. Alarming: two labels that join at the very left, for a model cannot tell them apart, and "
        "may well be two names of one thing.",
        rows_height(count, each=0.2),
        paint,
    )


def _boxes(statistics: LabelStatistics) -> Plot:
    rows = statistics.box_shares
    sums = rows.group_by("label").agg(pl.col("n").sum()).sort(["n", "label"], descending=[True, False])
    groups = named(sums["label"].to_list())
    places = {name: row for row, group in enumerate(groups) for name in group}
    counts = np.zeros((len(groups), BOX_SHARE.levels), np.int64)
    for label, level, n in rows.select("label", "level", "n").iter_rows():
        counts[places[label], level] += n
    found = quantiles(counts, BOX_SHARE, BOX)
    small = counts.sum(axis=0)[BOX_SHARE.edges[1:] <= 0.0101].sum() / counts.sum()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        box_rows(axes, found)
        names = [f"{group_title(g, 'labels')}  {n:,}" for g, n in zip(groups, counts.sum(axis=1), strict=True)]
        axes.set_yticks(range(len(groups)), names)
        axes.set(xscale="log", xlim=(BOX_SHARE.edges[0], 1))
        axes.xaxis.set_major_formatter(lambda share, _: f"{share:.3%}".rstrip("0%").rstrip(".") + " %")
        axes.set_xlabel("box's share of the image, on a logarithmic scale")

    return draw(
        "box_sizes",
        "How much of the image a box covers",
        f"{statistics.boxes:,} boxes; per label the median, the middle half and nine of ten. {small:.0%} of the boxes "
        "cover less than 1 % of their image. Alarming: labels whose boxes are nearly all that small, for crops of them "
        "are a few pixels, or that nearly all cover everything, for then the box says no more than the label.",
        rows_height(len(groups)),
        paint,
    )
