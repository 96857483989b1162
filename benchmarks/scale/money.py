"""What a simulated undertaking costs in money, by prices that are given with their date.

What belongs here: prices and sums. Prices are examples to be replaced (`prices.yaml`), never measured.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from benchmarks.scale.costs import UnitCosts
from benchmarks.scale.model import Outcome
from benchmarks.scale.places import Plan

PRICES = Path(__file__).with_name("prices.yaml")


@dataclass(frozen=True)
class Prices:
    """Dollars.

    Attributes:
        date: When they were looked up.
        where: What they are of.
        example: Whether they only show the form, and are to be replaced by one's own.
        cpu_node_hour: A node of 16 cores.
        gpu_node_hour: A node of 16 cores and one GPU.
        storage_gb_month: A gigabyte of the object store.
        get_1000: A thousand requests that read.
        put_1000: A thousand requests that write or list.
    """

    date: str
    where: str
    example: bool
    cpu_node_hour: float
    gpu_node_hour: float
    storage_gb_month: float
    get_1000: float
    put_1000: float


@dataclass(frozen=True)
class Bill:
    """Dollars of an undertaking; storage is that of a month."""

    compute: float
    requests: float
    storage_month: float

    @property
    def once(self) -> float:
        """What is paid once: compute and requests."""
        return self.compute + self.requests

    def per_million(self, images: int) -> float:
        """Of `once`, for a million images."""
        return self.once / images * 1e6


def read_prices(path: Path = PRICES) -> Prices:
    """Prices from a YAML file.

    Raises:
        ValueError: one is missing, unknown or no number of zero or more; the message names it.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    names = {one.name for one in fields(Prices)}
    if wrong := sorted(names ^ set(content)):
        raise ValueError(f"{path}: missing or unknown: {', '.join(wrong)}")
    numbers = names - {"date", "where", "example"}
    if odd := sorted(name for name in numbers if not isinstance(content[name], int | float) or content[name] < 0):
        raise ValueError(f"{path}: no number of zero or more: {', '.join(odd)}")
    return Prices(**{**content, "date": str(content["date"])})


def bill(plan: Plan, outcome: Outcome, costs: UnitCosts, prices: Prices) -> Bill:
    """What an outcome costs: nodes from the first run to the end of the last, requests, and a month of storage."""
    gigabytes = outcome.images * (costs.photo_bytes + costs.stored_bytes + costs.feature_bytes) / 1e9
    return Bill(
        compute=plan.nodes.count * outcome.seconds / 3600 * prices.cpu_node_hour,
        requests=outcome.gets / 1000 * prices.get_1000 + outcome.puts / 1000 * prices.put_1000,
        storage_month=gigabytes * prices.storage_gb_month,
    )
