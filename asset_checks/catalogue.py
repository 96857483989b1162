"""The catalogue of checks: what each holds, and what follows when it fails, written from their declarations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from image_assets.asset_checks.check import Check, sample_table
from image_assets.asset_checks.groups import CHECK_GROUPS


def catalogue() -> str:
    """The catalogue as Markdown."""
    parts = [
        "# Checks",
        "Written by `make docs` from the declarations in `asset_checks/`; a test keeps it true. "
        "An ERROR blocks what is made from its asset, or says why not; a WARN never blocks.",
    ]
    for group in CHECK_GROUPS:
        parts += [
            f"## {group.asset}" + (f", {group.where}" if group.where else ""),
            sample_table(_rows(group.checks)),
        ]
    return "\n\n".join(parts) + "\n"


def _rows(checks: Sequence[Check]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "check": [f"`{one.name}`" for one in checks],
            "what holds": [one.description for one in checks],
            "severity": [one.severity.value for one in checks],
            "blocks": ["yes" if one.blocking else f"no. {one.not_blocking_because}".strip() for one in checks],
            "key": [", ".join(f"`{key}`" for key in one.key.split(", ") if key) for one in checks],
        }
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(catalogue(), encoding="utf-8")
