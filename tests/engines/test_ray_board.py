"""The board by itself, without a cluster: what units leave, and who is told not to go on."""

from __future__ import annotations

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

from image_assets.engines.ray_board import Board


def test_the_driver_is_told_how_far_units_are_and_where_they_were_begun() -> None:
    board = Board()
    board.report(0, 3, 10, 5.0, "one")
    board.report(0, 3, 4, 1.0, "two")  # a copy, which is not as far
    board.report(0, 4, 0, 0.0, "two")
    told = board.told(0, [])
    assert {number: (done, where) for number, (done, _, where) in told.items()} == {
        3: (10, {"one", "two"}),
        4: (0, {"two"}),
    }
    assert told[3][1] >= 5.0
    assert board.told(0, [3]).keys() == {4}
    assert board.told(0, []).keys() == {4}


def test_stages_are_told_apart() -> None:
    board = Board()
    board.report(0, 3, 10, 0.0, "one")
    board.give_up(0, 3)
    assert board.told(1, []) == {}
    assert board.report(0, 3, 11, 0.0, "one")
    assert not board.report(1, 3, 11, 0.0, "one")


def test_only_units_that_nobody_waits_for_are_stopped() -> None:
    board = Board()
    assert not board.report(0, 3, 1, 0.0, "one")
    assert not board.report(0, 4, 1, 0.0, "one")
    board.give_up(0, 3)
    assert board.report(0, 3, 2, 0.0, "one")
    assert not board.report(0, 4, 2, 0.0, "one")
    board.end(0)
    assert board.report(0, 4, 3, 0.0, "one")
    assert board.told(0, []) == {}
