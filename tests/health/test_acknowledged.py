"""What somebody said of a check that did not pass: it holds while that is so, and makes nothing look well."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from image_assets.asset_checks.check import ERROR, WARN, Check, Outcome, Subject, _evaluated
from image_assets.health.acknowledged import Acknowledgements, NotToBeAcknowledged, holding
from image_assets.health.check_book import CheckBook, CheckState
from image_assets.resources.extractors import ExtractorResource
from image_assets.schema import Partition
from image_assets.store.store import Store
from tests.platform import FIRST, small_dataset

DATASET = small_dataset()
PLANT, ANIMAL = Partition(FIRST, "plant"), Partition(FIRST, "animal")


class Place:
    """A store, and a check that passes or not."""

    def __init__(self, root: Path) -> None:
        self.store = Store(str(root))
        self.said = Acknowledgements(self.store, DATASET.name)

    def look(self, passed: bool, partition: Partition = PLANT, severity: dg.AssetCheckSeverity = WARN) -> CheckState:
        """Have the check evaluated as a run does, and give what the store knows of it then."""
        check = Check("planted", "what is looked at", lambda _: Outcome(passed), severity, False, "", "")
        subject = Subject(DATASET, self.store, ExtractorResource(), partition)
        _evaluated(dg.AssetKey([DATASET.name, "raw_images"]), [check], subject, "run")
        return next(one for one in CheckBook(self.store, DATASET.name).states() if one.partition == partition)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_it_holds_until_the_check_passes_and_not_when_it_fails_again(place: Place) -> None:
    said = place.said.say(place.look(False), "the camera is known to be dark", "ann")
    again = place.look(False)
    assert holding(place.said.all(), [again]) == {again.identity: said}
    assert (again.state, said.by, said.state) == ("warned", "ann", "warned")
    place.look(True)
    assert place.said.all() == {}
    failed_again = place.look(False)
    assert holding(place.said.all(), [failed_again]) == {}


def test_it_is_said_of_one_check_of_one_partition(place: Place) -> None:
    other = place.look(False, ANIMAL)
    place.said.say(place.look(False), "known", "ann")
    place.look(True, ANIMAL)
    assert [one.partition for one in place.said.all()] == [PLANT]
    assert other.identity not in place.said.all()


def test_what_is_worse_than_what_was_said_has_not_been_acknowledged(place: Place) -> None:
    place.said.say(place.look(False), "known", "ann")
    assert holding(place.said.all(), [place.look(False, severity=ERROR)]) == {}
    place.said.say(place.look(False, severity=ERROR), "known to fail", "ann")
    better = place.look(False)
    assert better.identity in holding(place.said.all(), [better])


@pytest.mark.parametrize(("passed", "comment"), [(True, "well"), (False, "  "), (False, "x" * 1001)])
def test_what_passed_and_what_is_not_explained_is_refused(place: Place, passed: bool, comment: str) -> None:
    with pytest.raises(NotToBeAcknowledged, match=r"raw_images/planted \[2026-11-03 plant\]"):
        place.said.say(place.look(passed), comment, "ann")
    assert place.said.all() == {}


def test_it_can_be_taken_back(place: Place) -> None:
    check = place.look(False)
    place.said.say(check, "known", "ann")
    assert place.said.take_back(check.identity)
    assert not place.said.take_back(check.identity)
    assert place.said.all() == {}
