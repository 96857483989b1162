"""Which days of a category are compared with which: a day, with those before it where it is small, and two sides.

The moving window says what has changed lately; the fixed reference, the category's first days, what has changed so
slowly that no window shows it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from image_assets.settings.quality import Drift

BESIDE_THE_DAYS_BEFORE, BESIDE_THE_FIRST_DAYS = "Beside the days before", "Beside the first days"
"""How what a drift check says of either side begins."""
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class ComparedDays:
    """Days that hold images, each list in order.

    Attributes:
        pool: The day, and as many days before it as are needed to have images enough; empty where it has none itself.
        window: The days before the pool.
        reference: The first days, as far as they are before the pool; empty where the window holds all of them.
    """

    pool: Sequence[dt.date]
    window: Sequence[dt.date]
    reference: Sequence[dt.date]


def compared_days(images: Mapping[dt.date, int], day: dt.date, spec: Drift) -> ComparedDays:
    """Choose the days. Whether they hold enough images to be compared is for the caller to see.

    Args:
        images: The category's images by day; days without any may be left out.
        day: The day in question; later days do not count.
        spec: Window, reference, and how many images are enough.
    """
    before = sorted(one for one, number in images.items() if number > 0 and one < day)
    if not images.get(day):
        return ComparedDays([], [], [])
    pool = _pool(images, day, before, spec)
    before = [one for one in before if one < pool[0]]
    window = [one for one in before if one >= pool[0] - spec.window_days * _ONE_DAY]
    reference = _reference(images, before, spec)
    return ComparedDays(pool, window, [] if set(reference) <= set(window) else reference)


def _pool(images: Mapping[dt.date, int], day: dt.date, before: Sequence[dt.date], spec: Drift) -> list[dt.date]:
    pool = [day]
    for one in reversed(before):
        if sum(images[day] for day in pool) >= spec.min_images or one < day - spec.window_days * _ONE_DAY:
            break
        pool.insert(0, one)
    return pool


def _reference(images: Mapping[dt.date, int], before: Sequence[dt.date], spec: Drift) -> list[dt.date]:
    normal = [one for one in before if spec.reference_from is None or one >= spec.reference_from]
    if not normal or not spec.reference_days:
        return []
    last = (spec.reference_from or normal[0]) + (spec.reference_days - 1) * _ONE_DAY
    reference: list[dt.date] = []
    for one in normal:
        if one > last and sum(images[day] for day in reference) >= spec.min_images:
            break
        reference.append(one)
    return reference
