"""The model card: what a model is for, what it was made of, how good it is and where its limits are, in Markdown.

The headings are those of Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

import polars as pl

from image_assets.classifier.report.analysis import Findings
from image_assets.classifier.report.intervals import wilson
from image_assets.classifier.report.quality_sections import figures_of
from image_assets.classifier.report.subject import ReportSubject
from image_assets.dataset import DatasetSpec
from image_assets.markdown import markdown_table
from image_assets.store.models.model_store import ModelManifest

_WEAK = 5
_MOST_CLASSES = 200


def model_card(dataset: DatasetSpec, subject: ReportSubject, findings: Findings, manifest: ModelManifest) -> str:
    """The card of a model. The same model gives the same text."""
    return "\n".join(
        [
            f"# Model card: {_text(dataset.name)} classifier",
            "",
            *_details(subject, manifest),
            "## Intended use",
            "",
            f"Tells images apart by the {len(subject.names):,} categories below, and nothing else: an image of "
            "something else gets one of these too. Its probabilities say how sure it is; see the limits. "
            + (f"The dataset in its owner's words: {_text(dataset.description)}" if dataset.description else ""),
            "",
            *_data(subject, manifest),
            *_metrics(subject, findings),
            *_limits(subject, findings),
        ]
    )


def _details(subject: ReportSubject, manifest: ModelManifest) -> list[str]:
    libraries = ", ".join(f"{name} {version}" for name, version in sorted(manifest.libraries.items()))
    rows = [
        ("model", f"`{manifest.file}`"),
        ("SHA-256", f"`{manifest.sha256}`"),
        ("kind", _text(subject.candidate)),
        ("features", f"{manifest.feature_width:,} of {_text(manifest.extractor)}"),
        ("extractor digest", f"`{manifest.extractor_digest}`"),
        ("libraries", libraries),
    ]
    return [markdown_table(("", ""), rows), ""]


def _data(subject: ReportSubject, manifest: ModelManifest) -> list[str]:
    counts = (
        pl.DataFrame({"label": subject.labels, "aside": subject.aside})
        .group_by("label")
        .agg((~pl.col("aside")).sum().alias("training"), pl.col("aside").sum().alias("held_out"))
        .sort("label")
    )
    rows = [
        (_text(subject.names[label]), label, f"{training:,}", f"{held_out:,}")
        for label, training, held_out in counts.head(_MOST_CLASSES).iter_rows()
    ]
    days = subject.images["date"]
    return [
        "## Training and evaluation data",
        "",
        f"{len(subject.labels):,} images that arrived on {days.n_unique():,} days, {days.min()} to {days.max()}. "
        f"{manifest.held_out:.0%} of the images, chosen by their ids and with their lookalikes, were held out of all "
        "that is learnt and chosen. Left out are images that are under two categories.",
        "",
        f"Digest of the training images: `{manifest.training_ids_sha256}`.",
        "",
        markdown_table(("category", "label", "training", "held out"), rows, "lrrr"),
        *([f"\n{counts.height - _MOST_CLASSES} more categories."] if counts.height > _MOST_CLASSES else []),
        "",
    ]


def _metrics(subject: ReportSubject, findings: Findings) -> list[str]:
    figures = markdown_table(("figure", "value", "95 % interval"), figures_of(subject.evaluation), "lrr")
    found = findings.calibration
    corrected = (
        [
            f"\nCorrected by {found.way}, learnt on folds of the training images, the expected calibration error on "
            f"the images held out would be {found.error:.4f}. The model's own probabilities are not corrected."
        ]
        if found and found.way
        else []
    )
    return ["## Metrics", "", figures, *corrected, ""]


def _limits(subject: ReportSubject, findings: Findings) -> list[str]:
    evaluation, fairness = subject.evaluation, findings.fairness
    weak = sorted(
        (
            (wilson(row[place], sum(row)), one)
            for place, (one, row) in enumerate(zip(evaluation.per_class, evaluation.confusion, strict=True))
            if one.support
        ),
        key=lambda item: item[0].low,
    )[:_WEAK]
    lines = [
        "- Found the least: "
        + "; ".join(
            f"{_text(one.name)} ({one.recall:.0%} of {one.support:,}; 95 %: {interval.low:.0%} – {interval.high:.0%})"
            for interval, one in weak
        )
        + "."
    ]
    if not evaluation.converged:
        lines.append("- Training stopped at its limit of iterations before it was done.")
    if fairness.torn:
        lines.append(f"- {fairness.torn:,} groups of lookalikes are on both sides: the figures are too good.")
    if fairness.auc is not None and fairness.auc.value > fairness.auc.chance:
        lines.append(f"- The images held out differ from those of training (AUC {fairness.auc.value:.2f}).")
    lines += [
        "- What was measured holds for images like these: other cameras, places or times may be told apart worse.",
        "",
        "## Ethical considerations",
        "",
        "The platform knows images and categories, not who or what is in them: whether the figures are the same for "
        "groups of people, and whether the images may be used for this, is not measured here and for the owner of the "
        "data to say. Where images are rare, the figures of their category are uncertain: see the intervals.",
        "",
    ]
    return ["## Limits", "", *lines]


def _text(text: str) -> str:
    """Text that no reader of Markdown takes for HTML, a table's border or a link."""
    clean = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    for char in "\\`*_[]|#":
        clean = clean.replace(char, f"\\{char}")
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
