"""Makes the report of a model and keeps it: the page, the model card, and the baselines that the checks compare with.

Layout: `<dataset>/reports/classifier-<first 12 digits of the model's SHA-256>.html`, `.md`, `.json` and
`.mistakes.json`, and the newest page, card and mistakes as `classifier.html`, `.md` and `.mistakes.json`. A report goes
when its model file goes. Nothing depends on the time: the same model of the same data gives the same bytes.

What a report is about is put together in `judged_images`. A challenger that is not promoted has a report of its own
too; with `newest=False` it does not take the place of the champion's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import obstore
from obstore.store import ObjectStore
from threadpoolctl import threadpool_limits

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.report.analysis import Findings, analyse
from image_assets.classifier.report.baselines import MeasuredBaselines, measure_baselines
from image_assets.classifier.report.card import model_card
from image_assets.classifier.report.galleries import thumbnails
from image_assets.classifier.report.mistake_sections import pictures_of_mistakes
from image_assets.classifier.report.mistakes import Mistakes, looks_of, mistakes_of
from image_assets.classifier.report.places import MISTAKES, baselines_name, newest_name, report_name, reports_prefix
from image_assets.classifier.report.sections import sections_of
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.unseen import short_unseen
from image_assets.dataset import DatasetSpec
from image_assets.pages.figures import Plot
from image_assets.pages.page import page
from image_assets.store.models.model_store import ModelManifest
from image_assets.store.objects import remove, sizes_below
from image_assets.store.store import Store
from image_assets.workers import Progress, no_progress


@dataclass(frozen=True)
class WrittenReport:
    """What was written.

    Attributes:
        page: Where the page is; empty where the dataset wants none.
        plots: Those of the page.
        baselines: What the checks compare with.
    """

    page: str
    plots: list[Plot]
    baselines: MeasuredBaselines


# Sums of linear algebra depend on how it is divided among threads.
@threadpool_limits.wrap(limits=1)
def write_report(
    store: Store,
    dataset: DatasetSpec,
    subject: ReportSubject,
    manifest: ModelManifest,
    progress: Progress = no_progress,
    *,
    newest: bool = True,
) -> WrittenReport:
    """Measure the baselines of a model, and make its page and card unless the dataset wants none.

    Args:
        store: Where tables, models and reports are.
        dataset: Whose model it is.
        subject: The model, and the images that it was trained and judged on.
        manifest: Of the model as it was saved. Reports of models that are not there any more are removed.
        progress: Told the parts that are done, and of how many.
        newest: Whether readers who ask for the dataset's report are to get this one.
    """
    spec, objects, prefix = dataset.classifier, store.objects(), reports_prefix(dataset.name)
    pictures = partial(thumbnails, store, dataset.name, subject.images)
    of_colours = dataset.extractor.kind == "colour_statistics"
    baselines = measure_baselines(subject, pictures, manifest.sha256, spec.baselines, of_colours=of_colours)
    content = baselines.model_dump_json(indent=1).encode()
    obstore.put(objects, f"{prefix}/{baselines_name(manifest.sha256)}", content)
    _remove_of_models_gone(objects, prefix, classifier_prefix(dataset))
    if not spec.report.enabled:
        return WrittenReport("", [], baselines)
    findings = analyse(subject, spec.report, spec.held_out, progress)
    looks = looks_of(store, dataset.name, subject.images[subject.held_out], dataset.quality)
    mistakes = mistakes_of(subject, looks, findings.galleries.errors)
    shown = pictures(_wanted(findings) | pictures_of_mistakes(mistakes))
    html, plots = report_page(dataset, subject, findings, mistakes, manifest, shown)
    texts = {
        "html": html,
        "md": model_card(dataset, subject, findings, mistakes, manifest),
        MISTAKES: mistakes.model_dump_json(indent=1),
    }
    for ending, text in texts.items():
        obstore.put(objects, f"{prefix}/{report_name(manifest.sha256, ending)}", text.encode())
        if newest:
            obstore.put(objects, f"{prefix}/{newest_name(ending)}", text.encode())
    return WrittenReport(store.location(prefix, report_name(manifest.sha256, "html")), plots, baselines)


def report_page(
    dataset: DatasetSpec,
    subject: ReportSubject,
    findings: Findings,
    mistakes: Mistakes,
    manifest: ModelManifest,
    pictures: dict[str, bytes],
) -> tuple[str, list[Plot]]:
    """The page as HTML, self-contained, and its plots. The same findings give the same bytes."""
    evaluation = subject.evaluation
    sections = sections_of(subject, findings, mistakes, pictures, dataset.classifier)
    days = subject.images["date"]
    html = page(
        f"{dataset.name}: the classifier",
        f"Model {manifest.sha256[:12]}: {subject.candidate}, on features of {manifest.extractor}.",
        {
            "accuracy": f"{evaluation.accuracy:.1%}",
            "on sources it never saw": short_unseen(subject.unseen),
            "balanced accuracy": f"{evaluation.balanced_accuracy:.1%}",
            "always the most frequent": f"{evaluation.majority_accuracy:.1%}",
            "calibration error": f"{evaluation.calibration_error:.3f}",
            "trained on": f"{evaluation.trained:,}",
            "held out": f"{evaluation.held_out:,}",
            "categories": f"{len(evaluation.per_class):,}",
            "last day": str(days.max()),
        },
        sections,
    )
    return html, [plot for section in sections for plot in section.plots]


def _wanted(findings: Findings) -> set[str]:
    """Ids of all images that are shown beside the mistakes."""
    shown = findings.galleries
    ids = {one.image_id for one in (*shown.doubts, *shown.right, *(one for one, _ in shown.strange))}
    return ids | {image for images in findings.strongest for image in images}


def _remove_of_models_gone(objects: ObjectStore, prefix: str, model_prefix: str) -> None:
    """Remove the reports of models whose files were removed."""
    models = {_stem(path).removeprefix("model-") for path in sizes_below(objects, f"{model_prefix}/")}
    reports = {path: _stem(path) for path in sizes_below(objects, f"{prefix}/")}
    kept = {"classifier", *(f"classifier-{model}" for model in models)}
    remove(objects, *(path for path, stem in reports.items() if stem not in kept and stem.startswith("classifier-")))


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".", 1)[0]
