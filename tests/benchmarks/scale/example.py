"""Unit costs of round numbers, by which a test can work out what has to come."""

from __future__ import annotations

from dataclasses import fields

from benchmarks.scale.costs import UnitCosts


def unit_costs(**some: float) -> UnitCosts:
    """Costs of nothing but what is given."""
    return UnitCosts(**{**{one.name: 0.0 for one in fields(UnitCosts)}, **some})
