"""Polygons and neighbours on the map, beside the plain ways of finding them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path

from image_assets.answers.map.geometry import STEPS, Plane, within


def crowds(number: int = 20_000) -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.normal(size=(number, 2)) * 9 + random.integers(-40, 40, (12, 2))[np.arange(number) % 12]).astype(
        np.float32
    )


STAR = np.array([(np.cos(turn), np.sin(turn)) for turn in np.arange(5) * 4 * np.pi / 5])


@pytest.mark.parametrize("seed", range(12))
def test_a_polygon_holds_what_the_plain_way_finds(seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = Plane(crowds())
    corners = random.normal(size=(random.integers(3, 40), 2)) * random.choice([1, 20, 300]) + random.normal(size=2) * 20
    found = plane.inside(corners)
    np.testing.assert_array_equal(found, within(plane.points.astype(np.float64), corners))


def test_a_line_that_is_drawn_holds_what_matplotlib_finds() -> None:
    plane = Plane(crowds())
    turns = np.linspace(0, 2 * np.pi, 80, endpoint=False)
    drawn = np.column_stack([30 * np.cos(turns), 18 * np.sin(turns) + 6 * np.cos(5 * turns)])
    expected = Path(drawn).contains_points(plane.points.astype(np.float64))
    assert 1_000 < expected.sum() < 19_000
    np.testing.assert_array_equal(plane.inside(drawn), expected)


def test_what_a_line_goes_around_twice_is_outside_and_a_huge_or_far_one_is_no_trouble() -> None:
    points = np.array([[0, 0], [0, 0.6], [0.7, 0.05], [-1, -1], [1, 1]], np.float32)
    plane = Plane(points)
    assert plane.inside(STAR).tolist() == [False, False, True, False, False]
    assert plane.inside(STAR * 1e12).tolist()[1:] == within(points.astype(np.float64), STAR * 1e12).tolist()[1:]
    assert not plane.inside(STAR + 1e9).any()
    assert plane.inside(np.array([[-9, -9], [9, -9], [9, 9], [-9, 9]], np.float64)).all()
    assert not plane.inside(np.array([[0, 0], [1, 1], [0, 0]], np.float64)).any()


def test_the_nearest_come_in_their_order_and_only_of_those_that_may() -> None:
    plane = Plane(crowds(500))
    place = plane.points[7]
    order = np.argsort(np.linalg.norm(plane.points - place, axis=1), kind="stable")
    assert plane.nearest(place, 9).tolist() == order[:9].tolist()
    may = np.arange(500) % 3 == 0
    assert plane.nearest(place, 9, may).tolist() == [one for one in order if may[one]][:9]
    assert plane.nearest(place, 9, np.arange(500) == 4).tolist() == [4]
    assert len(plane.nearest(place, 9_999)) == 500


def test_positions_are_steps_of_a_square_in_the_middle_of_which_a_narrow_map_lies() -> None:
    plane = Plane(np.array([[0, 10], [4, 10], [4, 11]], np.float32))
    assert (plane.side, plane.corner.tolist()) == (4, [0, 8.5])
    back = plane.corner + plane.positions * (plane.side / STEPS)
    assert np.abs(back - plane.points).max() <= plane.side / STEPS / 2
    for few in (np.zeros((0, 2), np.float32), np.ones((3, 2), np.float32)):
        assert Plane(few).positions.shape == few.shape
        assert Plane(few).inside(np.array([[0, 0], [9, 0], [9, 9], [0, 9]], np.float64)).tolist() == [True] * len(few)
