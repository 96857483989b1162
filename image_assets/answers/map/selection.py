"""Which points of the map are meant: those that filters leave, and of them those that lassos hold.

A selection is written as the address of a page has it, so that it can be kept, sent and asked with:
`verdict=taken+for+another&lasso=add_0_0_10_0_10_10`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

import numpy as np

from image_assets.answers.known_names import refuse_other_than
from image_assets.answers.map.points import MapPoints

_LASSO, _DAY = "lasso", "day"
_ADD, _TAKE_AWAY = "add", "sub"
FILTERS = ("category", "prediction", "verdict", "day", "quality", "region")
"""The columns that may be filtered by."""
_LASSOS, _CORNERS, _VALUES = 100, 4_000, 10_000
_FAR = 1e100
"""No map reaches as far, and what is computed of a corner that does not stays finite."""


@dataclass(frozen=True)
class Lasso:
    """A polygon around points.

    Attributes:
        corners: x and y of each, as on the map; the last is joined to the first.
        takes_away: Whether it takes what it holds out of the selection, and does not add it.
    """

    corners: tuple[tuple[float, float], ...]
    takes_away: bool = False


@dataclass(frozen=True)
class MapSelection:
    """Points of the map.

    Attributes:
        filters: Column → the values that are shown; columns that are not named show all.
        lassos: In the order in which they were drawn. Where there is none, all that is shown is meant, and where
            the first one takes away, all but what it holds.
    """

    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lassos: tuple[Lasso, ...] = ()

    def shown(self, points: MapPoints) -> np.ndarray:
        """The points that the filters leave, bool [N].

        Raises:
            UnknownName: a filter has a value that there is not; a day without images is one all the same.
        """
        left = np.ones(points.number, bool)
        for name, chosen in self.filters.items():
            for value in chosen if name != _DAY else ():
                if value:
                    refuse_other_than(points.columns[name].values, value, f"{name} on the map")
            left &= points.columns[name].among(chosen)
        return left

    def mask(self, points: MapPoints) -> np.ndarray:
        """The points that are meant, bool [N]. Raises as `shown`."""
        shown = self.shown(points)
        if not self.lassos:
            return shown
        held = np.full(points.number, self.lassos[0].takes_away)
        for lasso in self.lassos:
            inside = points.plane.inside(np.asarray(lasso.corners, np.float64))
            held = held & ~inside if lasso.takes_away else held | inside
        return held & shown

    def text(self) -> str:
        """As an address has it."""
        pairs = [(name, value) for name, chosen in self.filters.items() for value in chosen or ("",)]
        return urlencode([*pairs, *((_LASSO, _lasso_text(one)) for one in self.lassos)])


def selection_in(text: str) -> MapSelection:
    """The selection that a text means.

    A filter that is named with an empty value alone shows nothing.

    Raises:
        ValueError: it is none; the message says why.
    """
    filters: dict[str, list[str]] = {}
    lassos: list[Lasso] = []
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_VALUES):
        if name == _LASSO:
            lassos.append(_lasso_in(value))
        elif name in FILTERS:
            if name == _DAY and value:
                _refuse_no_day(value)
            filters.setdefault(name, []).append(value)
        else:
            raise ValueError(f"there is no filter {name!r} of the map; there are {', '.join(FILTERS)} and {_LASSO}")
    if len(lassos) > _LASSOS:
        raise ValueError(f"{len(lassos)} lassos are too many; at most {_LASSOS} are followed")
    return MapSelection({name: tuple(dict.fromkeys(chosen)) for name, chosen in filters.items()}, tuple(lassos))


def _refuse_no_day(said: str) -> None:
    try:
        known = dt.date.fromisoformat(said).isoformat() == said
    except ValueError:
        known = False
    if not known:
        raise ValueError(f"{said!r} is no day; expected one such as 2026-11-20")


def _lasso_in(said: str) -> Lasso:
    kind, *numbers = said.split("_")
    try:
        places = [float(number) for number in numbers]
    except ValueError:
        places = [math.nan]
    fine = kind in (_ADD, _TAKE_AWAY) and len(places) % 2 == 0 and 6 <= len(places) <= 2 * _CORNERS
    if not fine or not all(abs(one) <= _FAR for one in places):  # which nan is not either
        raise ValueError(
            f"a lasso is {_ADD}_x_y_x_y… or {_TAKE_AWAY}_x_y_x_y… with 3 to {_CORNERS:,} corners, not {said[:40]!r}"
        )
    return Lasso(tuple(zip(places[::2], places[1::2], strict=True)), takes_away=kind == _TAKE_AWAY)


def _lasso_text(lasso: Lasso) -> str:
    kind = _TAKE_AWAY if lasso.takes_away else _ADD
    return "_".join([kind, *(f"{number:.7g}" for corner in lasso.corners for number in corner)])
