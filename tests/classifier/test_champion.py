"""From trained models to champions: promoted, refused with a reason, recorded, and the same when it is run again."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from image_assets.classifier.promotion import champion as champion_module
from image_assets.classifier.promotion.by_hand import promote_model, roll_back
from image_assets.classifier.promotion.champion import Challenged, LabelledImages, Trial, challenge
from image_assets.classifier.promotion.history_plot import decision_markdown, history_plot
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.train import train
from image_assets.settings.promotion import Promotion
from image_assets.store.models.model_champion import read_champion, see_champion, switch
from image_assets.store.models.model_files import ModelDescription, ids_digest, model_digests
from image_assets.store.models.model_history import read_history
from image_assets.store.models.model_store import champion_manifest, load_model
from image_assets.store.models.sklearn_model import SklearnModel
from tests.classifier.synthetic import CLASSES, clusters
from tests.store.saving import save_model

PREFIX = "drawn/classifier"
PER_DAY = 240
WIDTH = 16
CANDIDATE = logistic_regression(0.01)


def day(number: int) -> dt.date:
    return dt.date(2026, 11, 1) + dt.timedelta(number)


class World:
    """Days of images in memory, and models that are trained on them."""

    def __init__(self, days: int) -> None:
        self.features, self.labels = clusters(PER_DAY * days, width=WIDTH, separation=0.9)
        self.days = np.repeat([np.datetime64(day(number), "D") for number in range(days)], PER_DAY)
        self.numbers = np.random.default_rng(5).random(PER_DAY * days)
        self.store: ObjectStore = MemoryStore()

    def until(self, last: int) -> LabelledImages:
        there = self.days <= np.datetime64(day(last), "D")
        return LabelledImages(
            self.features[there],
            self.labels[there],
            self.days[there],
            self.numbers[there] < 0.25,
            lambda share: self.numbers[there] < share,
        )

    def train(self, last: int, labels: np.ndarray | None = None, rows: slice = slice(None)) -> SklearnModel:
        evidence = self.until(last)
        aside = evidence.held_out
        known = evidence.labels if labels is None else labels
        return train(evidence.features[~aside][rows], known[~aside][rows], CANDIDATE, CLASSES)

    def description(self, last: int, **changes: Any) -> ModelDescription:
        known = {
            "dataset": "drawn",
            "kind": "logistic_regression",
            "classes": CLASSES,
            "extractor": "e",
            "extractor_digest": "abc",
            "feature_width": WIDTH,
            "partitions": [(day(number), name) for number in range(last + 1) for name in CLASSES],
            "training_ids_sha256": ids_digest([str(last)]),
            "held_out": 0.25,
            "metrics": {"accuracy": 0.9},
        }
        return ModelDescription.model_validate({**known, **changes})

    def challenge(
        self,
        model: SklearnModel,
        last: int,
        rules: Promotion | None = None,
        **changes: Any,
    ) -> Challenged:
        evidence = self.until(last)
        aside = evidence.held_out
        evaluation = evaluate(model, evidence.features[aside], evidence.labels[aside], CLASSES)
        description = self.description(last, **changes)
        return challenge(self.store, PREFIX, model, description, Trial(evaluation, evidence, rules or Promotion()))


@pytest.fixture
def world() -> World:
    return World(3)


def scrambled(labels: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(labels)) < share, (labels + rng.integers(1, 3, len(labels))) % 3, labels).astype(
        np.int16
    )


def content(store: ObjectStore) -> dict[str, bytes]:
    found = [entry["path"] for batch in obstore.list(store, PREFIX) for entry in batch]
    return {path: bytes(obstore.get(store, path).bytes()) for path in found}


def test_the_first_is_promoted_and_one_that_is_no_worse_takes_its_place(world: World) -> None:
    first = world.challenge(world.train(0), 0)
    assert (first.decision.promoted, first.decision.reason, first.decision.champion) == (True, "first", None)
    second = world.challenge(world.train(1), 1)
    assert second.decision.promoted
    assert second.decision.reason in ("better", "no worse")
    assert second.decision.images == int(world.until(1).held_out.sum())
    assert second.decision.new_images == PER_DAY
    champion = read_champion(world.store, PREFIX)
    assert champion == second.champion
    assert (champion.since, champion.replaced, champion.at) == (day(1), first.challenger.sha256, None)
    assert load_model(world.store, PREFIX, "abc")[1] == second.challenger


def test_a_worse_one_is_kept_and_recorded_and_not_promoted(world: World) -> None:
    good = world.challenge(world.train(0), 0)
    labels = scrambled(world.until(1).labels, 0.6)
    worse = world.challenge(world.train(1, labels), 1)
    assert not worse.decision.promoted
    assert worse.decision.reason == "worse"
    assert worse.decision.p_value is not None
    assert worse.decision.p_value < 0.01
    assert worse.decision.difference is not None
    assert worse.decision.difference < -0.02
    assert champion_manifest(world.store, PREFIX) == good.challenger
    assert read_champion(world.store, PREFIX).latest == worse.challenger.sha256
    assert model_digests(world.store, PREFIX) == sorted(one.challenger.sha256[:12] for one in (good, worse))
    assert [one.promoted for one in read_history(world.store, PREFIX)] == [True, False]


def test_without_the_gate_the_worse_one_would_be_the_champion(world: World) -> None:
    """The negative control: saved as models were saved before there was a gate."""
    good = save_model(world.store, PREFIX, world.train(0), world.description(0))
    labels = scrambled(world.until(1).labels, 0.6)
    poisoned = save_model(world.store, PREFIX, world.train(1, labels), world.description(1))
    assert champion_manifest(world.store, PREFIX) == poisoned != good
    evidence = world.until(2)
    now, _ = load_model(world.store, PREFIX)
    before = world.train(0)
    of_now, of_before = (np.mean(one.predict(evidence.features) == evidence.labels) for one in (now, before))
    assert of_now < of_before - 0.02


@pytest.mark.parametrize("looked_at", [True, False])
def test_wrong_labels_of_a_day_are_noticed_although_its_held_out_images_have_them_too(looked_at: bool) -> None:
    """A large day on which 30 % of the plants are called animals: on its own labels, the poisoned model wins.

    Without the look at the labels it is promoted: the comparison alone is no safeguard.
    """
    world = World(3)
    world.challenge(world.train(0), 0)
    new = world.days > np.datetime64(day(0), "D")
    plants = np.flatnonzero(new & (world.labels == CLASSES["plant"]))
    chosen = np.random.default_rng(2).permutation(plants)[: int(new.sum() * 0.3)]
    world.labels[chosen] = CLASSES["animal"]
    rules = Promotion() if looked_at else Promotion(max_disagreement=None)
    poisoned = world.challenge(world.train(2), 2, rules)
    assert poisoned.decision.promoted is not looked_at
    if looked_at:
        assert poisoned.decision.reason == "labels disagree"
        assert poisoned.decision.disagreement == pytest.approx(0.3, abs=0.08)
        assert "label_suspects" in poisoned.decision.explanation


def test_the_same_run_again_changes_nothing(world: World, tmp_path: Path) -> None:
    world.store = LocalStore(tmp_path)
    world.challenge(world.train(0), 0)
    world.challenge(world.train(1), 1)
    bad = world.train(2, scrambled(world.until(2).labels, 0.6))
    before = content(world.store)
    again = world.challenge(world.train(1), 1)
    assert (again.decision.reason, again.decision.promoted) == ("same model", False)
    assert content(world.store) == before
    world.challenge(bad, 2)
    before = content(world.store)
    assert not world.challenge(bad, 2).decision.promoted
    assert content(world.store) == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extractor_digest": "def"}, "not on those of def"),
        ({"classes": {**CLASSES, "fungus": 3}}, "trained for other classes"),
    ],
)
def test_a_champion_of_another_kind_gives_way(world: World, changes: dict, said: str) -> None:
    world.challenge(world.train(0), 0)
    decision = world.challenge(world.train(1), 1, **changes).decision
    assert (decision.promoted, decision.reason) == (True, "not comparable")
    assert said in decision.explanation
    assert decision.champion_accuracy is None


@pytest.mark.parametrize("name", ["model", "champion"])
def test_a_champion_that_is_damaged_gives_way(world: World, name: str) -> None:
    first = world.challenge(world.train(0), 0).challenger
    where = first.file if name == "model" else "champion.json"
    obstore.put(world.store, f"{PREFIX}/{where}", b"<html></html>")
    decision = world.challenge(world.train(1), 1).decision
    assert (decision.promoted, decision.reason) == (True, "not comparable")
    assert where in decision.explanation
    load_model(world.store, PREFIX)


def test_a_challenger_that_has_forgotten_a_class_is_not_promoted(world: World) -> None:
    world.challenge(world.train(0), 0)
    evidence = world.until(1)
    chosen = ~evidence.held_out & (evidence.labels != 2)
    model = train(evidence.features[chosen], evidence.labels[chosen], CANDIDATE, CLASSES)
    decision = world.challenge(model, 1).decision
    assert (decision.promoted, decision.reason) == (False, "unfit")
    assert "does not know the labels [2]" in decision.explanation


def test_a_challenger_that_sees_nothing_is_not_promoted_but_better_than_none(world: World) -> None:
    evidence = world.until(0)
    nothing = np.ones_like(evidence.features[~evidence.held_out])
    blind = train(nothing, evidence.labels[~evidence.held_out], CANDIDATE, CLASSES)
    first = world.challenge(blind, 0).decision
    assert first.promoted
    assert "does not beat" in first.explanation
    world.challenge(world.train(0), 0)
    blind = train(nothing[5:], evidence.labels[~evidence.held_out][5:], CANDIDATE, CLASSES)
    assert world.challenge(blind, 0).decision.reason == "unfit"


def test_a_champion_that_was_trained_on_images_held_out_now_is_not_judged_on_them(world: World) -> None:
    numbers = world.numbers
    world.numbers = numbers + 0.15  # a tenth is held out
    world.challenge(world.train(0), 0, held_out=0.1)
    world.numbers = numbers
    evidence = world.until(1)
    fewer = LabelledImages(
        evidence.features,
        evidence.labels,
        evidence.days,
        evidence.held_out,
        lambda share: numbers[: len(evidence.labels)] < share,
    )
    model = world.train(1)
    evaluation = evaluate(model, evidence.features, evidence.labels, CLASSES)
    settled = challenge(world.store, PREFIX, model, world.description(1), Trial(evaluation, fewer, Promotion()))
    assert settled.decision.images == int((numbers[: len(evidence.labels)] < 0.1).sum())


def test_after_a_change_of_the_split_only_images_that_neither_has_seen_count(world: World) -> None:
    by_time = "by time: the last days with data held out (1)"
    world.challenge(world.train(1), 1, split="by image: 0.25 of the ids")
    evidence, model = world.until(2), world.train(1, rows=slice(0, 200))
    now = LabelledImages(
        evidence.features,
        evidence.labels,
        evidence.days,
        evidence.days >= np.datetime64(day(1), "D"),
        evidence.held_out_at,
    )
    evaluation = evaluate(model, now.features[now.held_out], now.labels[now.held_out], CLASSES)
    description = world.description(0, split=by_time)
    decision = challenge(world.store, PREFIX, model, description, Trial(evaluation, now, Promotion())).decision
    # All of the last day, and of the day before what the champion had held out by image.
    there = now.days == np.datetime64(day(2), "D")
    assert decision.images == int((there | (now.held_out & evidence.held_out)).sum())


def test_where_the_champion_has_seen_everything_nothing_is_comparable(world: World) -> None:
    world.challenge(world.train(1), 1, split="by time: the last days with data held out (1)")
    decision = world.challenge(world.train(0), 1, split="by image: 0.25 of the ids").decision
    assert decision.promoted
    assert decision.reason == "not comparable"


def test_who_switches_meanwhile_is_not_overwritten_but_compared_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.challenge(world.train(0), 0)
    other = world.train(1, rows=slice(0, 300))
    interfered: list[str] = []

    def interfering(store: ObjectStore, prefix: str, seen: Any, champion: Any) -> None:
        if not interfered:
            interfered.append("once")
            interfered.append(save_model(store, prefix, other, world.description(1)).sha256)
        switch(store, prefix, seen, champion)

    monkeypatch.setattr(champion_module, "switch", interfering)
    settled = world.challenge(world.train(1), 1)
    assert settled.decision.champion == interfered[1]
    if settled.decision.promoted:
        assert settled.champion.replaced == interfered[1]
    assert see_champion(world.store, PREFIX).champion == settled.champion


def test_old_models_go_and_their_records_stay() -> None:
    world = World(6)
    settled = [world.challenge(world.train(number), number, Promotion(keep=3)) for number in range(6)]
    assert len(model_digests(world.store, PREFIX)) == 3
    assert settled[-1].challenger.sha256[:12] in model_digests(world.store, PREFIX)
    assert [one.data_day for one in read_history(world.store, PREFIX)] == [day(number) for number in range(6)]


def test_what_was_rolled_back_is_not_promoted_again_by_itself_but_by_hand(world: World) -> None:
    now = dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
    first = world.challenge(world.train(0), 0)
    second = world.challenge(world.train(1), 1)
    roll_back(world.store, PREFIX, "abc", CLASSES, now)
    assert champion_manifest(world.store, PREFIX) == first.challenger
    again = world.challenge(world.train(1), 1)
    assert (again.decision.promoted, again.decision.reason) == (False, "withdrawn")
    third = world.challenge(world.train(2), 2)
    assert third.decision.champion == first.challenger.sha256
    promote_model(world.store, PREFIX, second.challenger.sha256[:6], "abc", CLASSES, now)
    assert read_champion(world.store, PREFIX).withdrawn == ()
    # The one that was promoted by hand is what the next must match.
    assert world.challenge(world.train(2, rows=slice(3, None)), 2).decision.champion == second.challenger.sha256


def test_the_decision_is_told_in_words_and_as_a_plot(world: World) -> None:
    world.challenge(world.train(0), 0)
    decision = world.challenge(world.train(1, scrambled(world.until(1).labels, 0.6)), 1).decision
    said = decision_markdown(decision)
    assert said.startswith("**the champion stays** (worse): ")
    assert f"{decision.champion_accuracy:.4f}" in said
    history = read_history(world.store, PREFIX)
    assert history_plot(history) == history_plot(history)
    assert history_plot(history).startswith(b"\x89PNG")
    assert history_plot([]).startswith(b"\x89PNG")
