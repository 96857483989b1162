"""How a model does on sources that it never saw: the figures that its manifest keeps, and their words. Light."""

from __future__ import annotations

from pydantic import Field, ValidationError

from image_assets.classifier.familiarity_record import FamiliarityRecord, familiarity_of_manifest
from image_assets.settings.section import Frozen
from image_assets.store.models.model_files import ModelManifest
from image_assets.wording import some

UNSEEN = "unseen_sources"
"""Among the metrics of a manifest."""
CERTAIN = 0.99
_NAMED = 5


class SourceShare(Frozen):
    """A source set that was left out."""

    name: str
    images: int = Field(description="That were judged.")
    right: int

    @property
    def shown(self) -> str:
        """The name for people: images of no folder have none."""
        return self.name or "(no source named)"


class UnseenSources(Frozen):
    """Figures of models of the same kind, each trained without the sources that it is judged on."""

    why: str = Field(default="", description="Why there are no figures; empty where there are.")
    sources: int = Field(description="Source sets that the images came from.")
    folds: int = Field(default=0, description="Models that were trained; of many sources, each is without several.")
    sampled: int = Field(description="Images that they were trained and judged on.")
    all_images: int = Field(description="Images that these are a sample of.")
    images: int = Field(default=0, description="Images judged, each once.")
    accuracy: float | None = None
    low: float | None = Field(default=None, description="Of the 95 % interval, as far as sources differ.")
    high: float | None = None
    macro_f1: float | None = None
    calibration_error: float | None = None
    mistakes: int = 0
    certain_mistakes: int = Field(default=0, description="Mistakes with a probability above 0.99.")
    known_accuracy: float | None = Field(
        default=None, description="The model's on held-out images of the categories that are judged here."
    )
    held_back: float = Field(default=0.0, description="Share of good images that is to be held back as unknown.")
    unknown: float | None = Field(
        default=None,
        description="Share of the images judged that are unknown, by limits of other sources; null: not measured.",
    )
    answered_accuracy: float | None = Field(default=None, description="Accuracy on those that are not unknown.")
    known_unknown: float | None = Field(
        default=None, description="Share of held-out images that are unknown to the model; null: it cannot tell."
    )
    known_answered: float | None = Field(default=None, description="The model's accuracy on those that are not.")
    unjudged: tuple[str, ...] = Field(default=(), description="Categories that come from one source, or all but.")
    per_source: tuple[SourceShare, ...] = Field(default=(), description="The largest, in the order of the names.")

    def figures(self) -> dict[str, float | None]:
        """What fits on a line, for `--json`."""
        kept = {"accuracy", "low", "high", "macro_f1", "calibration_error", "images", "certain_mistakes"}
        more = {"known_accuracy", "sources", "why", "held_back", "unknown", "answered_accuracy"}
        more |= {"known_unknown", "known_answered"}
        return self.model_dump(include=kept | more)


def unseen_of(manifest: ModelManifest) -> UnseenSources | None:
    """What the manifest of a model says; None where it was not measured, such as before it was."""
    found = manifest.metrics.get(UNSEEN)
    try:
        return UnseenSources.model_validate(found) if found is not None else None
    except ValidationError:
        return None


def short_unseen(unseen: UnseenSources | None) -> str:
    """The figure, or why there is none, in two words."""
    if unseen is None:
        return "not measured"
    if unseen.accuracy is not None:
        return f"{unseen.accuracy:.1%}"
    return "one source" if unseen.sources < 2 else "cannot be told"


def told_of_unseen(manifest: ModelManifest) -> str:
    """What the manifest of a model says, see `said_of_unseen`."""
    return said_of_unseen(unseen_of(manifest), familiarity_of_manifest(manifest))


def said_of_unseen(unseen: UnseenSources | None, record: FamiliarityRecord | None = None) -> str:
    """A few sentences for people: what is to be expected of images from elsewhere.

    Args:
        unseen: What was measured.
        record: What the limit of what is unknown comes from; None where nothing is to be said of it.
    """
    if unseen is None:
        return "On sources it never saw: not measured."
    parts = (_expected(unseen), _known(unseen), record.sentence if record else "", _not_judged(unseen))
    return " ".join(part for part in parts if part)


def _expected(unseen: UnseenSources) -> str:
    if unseen.accuracy is None or unseen.low is None or unseen.high is None:
        return f"On sources it never saw: not known, for {unseen.why}."
    known = "" if unseen.known_accuracy is None else f"; on held-out images: {unseen.known_accuracy:.1%}"
    text = (
        f"On sources it never saw: {unseen.accuracy:.1%} (95 %: {unseen.low:.1%} – {unseen.high:.1%}){known}. "
        "Expect the first for new suppliers."
    )
    if unseen.unknown is not None and unseen.answered_accuracy is not None:
        text += (
            f" It says unknown of {unseen.unknown:.1%} of them; of the others it has {unseen.answered_accuracy:.1%} "
            "right."
        )
    elif unseen.known_unknown is None:
        text += " It cannot tell what looks unlike all that it was trained on."
    return text


def _known(unseen: UnseenSources) -> str:
    if unseen.known_unknown is None:
        return ""
    rest = "" if unseen.known_answered is None else f"; of the others it has {unseen.known_answered:.1%} right"
    return f"Of the images held out it says unknown of {unseen.known_unknown:.1%}{rest}."


def _not_judged(unseen: UnseenSources) -> str:
    if not unseen.unjudged:
        return ""
    return f"Not judged, as all of it is from one source: {some(unseen.unjudged, _NAMED)}."
