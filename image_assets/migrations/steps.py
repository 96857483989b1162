"""How the rows of an earlier version of a table become those of a later one: what can be declared.

A column that is new is derived from others where the store holds what it comes from, and null where it may be. Whatever
else changed, a column that is renamed, goes, or means something else, is a step from one version to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from image_assets.schema import Partition
from image_assets.store.store import Store


class RowsLost(RuntimeError):
    """A step gave other rows than it was given; the table stays as it was."""


class CannotDerive(RuntimeError):
    """Of these rows a column cannot be made, though of others it can; the message says which and why."""


@dataclass(frozen=True)
class Where:
    """Which rows are being migrated.

    Attributes:
        store: The store that they are in.
        dataset: Whose they are.
        partition: Theirs; None in a table without partitions.
    """

    store: Store
    dataset: str
    partition: Partition | None


Change = Callable[[pl.DataFrame, Where], pl.DataFrame]
"""Rows of a partition, some at a time, to as many rows in the same order."""


@dataclass(frozen=True)
class Derivation:
    """Columns that can be had from others of the same table.

    Attributes:
        columns: What it makes.
        of: The columns that it looks at.
        make: Of rows with the columns `of`, the columns.
    """

    columns: tuple[str, ...]
    of: tuple[str, ...]
    make: Change


@dataclass(frozen=True)
class MigrationStep:
    """What changes with a version of a table.

    Attributes:
        table: Its name.
        after: The version that the rows are of afterwards, 2 or more; before, they are of the one before.
        change: Makes the rows anew.
        makes: Columns that come with it.
        takes: Columns that go with it.
    """

    table: str
    after: int
    change: Change
    makes: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Migrations:
    """All that is known of earlier versions.

    Attributes:
        steps: Of all tables.
        derivations: By the table's name.
    """

    steps: tuple[MigrationStep, ...] = ()
    derivations: Mapping[str, tuple[Derivation, ...]] = field(default_factory=dict)

    def steps_of(self, table: str, version: int) -> list[MigrationStep]:
        """The steps that a table of a version has before it, in their order."""
        return sorted(
            (step for step in self.steps if step.table == table and step.after > version), key=lambda step: step.after
        )
