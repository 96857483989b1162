"""What is to be done about what is wrong with a store, and moving damaged files aside. Nothing is ever deleted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import obstore
from obstore.store import ObjectStore

from image_assets.schema import Partition
from image_assets.shards.manifest import FEATURE_SHARDS
from image_assets.verification.finding import Finding, Remedy

ASIDE = "damaged"
"""The folder of a dataset that damaged files are moved to, below the time at which they were."""
LOADING = ""
"""Stands for the first asset of a partition: everything of it is made again."""
_STAYS = (Remedy.PUBLISH,)  # publishing again replaces what is damaged


@dataclass(frozen=True)
class Mending:
    """What is to be done.

    Attributes:
        aside: The files that are to be moved aside, below the dataset's folder.
        anew: The partitions that are to be made again, each from which assets on.
        whole: Whether what is made of the whole dataset is to be made again.
        left: What stays as it is: only a copy of the store brings it back, or its landing zone no longer holds it.
    """

    aside: Sequence[str]
    anew: Mapping[Partition, Sequence[str]]
    whole: bool
    left: Sequence[Finding]

    @property
    def is_nothing(self) -> bool:
        """Whether there is nothing that can be done."""
        return not (self.aside or self.anew or self.whole)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        anew = [{**one.as_json(), "from": [*first]} for one, first in sorted(self.anew.items())]
        left = [one.as_json() for one in self.left]
        return {"moved_aside": [*self.aside], "made_again": anew, "whole_dataset": self.whole, "left": left}


def mending_of(findings: Iterable[Finding], is_landed: Callable[[Partition], bool]) -> Mending:
    """What is to be done about findings.

    Args:
        findings: What is wrong.
        is_landed: Whether the landing zone holds files of a partition. What was loaded is only given up for these.
    """
    aside, left = dict[str, None](), list[Finding]()
    anew, whole = dict[Partition, dict[str, None]](), False
    for one in findings:
        lost = one.remedy == Remedy.RUN_LANDED and not all(map(is_landed, one.partitions))
        if one.remedy == Remedy.COPY or lost:
            left.append(one)
            continue
        if one.remedy not in _STAYS:
            aside[one.path] = None
        first = {Remedy.RUN: one.table, Remedy.RUN_LANDED: LOADING, Remedy.PUBLISH: FEATURE_SHARDS}.get(one.remedy)
        for partition in one.partitions if first is not None else ():
            anew.setdefault(partition, {})[first or LOADING] = None
        whole |= one.remedy in (Remedy.WHOLE, Remedy.RUN, Remedy.RUN_LANDED)
    return Mending([*aside], {one: [*first] for one, first in anew.items()}, whole, left)


def set_aside(objects: ObjectStore, paths: Iterable[str], at: dt.datetime) -> list[str]:
    """Move files aside, where they stay until somebody removes them; one that is not there is none to be moved.

    Args:
        objects: The object store rooted at the dataset's folder.
        paths: Below it.
        at: When, with a time zone.

    Returns:
        Where they are now.
    """
    moved = list[str]()
    for path in paths:
        place = f"{ASIDE}/{at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}/{path}"
        try:
            obstore.rename(objects, path, place)
        except FileNotFoundError:
            continue
        moved.append(place)
    return moved
