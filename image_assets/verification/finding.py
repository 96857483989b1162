"""What is found to be wrong with a store: plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from image_assets.schema import Partition


class Part(StrEnum):
    """What of a store a file belongs to."""

    TABLES = "tables"
    LOGS = "logs of tables"
    SHARDS = "shards"
    MODELS = "models"
    RECORDS = "records"


class Remedy(StrEnum):
    """What makes good again what is wrong."""

    ASIDE = "moved aside, it is done without"
    RUN = "moved aside, and its partition is made again"
    RUN_LANDED = "moved aside, and its partition is loaded again from the landing zone"
    PUBLISH = "its partition is published again from the features"
    WHOLE = "moved aside, and what is made of the whole dataset is made again"
    COPY = "only a copy of the store brings it back"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        part: What it belongs to.
        path: The file, below the dataset's folder.
        what: What is wrong with it, to come after its name.
        remedy: What makes it good.
        partitions: The partitions that it is of; none where it is of the whole dataset.
        table: The table that it is of, where it is of one.
    """

    part: Part
    path: str
    what: str
    remedy: Remedy
    partitions: tuple[Partition, ...] = ()
    table: str = ""

    def __str__(self) -> str:
        return f"{self.path} {self.what}"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        partitions = [one.as_json() for one in self.partitions]
        named = {"part": self.part.value, "path": self.path, "table": self.table or None, "partitions": partitions}
        return {**named, "what": self.what, "remedy": self.remedy.value}


@dataclass(frozen=True)
class LookedAt:
    """How many files of a part were read, and how many bytes they have."""

    files: int = 0
    bytes: int = 0

    def __add__(self, other: LookedAt) -> LookedAt:
        return LookedAt(self.files + other.files, self.bytes + other.bytes)


@dataclass(frozen=True)
class Verified:
    """What reading a store gave.

    Attributes:
        dataset: The dataset's name.
        looked_at: What of each part was read; every part is there.
        findings: What is wrong, by part.
        unpublished: What has features and was never published, as after `run --until`: nothing of it was lost.
    """

    dataset: str
    looked_at: Mapping[Part, LookedAt]
    findings: Sequence[Finding] = field(default_factory=tuple)
    unpublished: Sequence[Partition] = ()

    @property
    def is_sound(self) -> bool:
        """Whether something was read, and nothing of it is wrong."""
        return not self.findings and any(one.files for one in self.looked_at.values())

    def of(self, part: Part) -> int:
        """How many things are wrong with a part."""
        return Counter(one.part for one in self.findings)[part]

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`."""
        parts = {
            part.value: {"files": one.files, "bytes": one.bytes, "wrong": self.of(part)}
            for part, one in self.looked_at.items()
        }
        findings = [one.as_json() for one in self.findings]
        whole = {"dataset": self.dataset, "sound": self.is_sound, "parts": parts, "findings": findings}
        return {**whole, "unpublished": [one.as_json() for one in self.unpublished]}
