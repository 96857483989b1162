"""How the same things are said in the same way, wherever they are said to people. Nothing of ours is imported here."""

from __future__ import annotations

from collections.abc import Iterable


def some(names: Iterable[object], most: int = 5) -> str:
    """The first names, and how many more there are: `a, b and 3 more`.

    Args:
        names: What is named, in its order.
        most: So many are named.
    """
    said = [str(name) for name in names]
    return ", ".join(said[:most]) + (f" and {len(said) - most:,} more" if len(said) > most else "")
