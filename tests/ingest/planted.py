"""What ends the process at pictures of some sizes, for tests: really, as a fault of a library does.

What is planted is a `sitecustomize`, which every Python process of an environment runs when it begins.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Reading where nothing is ends the process by SIGSEGV: in the library that decodes PNG, or where pictures are
# scaled for an extractor.
# Python runs one `sitecustomize` only: another one that the environment has is run by this, first.
_PLANTED = """
import ctypes, os, sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

others = PathFinder.find_spec("sitecustomize", [one for one in sys.path if one != os.path.dirname(__file__)])
if others:
    others.loader.exec_module(module_from_spec(others))

from {module} import {name} as faulty

def ends(original):
    def {method}(self, *given):
        size = self.size if hasattr(self, "size") else given[0].shape[1::-1]
        if tuple(size) in {sizes}:
            ctypes.string_at(0)
        return original(self, *given)
    return {method}

faulty.{method} = ends(faulty.{method})
"""
DECODER = {"module": "PIL.PngImagePlugin", "name": "PngImageFile", "method": "load_prepare"}
EXTRACTOR = {
    "module": "image_assets.features.colour_statistics",
    "name": "ColourStatisticsExtractor",
    "method": "prepare",
}


def with_fault(folder: Path, where: dict[str, str], *sizes: tuple[int, int]) -> dict[str, str]:
    """Environment variables of processes that end at PNG of one of these sizes: width and height, pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(_PLANTED.format(**where, sizes=set(sizes)))
    others = filter(None, [os.environ.get("PYTHONPATH")])
    return {"PYTHONPATH": os.pathsep.join([str(folder), *others, str(ROOT)])}
