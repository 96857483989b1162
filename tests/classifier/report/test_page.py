"""The page and the card: all is there, nothing comes from elsewhere, names are text, the same bytes every time."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import numpy as np
import polars as pl
import pytest

from image_assets.classifier.report import card
from image_assets.classifier.report.analysis import Findings, analyse
from image_assets.classifier.report.card import model_card
from image_assets.classifier.report.galleries import galleries
from image_assets.classifier.report.judged_images import with_unseen
from image_assets.classifier.report.mistakes import mistakes_of
from image_assets.classifier.report.quality_sections import quality_section, unseen_section
from image_assets.classifier.report.sections import curve_section, others_section, split_section
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.report.write import report_page
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.familiarity import familiar
from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.selection import Score, TrainingRows
from image_assets.classifier.training.train import train
from image_assets.classifier.unseen import said_of_unseen
from image_assets.dataset import DatasetSpec
from image_assets.features.colour_statistics import FEATURE_NAMES
from image_assets.pages.figures import Plot
from image_assets.pages.glossary import terms_in
from image_assets.settings.classifier import Classifier, ModelReport
from image_assets.settings.split import Split
from image_assets.store.models.sklearn_model import SklearnModel
from tests.classifier.report.made import made_looks, made_manifest, made_mistakes, made_subject, thumbnails_of
from tests.exploration.references import references
from tests.platform import small_dataset

SPEC = ModelReport(max_rows=200, repeats=2, pictures=6)
WITHOUT_CURVES = SPEC.model_copy(update={"folds": 1_000})
DATASET = small_dataset(description="Drawings, <b>many</b> of them.")
SCORES = tuple(
    Score(logistic_regression(strength), 180, folds, 1.0, True)
    for strength, folds in ((0.01, (0.8, 0.82, 0.84)), (0.1, (0.7, 0.72, 0.74)))
)
PLOTS = [
    *("roc_curves", "reliability", "confusion_matrix", "candidates_compared"),
    *("importance_of_groups", "importance_of_features", "elimination", "learning_curve", "days_of_the_split"),
]


def made_page(subject: ReportSubject, findings: Findings, dataset: DatasetSpec = DATASET) -> tuple[str, list[Plot]]:
    mistakes = made_mistakes(subject, findings.galleries.errors)
    return report_page(dataset, subject, findings, mistakes, made_manifest(subject), thumbnails_of(subject))


def made_card(subject: ReportSubject, findings: Findings, dataset: DatasetSpec = DATASET) -> str:
    mistakes = made_mistakes(subject, findings.galleries.errors)
    return model_card(dataset, subject, findings, mistakes, made_manifest(subject))


@pytest.fixture(scope="module")
def subject() -> ReportSubject:
    made = made_subject(150, 41, separation=0.35)
    scored = ReportSubject(**{**{name: getattr(made, name) for name in made.__dataclass_fields__}, "scores": SCORES})
    return with_unseen(scored, DATASET, 150)


@pytest.fixture(scope="module")
def findings(subject: ReportSubject) -> Findings:
    return analyse(subject, SPEC, 0.25)


@pytest.fixture(scope="module")
def page(subject: ReportSubject, findings: Findings) -> tuple[str, list[Plot]]:
    return made_page(subject, findings)


def test_every_part_is_there(page: tuple[str, list[Plot]]) -> None:
    html, plots = page
    assert [plot.key for plot in plots] == PLOTS
    assert all(f'<figure id="{key}">' in html for key in PLOTS)
    assert all("Alarming: " in plot.caption for plot in plots)
    sections = [
        "quality",
        "unseen",
        "mistakes",
        "mistake_parts",
        "classes",
        "candidates",
        "features",
        "curves",
        "split",
        "images",
    ]
    assert re.findall(r'<section id="(\w+)">', html) == sections


def test_nothing_comes_from_elsewhere(page: tuple[str, list[Plot]]) -> None:
    html, _ = page
    assert references(html) == []
    assert "http" not in html.replace("http-equiv", "")
    assert "default-src 'none'" in html


def test_the_figures_on_the_page_are_those_of_the_evaluation(
    subject: ReportSubject, page: tuple[str, list[Plot]]
) -> None:
    html, evaluation = page[0], subject.evaluation
    for value in (evaluation.accuracy, evaluation.balanced_accuracy, evaluation.macro_f1, evaluation.majority_accuracy):
        assert f">{value:.1%}</td>" in html
    assert f"{evaluation.log_loss:.4f}" in html
    for one in evaluation.per_class:
        assert f"<td>{one.name}</td><td class=number>{one.support}</td>" in html


def test_the_same_images_give_the_same_bytes(subject: ReportSubject, page: tuple[str, list[Plot]]) -> None:
    made = ReportSubject(**{name: getattr(subject, name) for name in subject.__dataclass_fields__})
    again = made_page(made, analyse(made, SPEC, 0.25))
    assert again[0] == page[0]
    assert [plot.png for plot in again[1]] == [plot.png for plot in page[1]]


def test_the_galleries_show_what_they_say(subject: ReportSubject, findings: Findings) -> None:
    found = findings.galleries
    certainty = subject.probabilities.max(axis=1)
    wrong = subject.predicted != subject.truth
    assert [one.certainty for one in found.errors] == sorted(certainty[wrong], reverse=True)[:6]
    assert all(one.answer != one.category for one in found.errors)
    assert all(one.answer == one.category for one in found.right)
    gaps = [one.certainty - one.runner_up for one in found.doubts]
    assert gaps == sorted(gaps)
    assert gaps[0] < found.right[0].certainty - found.right[0].runner_up
    held_out = set(subject.images["image_id"].gather(subject.held_out))
    assert {one.image_id for one in (*found.errors, *found.doubts, *found.right)} <= held_out
    truth = dict(subject.images.select("image_id", "category").iter_rows())
    for one in found.errors:
        # Beside it lies an image that is what the model took it for.
        assert truth[one.like] == one.answer


def test_pictures_that_are_not_there_are_left_out(subject: ReportSubject, findings: Findings) -> None:
    assert others_section(findings, {}).galleries == []
    assert len(others_section(findings, thumbnails_of(subject)).galleries) == 2


def test_names_are_text_whatever_is_in_them() -> None:
    evil = {'<script>alert("1")</script>': 0, "a | b` & $x$": 1, "</svg><img src=x onerror=alert(1)>": 2}
    made = made_subject(120, 3, separation=0.3, classes=evil)
    found = analyse(made, WITHOUT_CURVES, 0.25)
    html, _ = made_page(made, found)
    assert references(html) == []
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "onerror=alert" not in re.sub(r">[^<]*<", "><", html)  # only as text between tags
    card = made_card(made, found)
    assert "<script" not in card
    assert "<img" not in card
    assert "<b>" not in card
    assert "a \\| b\\` &amp; $x$" in card


def test_named_features_are_called_by_their_names() -> None:
    made = made_subject(150, len(FEATURE_NAMES), names=FEATURE_NAMES)
    found = analyse(made, WITHOUT_CURVES, 0.25)
    assert found.groups == []
    assert {one.group.title for one in found.importance} == {name.replace("_", " ") for name in FEATURE_NAMES}


def test_of_few_images_there_are_no_curves_and_it_says_so() -> None:
    made = made_subject(14, 5)
    found = analyse(made, SPEC.model_copy(update={"folds": 9}), 0.25)
    assert found.calibration is None
    section = curve_section(found, 0.5)
    assert "every category needs 9 different training images" in section.text
    assert section.plots == ()


def test_the_cost_is_bounded_by_the_sample(subject: ReportSubject) -> None:
    found = analyse(subject, SPEC.model_copy(update={"max_rows": 100}), 0.25)
    training = int((~subject.aside).sum())
    # Every category keeps 50 images.
    assert found.sampled <= 150
    assert found.sampled <= training
    assert max(point.size for point in found.learning) <= found.sampled


def test_page_and_card_say_how_it_does_on_sources_it_never_saw(
    subject: ReportSubject, findings: Findings, page: tuple[str, list[Plot]]
) -> None:
    found = subject.unseen
    assert found is not None
    assert found.images == 150
    assert f"On sources it never saw: {found.accuracy:.1%}" in page[0]
    assert "supplier 3" in page[0]
    assert said_of_unseen(found) in made_card(subject, findings)


def test_the_card_says_what_its_words_mean(subject: ReportSubject, findings: Findings) -> None:
    text, _, words = made_card(subject, findings).partition("\n## What the words mean\n")
    named = [term.name for term in terms_in(text)]
    assert {"held out", "expected calibration error", "macro F1"} <= {*named}
    assert re.findall(r"^- \*\*(.+?)\*\*: \w", words, re.MULTILINE) == named


def test_page_and_card_say_what_is_unknown_and_how_many_of_the_rest_are_right(subject: ReportSubject) -> None:
    training = np.flatnonzero(~subject.aside)
    rows = TrainingRows(subject.features[training], subject.labels[training], subject.images["group"].gather(training))
    known = familiar(partial(subject.learn, probabilities=True), rows, 0)
    assert known is not None
    assert isinstance(subject.model, SklearnModel)
    record = known.record(0.1)
    told = with_unseen(replace(subject, model=known.on(subject.model), calibration=record), DATASET, 150)
    assert told.unseen is not None
    assert told.unseen.known_unknown is not None
    found = analyse(told, WITHOUT_CURVES, 0.25)
    figures = {row[0]: row for row in unseen_section(told).tables[0].rows}
    assert figures["unknown"][1:] == (f"{told.unseen.unknown:.1%}", "", f"{told.unseen.known_unknown:.1%}")
    assert figures["accuracy of the rest"][1] == f"{told.unseen.answered_accuracy:.1%}"
    assert ("unknown", f"{told.unseen.known_unknown:.1%}", "") in quality_section(told, found).tables[0].rows
    assert "called unknown" in made_card(told, found)
    assert "for all come from one source" in record.sentence
    for text in (unseen_section(told).text, made_card(told, found)):
        assert f"Of the images held out it says unknown of {told.unseen.known_unknown:.1%}" in text
        assert record.sentence in text
    shares = [share for _, share in found.galleries.strange]
    assert shares == sorted(shares)
    assert f"familiarity {shares[0]:.0%}" in others_section(found, thumbnails_of(told)).galleries[2].pictures[0].title


def test_of_a_model_that_cannot_tell_that_is_said(subject: ReportSubject, findings: Findings) -> None:
    assert findings.galleries.strange == ()
    text = made_card(subject, findings)
    assert "called unknown" not in text
    assert "It cannot tell what looks unlike all that it was trained on." in text
    assert ["unknown" in str(row) for row in unseen_section(subject).tables[0].rows] == [False] * 4


def test_of_one_source_the_page_says_that_instead_of_a_number(subject: ReportSubject) -> None:
    one = replace(subject, images=subject.images.with_columns(source_set=pl.lit("")))
    section = unseen_section(with_unseen(one, DATASET, 150))
    assert section.text == "On sources it never saw: not known, for all images come from one source."
    assert not section.tables


def test_a_planted_background_is_told_on_the_page(subject: ReportSubject) -> None:
    """Each source's pictures carry the label in their background: held-out images cannot show that, sources can."""
    random = np.random.default_rng(0)
    sets = np.array([int(name.split()[-1]) for name in subject.images["source_set"]])
    backgrounds = (random.normal(size=(4, 3, 12)) * 6).astype(np.float32)[sets, subject.labels]
    features = random.normal(size=(150, 12)).astype(np.float32) + backgrounds
    aside = subject.aside
    model = train(features[~aside], subject.labels[~aside], logistic_regression(0.01), subject.classes)
    evaluation = evaluate(model, features[aside], subject.labels[aside], subject.classes)
    planted = with_unseen(replace(subject, model=model, features=features, evaluation=evaluation), DATASET, 150)
    assert evaluation.accuracy > 0.9
    assert planted.unseen is not None
    assert planted.unseen.accuracy is not None
    assert planted.unseen.accuracy < 0.7
    text = unseen_section(planted).text
    assert f"{planted.unseen.accuracy:.1%}" in text
    assert f"on held-out images: {evaluation.accuracy:.1%}. Expect the first for new suppliers." in text


