"""A text that names a store on a disk means a place in the bucket that the environment names.

Said once, where the platform itself understands what a text means as a place, so that whatever opens a store finds
the same one: Python, a command, Dagster's processes. The path on the disk is the prefix in the bucket; paths of tests
differ, so do their stores. Only the standard library is imported here: every Python that a test starts reads this.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

BUCKET = "TEST_STORES_BUCKET"
"""The environment variable with the bucket's name; without it a store is where its name says."""
_PLACES = "image_assets.places"
_A_STORE = re.compile(r"(^|: )store$")


class Meant(MetaPathFinder):
    """Changes what the platform's places mean when that module is imported, as everything else is imported after it.

    Attributes:
        stores: How many times the name of a store was understood as a place in the bucket.
    """

    stores = 0

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _PLACES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def run_and_change(module: ModuleType) -> None:
            run(module)
            self._change(module)

        vars(spec.loader)["exec_module"] = run_and_change
        return spec

    def _change(self, places: Any) -> None:
        as_said, home_as_said = places.place_of, places.home_of

        def place_of(text: str | os.PathLike[str], what: str, base: Path = Path()) -> Any:
            place, bucket = as_said(text, what, base), os.environ.get(BUCKET)
            if not bucket or not _A_STORE.search(what):
                return place
            if place.folder is not None:
                place = as_said(f"s3://{bucket}{os.path.realpath(place.folder)}", what)
            self.stores += place.bucket == bucket
            return place

        def home_of(store_url: str) -> Path | None:
            """As it is said, or else beside where the store would be on the disk."""
            home, place = home_as_said(store_url), place_of(store_url, "store")
            if home is None and place.bucket and place.bucket == os.environ.get(BUCKET):
                return Path("/", place.prefix).parent / "dagster"
            return home

        places.place_of, places.home_of = place_of, home_of


def begin() -> Meant:
    """Let stores mean places in the bucket from now on.

    Raises:
        RuntimeError: what places mean is known to others already.
    """
    if _PLACES in sys.modules:
        raise RuntimeError(f"{_PLACES} was imported before stores could be meant otherwise")
    meant = Meant()
    sys.meta_path.insert(0, meant)
    return meant
