"""The catalogue of checks: what each holds, and what follows when it fails, written from their declarations."""

from __future__ import annotations

import sys
from pathlib import Path

from image_assets.asset_checks.check import Check
from image_assets.asset_checks.groups import CHECK_GROUPS
from image_assets.markdown import markdown_table

_HEADER = ("check", "what holds", "severity", "blocks", "key")


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
            markdown_table(_HEADER, map(_row, group.checks)),
        ]
    return "\n\n".join(parts) + "\n"


def _row(one: Check) -> tuple[str, ...]:
    return (
        f"`{one.name}`",
        one.description,
        one.severity.value,
        "yes" if one.blocking else f"no. {one.not_blocking_because}".strip(),
        ", ".join(f"`{key}`" for key in one.key.split(", ") if key),
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(catalogue(), encoding="utf-8")
