"""From a newly trained model to a decision that is kept: is it promoted, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from obstore.store import ObjectStore

from image_assets.classifier.promotion.gate import Agreement, agreement, compare_answers, judge, unfit
from image_assets.classifier.promotion.unseen_gate import compare_unseen
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.classifier.training.images import BY_IMAGE
from image_assets.classifier.unseen import unseen_of
from image_assets.settings.promotion import Promotion
from image_assets.store.conditional_put import ChangedMeanwhileError
from image_assets.store.models.model import Model
from image_assets.store.models.model_champion import Champion, SeenChampion, prune_models, see_champion, switch
from image_assets.store.models.model_files import (
    ModelDescription,
    ModelManifest,
    ModelMissingError,
    ModelRefusedError,
    load_model_of,
    store_model,
)
from image_assets.store.models.model_history import Decision, write_decision
from image_assets.store.retrying import until_landed


@dataclass(frozen=True)
class LabelledImages:
    """The images that models are judged on.

    Attributes:
        features: float32 [N, D], of all images that may be learnt from.
        labels: int16 [N].
        days: datetime64[D] [N], when each arrived.
        held_out: bool [N], whether it is held out now.
        held_out_at: The same for another share: what a champion of other settings was not trained on.
    """

    features: np.ndarray
    labels: np.ndarray
    days: np.ndarray
    held_out: np.ndarray
    held_out_at: Callable[[float], np.ndarray]


@dataclass(frozen=True)
class Trial:
    """What a challenger is judged by.

    Attributes:
        evaluation: Its figures on the held-out images.
        evidence: The images.
        rules: Of the dataset file.
    """

    evaluation: Evaluation
    evidence: LabelledImages
    rules: Promotion


@dataclass(frozen=True)
class Challenged:
    """What became of a challenger.

    Attributes:
        decision: As it was recorded.
        challenger: Manifest of the challenger.
        champion: The champion from now on.
        removed: First 12 digits of models that were removed because there were too many.
    """

    decision: Decision
    challenger: ModelManifest
    champion: Champion
    removed: list[str]


def challenge(
    objects: ObjectStore, prefix: str, model: Model, description: ModelDescription, trial: Trial
) -> Challenged:
    """Keep a trained model, decide whether it becomes the champion, record that and, if so, switch.

    The switch is the last write but for the removal of old models; a run that is killed before it has changed nothing
    for readers, and when it is run again decides the same.

    Args:
        objects: The store.
        prefix: Folder of the dataset's models.
        model: The challenger.
        description: What it is.
        trial: What it is judged by.

    Raises:
        ChangedMeanwhileError: the champion was switched by others again and again while this run was deciding.
        ModelRefusedError: there is no champion, and the model cannot be loaded again.
    """
    challenger = store_model(objects, prefix, model, description)

    def attempt() -> tuple[Decision, Champion]:
        seen = see_champion(objects, prefix)
        decision = decide(objects, prefix, seen, challenger, trial)
        champion = _champion_after(seen.champion, decision)
        write_decision(objects, prefix, decision)
        switch(objects, prefix, seen, champion)
        return decision, champion

    # Where there is another champion meanwhile, it must be compared with that one.
    decision, champion = until_landed(attempt, ChangedMeanwhileError)
    return Challenged(decision, challenger, champion, prune_models(objects, prefix, champion, trial.rules.keep))


def decide(objects: ObjectStore, prefix: str, seen: SeenChampion, challenger: ModelManifest, trial: Trial) -> Decision:
    """Decide about a challenger that lies in the store; nothing is written."""
    evaluation, evidence = trial.evaluation, trial.evidence
    facts = _Facts(challenger, seen.champion.sha256 if seen.champion else None, evaluation.accuracy)
    if seen.champion and seen.champion.sha256 == challenger.sha256:
        return facts.decided(False, "same model", "the champion was trained once more: the same model, bit by bit")
    if seen.champion and challenger.sha256 in seen.champion.withdrawn:
        return facts.decided(
            False, "withdrawn", "this very model was rolled back by hand; promote it by hand to have it again"
        )
    try:
        loaded, _ = load_model_of(objects, prefix, challenger.sha256)
    except (ModelRefusedError, ModelMissingError) as error:
        if seen.champion is None:
            raise  # what cannot be loaded cannot be the champion, not even where there is none
        return facts.decided(False, "unfit", f"it cannot be loaded: {error}")
    answers = loaded.predict_proba(evidence.features[evidence.held_out])
    trained_labels = set(np.unique(evidence.labels[~evidence.held_out]).tolist())
    problems = unfit(evaluation, answers, set(loaded.classes.tolist()), trained_labels)
    if seen.champion is None:
        # Better a weak model that the checks complain of than none; what is broken is none.
        reason = "first" if not seen.problem else "not comparable"
        said = "there was no champion" if not seen.problem else f"the champion cannot be read: {seen.problem}"
        return facts.decided(True, reason, said + "".join(f"; {problem}" for problem in problems))
    try:
        champion, manifest = load_model_of(objects, prefix, seen.champion.sha256, challenger.extractor_digest)
    except (ModelRefusedError, ModelMissingError) as error:
        return facts.decided(True, "not comparable", f"the champion cannot be compared: {error}")
    if manifest.classes != challenger.classes:
        return facts.decided(
            True, "not comparable", f"the champion was trained for other classes: {dict(manifest.classes)}"
        )
    if problems:
        return facts.decided(False, "unfit", "; ".join(problems))
    return _compared(facts, champion, loaded, manifest, evidence, trial.rules)


@dataclass(frozen=True)
class _Facts:
    """What is known of a challenger before it is compared."""

    challenger: ModelManifest
    champion: str | None
    accuracy: float

    def decided(self, promoted: bool, reason: str, explanation: str, **figures: object) -> Decision:
        known = {"challenger_accuracy": self.accuracy, **figures}
        return Decision.model_validate(
            {
                "data_day": self.challenger.data_day,
                "challenger": self.challenger.sha256,
                "candidate": self.challenger.candidate,
                "champion": self.champion,
                "promoted": promoted,
                "reason": reason,
                "explanation": explanation,
                **known,
            }
        )


def _compared(
    facts: _Facts,
    champion: Model,
    challenger: Model,
    champion_manifest: ModelManifest,
    evidence: LabelledImages,
    rules: Promotion,
) -> Decision:
    aside = unseen_by_both(evidence, champion_manifest, facts.challenger)
    labels = evidence.labels[aside]
    if len(labels) == 0:
        return facts.decided(True, "not comparable", "no image is held out from both the champion and the challenger")
    features = evidence.features[aside]
    comparison = compare_answers(labels, champion.predict(features), challenger.predict(features))
    verdict = judge(comparison, rules)
    figures: dict[str, object] = {
        "images": comparison.images,
        "challenger_accuracy": comparison.challenger_accuracy,
        "champion_accuracy": comparison.champion_accuracy,
        "gained": comparison.gained,
        "lost": comparison.lost,
        "p_value": comparison.p_value,
        "lower_bound": comparison.lower_bound(rules.confidence),
    }
    found = _agreement(champion, champion_manifest, facts.challenger, evidence, aside, rules)
    if found is not None:
        figures |= {"new_images": found.images, "disagreement": found.disagreement}
        if found.is_suspect:
            return facts.decided(
                False,
                "labels disagree",
                f"the champion gets {found.accuracy:.1%} of {found.images:,} new images right, where "
                f"{found.expected:.1%} were to be expected: about {found.disagreement:.0%} of their labels are wrong, "
                "or the images have changed; look at label_suspects, and promote it by hand if the labels are right",
                **figures,
            )
    elsewhere = compare_unseen(unseen_of(champion_manifest), unseen_of(facts.challenger), rules)
    if elsewhere is None:
        return facts.decided(verdict.promoted, verdict.reason, verdict.explanation, **figures)
    said = f"{verdict.explanation}; {elsewhere.explanation}"
    if verdict.promoted and elsewhere.is_worse(rules):
        said = (
            f"worse for new suppliers: accuracy {elsewhere.explanation}; on held-out images it is {verdict.explanation}"
        )
        return facts.decided(False, "worse", said, **figures)
    return facts.decided(verdict.promoted, verdict.reason, said, **figures)


def unseen_by_both(evidence: LabelledImages, champion: ModelManifest, challenger: ModelManifest) -> np.ndarray:
    """bool [N]: the images that are held out now and that the champion was not trained on either.

    With the same split these are all that are held out. By images of another share, the champion was trained on some
    of them where its share was smaller. Where the split itself was changed, it may have seen any image of its
    partitions, but for those that it held out by image.
    """
    if champion.split == challenger.split and champion.held_out == challenger.held_out:
        return evidence.held_out
    by_image = champion.split.startswith(BY_IMAGE)
    if by_image and challenger.split.startswith(BY_IMAGE):
        return evidence.held_out & evidence.held_out_at(champion.held_out)
    unseen = ~of_partitions(evidence, champion.partitions, champion.classes)
    return evidence.held_out & (unseen | evidence.held_out_at(champion.held_out) if by_image else unseen)


def _agreement(
    champion: Model,
    manifest: ModelManifest,
    challenger: ModelManifest,
    evidence: LabelledImages,
    aside: np.ndarray,
    rules: Promotion,
) -> Agreement | None:
    if rules.max_disagreement is None:
        return None
    # A day that was refused and that the challenger was not trained on is nothing to hold against it.
    seen = of_partitions(evidence, manifest.partitions, manifest.classes)
    learnt = of_partitions(evidence, challenger.partitions, challenger.classes)
    can_answer = np.isin(evidence.labels, champion.classes)
    old, new = aside & seen & can_answer, learnt & ~seen & can_answer
    if not old.any() or not new.any():
        return None
    return agreement(
        (evidence.labels[old], champion.predict(evidence.features[old])),
        (evidence.labels[new], champion.predict(evidence.features[new])),
        rules.max_disagreement,
        rules.confidence,
    )


def of_partitions(
    evidence: LabelledImages, partitions: list[tuple[dt.date, str]], classes: Mapping[str, int]
) -> np.ndarray:
    """bool [N]: whether an image is of one of these days and categories."""
    found = np.zeros(len(evidence.labels), bool)
    for category, label in classes.items():
        days = np.array([day for day, name in partitions if name == category], "datetime64[D]")
        found |= (evidence.labels == label) & np.isin(evidence.days, days)
    return found


def _champion_after(before: Champion | None, decision: Decision) -> Champion:
    if before is not None and not decision.promoted:
        return before.model_copy(update={"latest": decision.challenger})
    return Champion.model_validate(
        {
            "sha256": decision.challenger,
            "since": decision.data_day,
            "reason": decision.reason,
            "replaced": before.sha256 if before else None,
            "latest": decision.challenger,
            "withdrawn": before.withdrawn if before else (),
        }
    )
