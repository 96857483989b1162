"""Objects of JSON whose keys stand in them once: of a key that is there twice, readers silently keep the last value."""

from __future__ import annotations

import json
from typing import Any


class JsonObject(dict[str, Any]):
    """An object that remembers a key that was set twice.

    Attributes:
        repeated: Such a key; none where there is none.
    """

    repeated: str | None = None

    def __setitem__(self, key: str, value: object) -> None:
        """Set a value, and notice that it had one."""
        if key in self:
            self.repeated = key
        super().__setitem__(key, value)


def parsed(content: bytes) -> Any:
    """What a JSON text says. Raises `ValueError` where it is none, or has a key twice in one object."""
    return json.loads(content, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object")
    return found
