"""The parts of a report's page in their order; those on what the model goes by, on the split and on the images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from image_assets.classifier.report.analysis import Findings
from image_assets.classifier.report.curve_plots import days_plot, elimination_plot, importance_plot, learning_plot
from image_assets.classifier.report.galleries import Shown
from image_assets.classifier.report.mistake_sections import certain_section, parts_section
from image_assets.classifier.report.mistakes import Mistakes
from image_assets.classifier.report.quality_sections import (
    MOST_ROWS,
    candidates_section,
    classes_section,
    quality_section,
    unseen_section,
)
from image_assets.classifier.report.split_fairness import said_of_held_out
from image_assets.classifier.report.subject import ReportSubject
from image_assets.pages.figures import Plot
from image_assets.pages.page import Gallery, Picture, Section, Table
from image_assets.settings.classifier import Classifier


def sections_of(
    subject: ReportSubject, findings: Findings, mistakes: Mistakes, pictures: dict[str, bytes], spec: Classifier
) -> list[Section]:
    """The page's parts in their order.

    Args:
        subject: Model and images.
        findings: What was found out about it.
        mistakes: Its mistakes, counted.
        pictures: JPEG thumbnails by image id; an image without one is not shown.
        spec: How the images were split, and what the candidates were compared by.
    """
    return [
        quality_section(subject, findings),
        unseen_section(subject),
        certain_section(mistakes, pictures),
        parts_section(mistakes, pictures),
        classes_section(subject),
        *([candidates_section(subject.scores, spec.selection.scoring)] if subject.scores else []),
        features_section(findings, subject, pictures),
        curve_section(findings, subject.evaluation.majority_accuracy),
        split_section(findings, spec),
        others_section(findings, pictures),
    ]


def features_section(findings: Findings, subject: ReportSubject, pictures: dict[str, bytes]) -> Section:
    """Which features it goes by."""
    width = subject.features.shape[1]
    plots: list[Plot] = []
    if findings.groups:
        plots.append(
            importance_plot(
                "importance_of_groups",
                "Groups of features that go together",
                f"{width:,} features that have no names, put into {len(findings.groups)} groups of which any two "
                "features correlate; a group is shuffled as a whole. Alarming: one group that nearly all depends on.",
                findings.groups,
            )
        )
    some = f" Of {width:,}, the {len(findings.importance)} with the most weight were tried." if findings.groups else ""
    plots.append(
        importance_plot(
            "importance_of_features",
            "Features by themselves",
            f"One feature is shuffled at a time.{some} Near zero does not mean useless: where others tell the same, "
            "they stand in for it. Alarming: one feature that much depends on; look at what it responds to.",
            findings.importance,
        )
    )
    header = ("group or feature", "features", "accuracy lost", "deviation")
    rows = [
        (one.group.title, len(one.group.columns), f"{one.mean:.4f}", f"{one.deviation:.4f}")
        for one in [*findings.groups, *findings.importance]
    ]
    strongest = [
        Picture([pictures[image] for image in images if image in pictures], one.group.title)
        for one, images in zip(findings.groups, findings.strongest, strict=False)
    ]
    shown = Gallery(
        "What the most important groups respond to",
        "The images held out that have the most of what a group's features have in common.",
        [one for one in strongest if one.jpegs],
    )
    return Section(
        "features",
        "What it goes by",
        f"How much accuracy is lost on {findings.judged:,} images held out when features are shuffled among them.",
        plots,
        (header, rows),
        galleries=[shown] if shown.pictures else [],
    )


def curve_section(findings: Findings, majority: float) -> Section:
    """What would do, and what would help."""
    if findings.skipped:
        return Section("curves", "Fewer features, more images", findings.skipped)
    curves = [("features", findings.elimination), ("training images", findings.learning)]
    rows = [
        (what, point.size, f"{point.mean:.4f}", f"{point.deviation:.4f}") for what, points in curves for point in points
    ]
    return Section(
        "curves",
        "Fewer features, more images",
        f"Accuracy on {len(findings.learning[0].folds)} folds of {findings.sampled:,} training images, with the "
        "standard deviation over the folds as a band; lookalikes are kept in one fold.",
        [
            elimination_plot(findings.elimination, majority, findings.ranked_by),
            learning_plot(findings.learning, majority),
        ],
        (("of", "number", "accuracy", "deviation"), rows),
    )


def split_section(findings: Findings, spec: Classifier) -> Section:
    """Whether the images held out are a fair sample."""
    found, by_image = findings.fairness, spec.split.by == "image"
    torn = (
        f"None of {found.groups:,} groups of lookalikes is torn."
        if not found.torn and found.groups
        else "No image looks like another."
        if not found.groups
        else f"{found.torn:,} of {found.groups:,} groups of lookalikes are torn: the model has seen doubles of what it "
        "is judged by, and its figures are too good."
    )
    alike = "Too few images to compare their features."
    if found.auc is not None:
        told = "more than chance allows: the sides differ" if found.auc.value > found.auc.chance else "which is chance"
        if found.auc.value > found.auc.chance and not by_image:
            told += f", as images of other {'days' if spec.split.by == 'time' else 'sources'} may"
        alike = (
            f"A classifier that is to tell the sides apart by the features of {found.compared[0]:,} and "
            f"{found.compared[1]:,} images reaches an AUC of {found.auc.value:.3f}; by chance it stays below "
            f"{found.auc.chance:.3f}; {told}."
        )
    unlikely = found.unlikely_classes
    shares = (
        _UNEVEN[spec.split.by]
        if not by_image
        else f"Chance would hardly hold out so many or so few of {', '.join(unlikely)}."
        if unlikely
        else "Of every category the share held out is within what chance gives."
    )
    classes = [
        (
            row["category"],
            row["training"],
            row["held_out"],
            f"{row['share']:.1%}",
            *((f"{row['low']:.0%} – {row['high']:.0%}",) if by_image else ()),
        )
        for row in found.classes.head(MOST_ROWS).iter_rows(named=True)
    ]
    days = [
        (str(row["date"]), row["training"], row["held_out"], f"{row['share']:.1%}", row["right"])
        for row in found.days.tail(MOST_ROWS).iter_rows(named=True)
    ]
    header = ("category", "training", "held out", "share held out", *(("by chance",) if by_image else ()))
    return Section(
        "split",
        "Was it judged fairly?",
        f"{said_of_held_out(spec)} {torn} {shares} {alike}",
        [days_plot(found.days)],
        (("day", "training", "held out", "share held out", "right of those held out"), days),
        [Table("The two sides", header, classes)],
    )


_UNEVEN = {
    "source": "Sources are held out whole: a category's share is that of the sources that it came from.",
    "time": "Days are held out whole: a category's share is that of the days on which it came.",
}


def others_section(findings: Findings, pictures: dict[str, bytes]) -> Section:
    """Images that are no mistakes: the doubtful ones, and right ones for comparison."""
    found = findings.galleries
    shown = [
        Gallery(
            "Least sure", "The two most probable categories are the closest here.", _pictures(found.doubts, pictures)
        ),
        Gallery("Right, for comparison", "Of every category the surest ones.", _pictures(found.right, pictures)),
        Gallery(
            "Least familiar",
            "These look the least like what it was trained on; the share is that of good images of new sources that "
            "look less familiar.",
            [
                replace(picture, title=f"{picture.title}; familiarity {share:.0%}")
                for one, share in found.strange
                for picture in _pictures([one], pictures)
            ],
        ),
    ]
    text = "Images held out: what it is least sure of, what it gets right, and what looks unfamiliar to it."
    return Section("images", "Look at the others", text, galleries=[one for one in shown if one.pictures])


def _pictures(shown: Sequence[Shown], pictures: dict[str, bytes]) -> list[Picture]:
    return [
        Picture(
            [pictures[one.image_id]],
            f"{one.answer} {one.certainty:.0%}, {one.second} {one.runner_up:.0%}",
            f"{'is' if one.answer == one.category else 'but is'} {one.category}; {one.date}; {one.image_id[:12]}",
        )
        for one in shown
        if one.image_id in pictures
    ]
