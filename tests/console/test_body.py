"""What is counted of requests: what arrives apart from what is worked on, and who holds more than an equal share."""

from __future__ import annotations

import pytest

from image_assets.console.body import Capacity
from image_assets.console.refusals import Refused
from tests.console.served import bounds


def test_what_arrives_is_not_in_work_and_each_has_its_limit() -> None:
    capacity = Capacity(bounds(requests=1, arriving=2))
    with capacity.one_arriving(), capacity.one_arriving():
        with capacity.one_more():  # of whom two slow ones keep nothing
            pass
        with pytest.raises(Refused, match="the bodies of 2 requests are on their way"), capacity.one_arriving():
            pass
    with capacity.one_more():
        for counted in (capacity.one_more, capacity.one_arriving):
            with pytest.raises(Refused, match="1 requests are being worked on"), counted():
                pass
    assert (capacity.requests, capacity.arriving, capacity.refused) == (0, 0, 3)


def test_where_all_hold_too_much_only_who_holds_more_than_an_equal_share_is_refused() -> None:
    capacity = Capacity(bounds(held_bytes=1_000))
    with capacity.one_arriving(), capacity.one_arriving():
        capacity.held_bytes = 1_000
        capacity.check_held(900)
        capacity.held_bytes = 1_001
        capacity.check_held(500)
        with pytest.raises(Refused, match="requests hold 1,001 bytes"):
            capacity.check_held(501)