@pytest.mark.parametrize(
    ("split", "said", "by_chance"),
    [
        (Split(), "25% of the images were to be held out, whichever have such ids.", True),
        (Split(by="source"), "About 25% of the sources were held out, each with all its images;", False),
        (Split(by="time", last_days=3), "The last 3 days with data were held out, with all their images.", False),
    ],
)
def test_whether_it_was_judged_fairly_speaks_of_what_was_split_by(
    subject: ReportSubject, findings: Findings, split: Split, said: str, by_chance: bool
) -> None:
    spec = Classifier(held_out=0.25, split=split)
    section = split_section(findings, spec)
    assert section.text.startswith(said)
    assert ("such ids" in section.text) is by_chance
    assert ("what chance gives" in section.text) is by_chance
    assert ("by chance" in section.tables[0].header) is by_chance
    assert len(section.tables[0].header) == len(section.tables[0].rows[0])
    dataset = DATASET.model_copy(update={"classifier": spec})
    assert said in made_card(subject, findings, dataset)


def test_without_errors_there_are_none_to_show() -> None:
    made = made_subject(120, 30, separation=4)
    assert made.evaluation.accuracy == 1
    assert galleries(made, 5).errors == ()


def test_the_card_says_what_the_model_is_made_of(subject: ReportSubject, findings: Findings) -> None:
    manifest = made_manifest(subject)
    card = made_card(subject, findings)
    headings = re.findall(r"^## (.*)$", card, re.MULTILINE)
    assert headings == [
        *("Intended use", "Training and evaluation data", "Metrics", "Limits", "Ethical considerations"),
        "What the words mean",
    ]
    for piece in (manifest.sha256, manifest.extractor_digest, manifest.training_ids_sha256, "2026-11-03 to 2026-11-05"):
        assert piece in card
    assert "Drawings, &lt;b&gt;many&lt;/b&gt; of them." in card
    counts = pl.DataFrame({"label": subject.labels, "aside": subject.aside}).filter(pl.col("label") == 1)
    held_out = int(counts["aside"].sum())
    assert f"| animal | 1 | {counts.height - held_out} | {held_out} |" in card
    assert f"| accuracy | {subject.evaluation.accuracy:.1%} | " in card


