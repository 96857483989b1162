"""The platform: a folder per stage, with storage and pixels below them and what Dagster and people see above.

`import image_assets as ia` is also the door of notebooks: `ia.open()`, see `image_assets.notebook`. What it needs is
imported when it is asked for, so that the import itself takes no time, and no part of the platform imports another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from image_assets.allocators import give_back_freed_memory

if TYPE_CHECKING:
    from image_assets.notebook import OpenedProject as OpenedProject
    from image_assets.notebook import open as open

__all__ = ["OpenedProject", "open"]

give_back_freed_memory()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from image_assets import notebook

    return getattr(notebook, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
