"""How many files usually arrive, whether a day's number is unusual, and which days are missing.

Numbers of files vary by factors, so they are compared on a logarithmic scale, with a median that a few odd days do not
move.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from image_assets.settings.quality import Volume

# Median absolute deviation to standard deviation, of a normal distribution.
_MAD_TO_SIGMA = 1.4826
_SIGMAS = 3
_SMALLEST_SPREAD = 0.05
# A category that is very regular is still allowed this part of the factor, on the logarithmic scale.
_ALWAYS_ALLOWED = 0.5
_SAME_WEEKDAYS = 2
_LATEST_ARRIVALS = 7
# The spread of a median of n normal numbers, beside that of their mean.
_MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)
_NORMALLY = 0.75
# A day of the week is judged as if so many more of it had been like all days together.
_PRIOR_DAYS = 4
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class UsualVolume:
    """What was to be expected of a day.

    Attributes:
        median: Files on the days that it is compared with; 0 where there are too few of these.
        below: So many files or fewer are unusual.
        above: So many files or more are unusual.
        days: How many days it is compared with.
        weekday: Whether these are only the same days of the week.
    """

    median: float
    below: float
    above: float
    days: int
    weekday: bool

    def is_usual(self, files: int) -> bool:
        """Whether so many files are no reason to worry."""
        return not self.days or self.below < files < self.above


def expected_volume(counts: Mapping[dt.date, int], day: dt.date, spec: Volume) -> UsualVolume:
    """What the days before let one expect of a day.

    Days are compared with the median of all days in the window that had any file; with that of the same days of the
    week where these clearly differ from the others, as weekends do. Unusual is what is off by three robust standard
    deviations of the logarithm, though never less than factor^0.5 nor more than the factor: the factor itself is
    always caught, unless there are so few files that chance alone does it (three standard deviations of a Poisson
    distribution).

    Args:
        counts: Files by day; days without any may be left out.
        day: The day in question; only days before it count.
        spec: Window, least history, factor.
    """
    window = {one: n for one, n in counts.items() if n > 0 and day - spec.window_days * _ONE_DAY <= one < day}
    if len(window) < spec.min_days:
        return UsualVolume(0, 0, math.inf, 0, weekday=False)
    logs = np.log(np.array(list(window.values()), dtype=float))
    weekdays = np.array([one.weekday() for one in window])
    centre, compared = float(np.median(logs)), np.full(len(logs), True)
    spread = _spread(logs - centre)
    same = weekdays == day.weekday()
    within = _spread(logs - [np.median(logs[weekdays == one]) for one in weekdays])
    if same.sum() >= _SAME_WEEKDAYS and abs(np.median(logs[same]) - centre) > _SIGMAS * within:
        centre, compared, spread = float(np.median(logs[same])), same, within
    factor = math.log(spec.factor)
    allowed = min(max(_SIGMAS * spread, _ALWAYS_ALLOWED * factor), factor)
    allowed = max(allowed, _SIGMAS / math.sqrt(math.exp(centre)))
    # What is just at the limit is unusual, whatever the rounding.
    limit = math.exp(allowed - 1e-9)
    median = math.exp(centre)
    return UsualVolume(median, median / limit, median * limit, int(compared.sum()), weekday=not compared.all())


@dataclass(frozen=True)
class Trend:
    """What has become of a category's number of files since its first days.

    Attributes:
        first: Median of the first days, files.
        latest: Median of the latest ones, files.
        since: The first of the first days.
        changed: Whether the two differ by more than the factor, and by more than chance explains.
    """

    first: float
    latest: float
    since: dt.date
    changed: bool


def volume_trend(counts: Mapping[dt.date, int], day: dt.date, spec: Volume) -> Trend | None:
    """Compare the last seven days that had any file with those of the first `window_days`.

    What declines by a little every day is usual beside the days just before it, which have declined too. Chance is
    three standard deviations of the two medians on the logarithmic scale, of days that vary as these do and of files
    that come by chance (Poisson).

    Args:
        counts: Files by day; days without any may be left out.
        day: The last day that counts.
        spec: Window, least history, factor, and from when on days are the first.

    Returns:
        None where there are not enough days that are no others' first ones.
    """
    start = spec.reference_from or dt.date.min
    arrived = sorted(one for one, n in counts.items() if n > 0 and start <= one <= day)
    first = [one for one in arrived if one < (spec.reference_from or arrived[0]) + spec.window_days * _ONE_DAY]
    latest = arrived[-_LATEST_ARRIVALS:]
    if len(first) < spec.min_days or latest[0] <= first[-1]:
        return None
    sides = [np.log(np.array([counts[one] for one in days], dtype=float)) for days in (first, latest)]
    before, now = (float(np.median(logs)) for logs in sides)
    variances = [
        (_spread(logs - np.median(logs)) ** 2 + math.exp(-float(np.median(logs)))) / len(logs) for logs in sides
    ]
    chance = _SIGMAS * _MEDIAN_TO_MEAN * math.sqrt(sum(variances))
    # As in `expected_volume`, what is just at the limit has changed.
    changed = abs(now - before) > max(math.log(spec.factor) - 1e-9, chance)
    return Trend(math.exp(before), math.exp(now), first[0], changed)


def missing_days(counts: Mapping[dt.date, int], day: dt.date, spec: Volume) -> list[dt.date]:
    """The days up to this one on which something would normally have arrived, but nothing did.

    Something normally arrives on a day of the week if it did on three of four of these, up to the last arrival; so
    weekends on which nothing ever arrives are not missing. Days before the window or the first arrival are not.

    Args:
        counts: Files by day; days without any may be left out.
        day: The last day that may be missing.
        spec: Window and least history.
    """
    arrived = {one for one, n in counts.items() if n > 0 and one <= day}
    if not arrived:
        return []
    # The end of a category must not become what is normal, however long ago it is.
    history = _days(max(min(arrived), max(arrived) - spec.window_days * _ONE_DAY), max(arrived))
    if sum(one in arrived for one in history if one < day) < spec.min_days:
        return []
    days = _days(max(min(arrived), day - spec.window_days * _ONE_DAY), day)
    return [one for one in days if one not in arrived and _normally_arrives(one, history, arrived)]


def may_be_empty(counts: Mapping[dt.date, int], day: dt.date, spec: Volume, run_before: int) -> bool:
    """Whether it is nothing unusual that a day has no file.

    It is not unusual on days of the week on which nothing normally arrives, nor in a category that never had anything
    on as many days as are needed to compare. On the first days, of which nothing is known yet, it is.

    Args:
        counts: Files by day; days without any may be left out.
        day: The day in question.
        spec: Least history and window.
        run_before: Days of the window before it that were run.
    """
    arrived = {one for one, n in counts.items() if n > 0 and one < day}
    if not arrived:
        return run_before >= spec.min_days
    # As in `missing_days`: the end of a category must not become what is normal.
    history = _days(max(min(arrived), max(arrived) - spec.window_days * _ONE_DAY), max(arrived))
    return len(history) >= spec.min_days and not _normally_arrives(day, history, arrived)


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + number * _ONE_DAY for number in range((last - first).days + 1)]


def _normally_arrives(day: dt.date, history: list[dt.date], arrived: set[dt.date]) -> bool:
    others = [one for one in history if one != day]
    overall = sum(one in arrived for one in others) / len(others)
    same = [one in arrived for one in others if one.weekday() == day.weekday()]
    return sum(same) + _PRIOR_DAYS * overall >= _NORMALLY * (len(same) + _PRIOR_DAYS)


def _spread(residuals: np.ndarray) -> float:
    return max(_MAD_TO_SIGMA * float(np.median(np.abs(residuals))), _SMALLEST_SPREAD)
