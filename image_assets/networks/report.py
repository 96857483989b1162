"""What a person gets to see of a network: the page with its figures, how it was trained, and the other model."""

from __future__ import annotations

from collections.abc import Sequence

import obstore
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from image_assets.classifier.report.places import newest_name, report_name, reports_prefix
from image_assets.classifier.report.plots import confusion_plot, reliability_plot, roc_plot
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.dataset import DatasetSpec
from image_assets.networks.checkpoints import Epoch
from image_assets.networks.cnn import TrainedCnn
from image_assets.networks.comparison import HEADER, Comparison
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.pages.figures import MAIN, OTHERS, SECOND, Plot, draw
from image_assets.pages.page import Section, Table, page
from image_assets.store.models.model_files import model_digests
from image_assets.store.models.model_store import ModelManifest
from image_assets.store.objects import remove, sizes_below
from image_assets.store.store import Store


def write_cnn_report(
    store: Store, dataset: DatasetSpec, manifest: ModelManifest, html: str, *, newest: bool = True
) -> str:
    """Keep the page of a network, and remove those of networks that are not there any more.

    Args:
        store: Where reports are.
        dataset: Whose network it is.
        manifest: Of the network, as it was saved.
        html: The page.
        newest: Whether readers who ask for the dataset's page are to get this one.

    Returns:
        Where the page is.
    """
    objects, prefix = store.objects(), reports_prefix(dataset.name)
    own = _name(manifest.sha256)
    for name in (own, *((newest_name("html", CNN_CLASSIFIER),) if newest else ())):
        obstore.put(objects, f"{prefix}/{name}", html.encode())
    there = {_name(digits) for digits in model_digests(objects, cnn_prefix(dataset))}
    pages = [path for path in sizes_below(objects, f"{prefix}/") if path.rsplit("/", 1)[-1].startswith(_PAGES)]
    remove(objects, *(path for path in pages if path.rsplit("/", 1)[-1] not in there))
    return store.location(prefix, own)


def _name(sha256: str) -> str:
    return report_name(sha256, "html", CNN_CLASSIFIER)


_PAGES = f"{CNN_CLASSIFIER}-"


def cnn_page(
    dataset: DatasetSpec,
    trained: TrainedCnn,
    evaluation: Evaluation,
    comparison: Comparison,
    manifest: ModelManifest,
    more: Sequence[Section] = (),
) -> tuple[str, list[Plot]]:
    """The page of a network as HTML, and its plots but for those of `more`, which are of single images.

    Args:
        dataset: Whose network it is.
        trained: The network with its images.
        evaluation: Its figures.
        comparison: It beside the classifier of features.
        manifest: Of the network, as it was saved.
        more: Sections that come last.
    """
    fitted, spec = trained.fitted, trained.spec
    sections = [
        _compared(comparison),
        Section(
            "training",
            "How it was trained",
            f"{len(fitted.history)} of at most {spec.epochs} epochs; the weights are those after epoch "
            f"{fitted.best.number + 1}, where the loss on the validation images was least."
            f"{f' The training {trained.began.said}.' if trained.began.said else ''}",
            [training_plot(fitted.history)],
            _epochs_table(fitted.history),
        ),
        _answers(trained, evaluation),
    ]
    html = page(
        f"{dataset.name}: the network",
        f"Model {manifest.sha256[:12]}: {manifest.candidate}.",
        {
            "accuracy": f"{evaluation.accuracy:.1%}",
            "balanced accuracy": f"{evaluation.balanced_accuracy:.1%}",
            "always the most frequent": f"{evaluation.majority_accuracy:.1%}",
            "calibration error": f"{evaluation.calibration_error:.3f}",
            "trained on": f"{evaluation.trained:,}",
            "held out": f"{evaluation.held_out:,}",
            "epochs": f"{len(fitted.history):,}",
        },
        [*sections, *more],
    )
    return html, [plot for section in sections for plot in section.plots]


def _compared(comparison: Comparison) -> Section:
    tables = [] if comparison.why else [Table("The two models", HEADER, comparison.rows)]
    return Section("compared", "Beside the classifier of features", comparison.said, tables=tables)


def _answers(trained: TrainedCnn, evaluation: Evaluation) -> Section:
    classes = [(label, trained.names[label]) for label in trained.model.about.classes]
    roc = roc_plot(trained.truth, trained.probabilities, classes)
    rows = [
        (one.name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}", f"{one.support:,}")
        for one in evaluation.per_class
    ]
    return Section(
        "answers",
        "What it answers",
        f"On {evaluation.held_out:,} images that were held out: it has seen none of them, nor any that looks like one.",
        [confusion_plot(evaluation), *([roc] if roc else []), reliability_plot(evaluation, None)],
        tables=[Table("Categories", ("category", "precision", "recall", "F1", "held out"), rows)],
    )


def training_plot(history: Sequence[Epoch], measure: str = "accuracy") -> Plot:
    """Loss and a measure of every epoch, on training and validation images."""
    measured = [name for name in ("loss", measure) if name in history[0].validation]

    def paint(figure: Figure) -> None:
        for axes, name in zip(figure.subplots(1, len(measured), squeeze=False)[0], measured, strict=True):
            _history(axes, history, name)

    best = min(history, key=lambda one: one.validation["loss"])
    return draw(
        "training_history",
        "The training, epoch by epoch",
        f"Least loss on the validation images: {best.validation['loss']:.4f}, after epoch {best.number + 1}. On the "
        "training images it is measured while pictures are changed and parts of the network left out, so it may be "
        "above. Alarming: a validation that becomes worse while the training becomes better, from early on.",
        3.2,
        paint,
    )


def _history(axes: Axes, history: Sequence[Epoch], name: str) -> None:
    epochs = [one.number + 1 for one in history]
    axes.plot(epochs, [one.training[name] for one in history], color=SECOND, label="training")
    axes.plot(epochs, [one.validation[name] for one in history], color=MAIN, label="validation")
    best = min(history, key=lambda one: one.validation["loss"])
    axes.axvline(best.number + 1, color=OTHERS, linestyle="--", linewidth=1)
    axes.set(xlabel="epoch", ylabel=name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()


def _epochs_table(history: Sequence[Epoch]) -> tuple[Sequence[str], Sequence[Sequence[object]]]:
    names = list(history[0].validation)
    header = ("epoch", *(f"{name}, training" for name in names), *(f"{name}, validation" for name in names))
    rows = [
        (
            one.number + 1,
            *(f"{one.training.get(name, float('nan')):.4f}" for name in names),
            *(f"{one.validation[name]:.4f}" for name in names),
        )
        for one in history
    ]
    return header, rows
