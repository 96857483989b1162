"""The model card: what a model is for, what it was made of, how good it is and where its limits are, in Markdown.

The headings are those of Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

import polars as pl

from image_assets.classifier.intervals import wilson
from image_assets.classifier.report.analysis import Findings
from image_assets.classifier.report.mistakes import FIRST, Mistakes, worse_parts
from image_assets.classifier.report.quality_sections import evaluation_figures
from image_assets.classifier.report.split_fairness import said_of_held_out
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.unseen import said_of_unseen
from image_assets.dataset import DatasetSpec
from image_assets.pages.glossary import explained
from image_assets.pages.rendering import MARKDOWN
from image_assets.store.models.model_store import ModelManifest

_WEAK = 5
_MOST_CLASSES = 200


def model_card(
    dataset: DatasetSpec, subject: ReportSubject, findings: Findings, mistakes: Mistakes, manifest: ModelManifest
) -> str:
    """The card of a model. The same model gives the same text."""
    evaluation = subject.evaluation
    counts = (
        pl.DataFrame({"label": subject.labels, "aside": subject.aside})
        .group_by("label")
        .agg((~pl.col("aside")).sum().alias("training"), pl.col("aside").sum().alias("held_out"))
        .sort("label")
    )
    weak = sorted(
        (
            (wilson(row[place], sum(row)), one)
            for place, (one, row) in enumerate(zip(evaluation.per_class, evaluation.confusion, strict=True))
            if one.support
        ),
        key=lambda item: item[0].low,
    )[:_WEAK]
    card = MARKDOWN.get_template("model_card.md").render(
        dataset=dataset,
        subject=subject,
        manifest=manifest,
        held_out=said_of_held_out(dataset.classifier),
        days=subject.images["date"],
        counts=counts.rows(),
        most=_MOST_CLASSES,
        figures=evaluation_figures(evaluation),
        unseen=said_of_unseen(subject.unseen, subject.calibration),
        tells=subject.unseen is not None and subject.unseen.known_unknown is not None,
        calibration=findings.calibration,
        fairness=findings.fairness,
        weak=weak,
        mistakes=mistakes,
        certain=mistakes.most_certain[:FIRST],
        worse=worse_parts(mistakes),
    )
    return card + explained(card)
