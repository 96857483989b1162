"""The picture of the floors is that of the imports."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from tests.floors import FLOORS, modules
from tests.floors_picture import ROOT, arrows, picture, places

PICTURE = ROOT / "docs" / "images" / "floors.svg"
SOURCES = {name: file.read_text(encoding="utf-8") for name, file in modules(ROOT).items()}


def test_the_picture_is_the_one_that_make_docs_writes() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(ROOT), "run make docs"


def test_every_floor_and_whatever_stands_on_it_is_shown() -> None:
    root = ET.fromstring(PICTURE.read_text(encoding="utf-8"))
    shown = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {floor.name for floor in FLOORS} | {name for _, name in places(SOURCES).values()} == shown


def test_all_arrows_lead_down_and_one_that_is_planted_is_drawn() -> None:
    where = places(SOURCES)
    drawn = arrows(SOURCES, where)
    assert all(above > below for (above, _), (below, _) in drawn)
    name = "image_assets.store.store"
    planted = arrows({**SOURCES, name: f"{SOURCES[name]}\nimport image_assets.definitions\n"}, where)
    assert planted - drawn == {(where[name], where["image_assets.definitions"])}


def test_an_arrow_that_others_lead_along_is_left_out() -> None:
    where = {"a": (2, "a"), "b": (1, "b"), "c": (0, "c")}
    assert arrows({"a": "import b, c", "b": "import c", "c": ""}, where) == {
        (where["a"], where["b"]),
        (where["b"], where["c"]),
    }