def test_the_card_names_the_most_certain_mistakes_and_where_there_are_most(
    subject: ReportSubject, findings: Findings
) -> None:
    said = made_card(subject, findings)
    mistakes = made_mistakes(subject, findings.galleries.errors)
    first = mistakes.most_certain[0]
    row = f"| {first.category} | {first.answer} | {first.probability:.1%} | {first.source} | `{first.image_id[:12]}` |"
    assert row in said
    assert f"Of {mistakes.mistakes} mistakes on {mistakes.images} images held out" in said
    assert "Mistaken clearly more often" not in said
    blurred = pl.Series(subject.predicted != subject.truth)
    planted = mistakes_of(subject, made_looks(subject).with_columns(blurred=blurred), findings.galleries.errors)
    worse = model_card(DATASET, subject, findings, planted, made_manifest(subject))
    assert "- Mistaken clearly more often than over all, by quality flag: blurred.\n" in worse
    right = made_subject(120, 30, separation=4)
    none = f"None: all {right.evaluation.held_out} images held out are right."
    assert none in made_card(right, analyse(right, WITHOUT_CURVES, 0.25))


def test_the_card_says_what_is_wrong_with_a_model(
    subject: ReportSubject, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card, "_MOST_CLASSES", 1)
    sound = made_card(subject, findings)
    told = (
        "- Training stopped at its limit of iterations before it was done.",
        "- 1,234 groups of lookalikes are on both sides: the figures are too good.",
        "- The images held out differ from those of training (AUC 0.90).",
    )
    assert not [line for line in told if line in sound]
    assert "\n\n2 more categories.\n\n" in sound
    assert findings.fairness.auc is not None
    auc = findings.fairness.auc._replace(value=0.9, chance=0.6)
    unfair = replace(findings, fairness=replace(findings.fairness, torn=1_234, auc=auc))
    unfinished = replace(subject, evaluation=subject.evaluation.model_copy(update={"converged": False}))
    assert "\n".join(told) in made_card(unfinished, unfair)
