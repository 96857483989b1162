"""The parts of a report's page on how good the model is: figures, categories, candidates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from image_assets.classifier.comparing.candidates_report import candidates_picture
from image_assets.classifier.intervals import Interval, bootstrapped, wilson
from image_assets.classifier.report.analysis import Findings
from image_assets.classifier.report.plots import confusion_plot, reliability_plot, roc_plot
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.classifier.training.selection import Score
from image_assets.classifier.unseen import CERTAIN, said_of_unseen
from image_assets.pages.page import Section, Table

MOST_ROWS = 500
"""Of a table on the page."""


def quality_section(subject: ReportSubject, findings: Findings) -> Section:
    """How good the model is, and whether it knows when it is wrong."""
    classes = [(label, subject.names[label]) for label in subject.model.classes.tolist()]
    plots = [
        roc_plot(subject.truth, subject.probabilities, classes),
        reliability_plot(subject.evaluation, findings.calibration),
    ]
    rows = [(name, value, interval) for name, value, interval in evaluation_figures(subject.evaluation)]
    if subject.unseen is not None and subject.unseen.known_unknown is not None:
        rows += [
            ("unknown", _share(subject.unseen.known_unknown), ""),
            ("accuracy of the rest", _share(subject.unseen.known_answered), ""),
        ]
    tables = [
        Table("Figures", ("figure", "value", "95 % interval"), rows, "On the images held out; raw probabilities."),
        *_calibration_table(subject.evaluation, findings),
    ]
    return Section(
        "quality",
        "How good it is",
        f"{subject.candidate}, trained on {subject.evaluation.trained:,} images, judged by "
        f"{subject.evaluation.held_out:,} that it never saw."
        + ("" if subject.evaluation.converged else " Training stopped at its limit of iterations before it was done."),
        [plot for plot in plots if plot],
        tables=tables,
    )


def unseen_section(subject: ReportSubject) -> Section:
    """How good it is on images from elsewhere, and which sources it finds hard."""
    found, title = subject.unseen, "On sources that it never saw"
    if found is None or found.accuracy is None:
        return Section("unseen", title, said_of_unseen(found, subject.calibration))
    evaluation = subject.evaluation
    sure = subject.probabilities.max(axis=1)[subject.predicted != subject.truth] > CERTAIN
    rows = [
        ("accuracy", f"{found.accuracy:.1%}", f"{found.low:.1%} – {found.high:.1%}", _share(found.known_accuracy)),
        ("macro F1", f"{found.macro_f1:.1%}", "", f"{evaluation.macro_f1:.1%}"),
        ("expected calibration error", f"{found.calibration_error:.4f}", "", f"{evaluation.calibration_error:.4f}"),
        (
            "mistakes above 99 %",
            f"{found.certain_mistakes:,} of {found.mistakes:,}",
            "",
            f"{sure.sum():,} of {len(sure):,}",
        ),
    ]
    if found.unknown is not None:
        rows += [
            ("unknown", f"{found.unknown:.1%}", "", _share(found.known_unknown)),
            ("accuracy of the rest", _share(found.answered_accuracy), "", _share(found.known_answered)),
        ]
    by_source = sorted(found.per_source, key=lambda one: (one.right / one.images, one.name))
    shares = [
        (
            one.shown,
            one.images,
            one.images - one.right,
            f"{one.right / one.images:.1%}",
            _interval(wilson(one.right, one.images)),
        )
        for one in by_source[:MOST_ROWS]
    ]
    sampled = f", a sample of {found.all_images:,}" if found.sampled < found.all_images else ""
    return Section(
        "unseen",
        title,
        f"{said_of_unseen(found, subject.calibration)} {found.folds} models of the kind were trained on "
        f"{found.sampled:,} images{sampled}, each without some of the {found.sources:,} sources, and judged by these: "
        f"{found.images:,} images, each once. "
        "Alarming: a figure far below that of the images held out: the model goes by what tells sources apart.",
        tables=[
            Table("Both figures", ("figure", "sources it never saw", "95 % interval", "images held out"), rows),
            Table("Mistakes by source", ("source", "images", "mistakes", "right", "95 %"), shares, "The worst first."),
        ],
    )


def evaluation_figures(evaluation: Evaluation) -> list[tuple[str, str, str]]:
    """The figures as they are written: name, value, and 95 % interval where there is one."""
    of = evaluation.held_out
    intervals = bootstrapped(np.array(evaluation.confusion))
    accuracy = _interval(wilson(round(evaluation.accuracy * of), of))
    auc = "" if evaluation.auc is None else f"{evaluation.auc:.4f}"
    return [
        ("accuracy", f"{evaluation.accuracy:.1%}", accuracy),
        ("balanced accuracy", f"{evaluation.balanced_accuracy:.1%}", _interval(intervals["balanced_accuracy"])),
        ("macro F1", f"{evaluation.macro_f1:.1%}", _interval(intervals["macro_f1"])),
        ("weighted precision", f"{evaluation.weighted_precision:.1%}", ""),
        ("weighted recall", f"{evaluation.weighted_recall:.1%}", accuracy),
        ("AUC, every category against the others", auc, ""),
        ("log loss", f"{evaluation.log_loss:.4f}", ""),
        ("expected calibration error", f"{evaluation.calibration_error:.4f}", ""),
        ("always the most frequent category", f"{evaluation.majority_accuracy:.1%}", ""),
    ]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _interval(interval: Interval) -> str:
    return f"{interval.low:.1%} – {interval.high:.1%}"


def _calibration_table(evaluation: Evaluation, findings: Findings) -> Iterator[Table]:
    found = findings.calibration
    if found is None:
        return
    rows = [("raw", f"{evaluation.log_loss:.4f}", f"{evaluation.calibration_error:.4f}", f"{found.losses['raw']:.4f}")]
    rows += [
        (
            way,
            f"{found.log_loss:.4f}" if way == found.way else "",
            f"{found.error:.4f}" if way == found.way else "",
            f"{loss:.4f}",
        )
        for way, loss in found.losses.items()
        if way != "raw"
    ]
    yield Table(
        "Calibration",
        ("probabilities", "log loss, held out", "calibration error, held out", "log loss, folds of training"),
        rows,
        f"Ways to correct the probabilities, learnt on {findings.sampled:,} training images, each judged by a model "
        "that had not seen it. The one with the least loss there is applied to the images held out: "
        f"{found.way or 'none, as the raw ones were the best'}. The model that is kept gives raw probabilities.",
    )


def classes_section(subject: ReportSubject) -> Section:
    """Every category by itself, and which is taken for which."""
    evaluation = subject.evaluation
    rows = []
    for place, one in enumerate(evaluation.per_class[:MOST_ROWS]):
        right = evaluation.confusion[place][place]
        answers = sum(row[place] for row in evaluation.confusion)
        rows.append(
            (
                one.name,
                one.support,
                f"{one.recall:.1%}",
                _interval(wilson(right, one.support)),
                f"{one.precision:.1%}",
                _interval(wilson(right, answers)),
                f"{one.f1:.3f}",
            )
        )
    header = ("category", "held out", "recall", "95 %", "precision", "95 %", "F1")
    return Section(
        "classes",
        "Category by category",
        "Recall: how many of a category are found. Precision: how many of the answers are right. The intervals are "
        "Wilson's: with few images held out they are wide, and a difference within them means nothing.",
        [confusion_plot(evaluation)],
        tables=[Table("Every category", header, rows)],
    )


def candidates_section(scores: Sequence[Score], scoring: str) -> Section:
    """What the model was chosen from."""
    rows = [
        (str(one.candidate), one.rows, f"{one.mean:.4f}", f"{one.deviation:.4f}", "yes" if one.converged else "no")
        for one in scores[:MOST_ROWS]
    ]
    return Section(
        "candidates",
        "What it was chosen from",
        f"Compared by {scoring.replace('_', ' ')} on folds of the training images, which leave sources out where there "
        "are several; the images held out had no say. "
        "Those that were left out early were compared on fewer images.",
        [candidates_picture(scores, scoring)],
        (("candidate", "images", "mean", "deviation", "converged"), rows),
    )
