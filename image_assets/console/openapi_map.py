"""What the OpenAPI document says of the map."""

from __future__ import annotations

from image_assets.answers.map.selection import FILTERS
from image_assets.console.openapi_marks import IMAGE
from image_assets.console.openapi_parts import (
    BOOLEAN,
    COUNT,
    MAYBE,
    NUMBER,
    SHARE,
    TEXT,
    Schema,
    in_json,
    list_of,
    object_of,
    or_null,
    parameter,
)
from image_assets.console.selection import MapSaid

_PLACE = {"x": NUMBER, "y": NUMBER}
_POINT = {
    "point": {**COUNT, "description": "Its number among the map's."},
    "image_id": TEXT,
    **_PLACE,
    **{name: list_of(TEXT) if name == "quality" else TEXT for name in FILTERS},
    "region": {**MAYBE, "description": "What the region is called that it lies in; null: in none."},
}
PLACE_OF_CLASSIFY = parameter(
    "place", "query", "1: where each is on the map is told, or about where it would be.", {"enum": [0, 1], "default": 0}
)
PLACE_OF_ANSWER: Schema = {
    **object_of(
        "A place on the map.",
        **_PLACE,
        across={**SHARE, "description": "The same from the left of the map's square,"},
        up={**SHARE, "description": "and from its bottom."},
        region={**MAYBE, "description": "What the region is called that it lies in; null: in none."},
        on_map={**BOOLEAN, "description": "Whether the image itself is there, and not only like those around."},
    ),
    "description": "Where `place=1` asks for it: where the image is on the map, or about where the next run would "
    "place it; not told where there is no map of such features.",
}
"""What is told with the answer to an image."""
_COLUMN = object_of(
    "What its numbers mean: places among the values, or a bit for each where a point may have several.",
    called=TEXT,
    values=list_of(TEXT),
    several=BOOLEAN,
    bytes={"enum": [1, 2], "description": "Of a number, unsigned, little-endian."},
)
_PART = object_of(
    "What many images of a region have.",
    name=TEXT,
    share={**SHARE, "description": "Of the region's images."},
    of_all={**SHARE, "description": "Of all images."},
)
_REGION = object_of(
    "A crowd of the map that stands apart.",
    number=COUNT,
    name=TEXT,
    images=COUNT,
    **_PLACE,
    radius={**NUMBER, "description": "Half of its images are no farther from its middle."},
    category=_PART,
    label=or_null(_PART),
)
SCHEMAS: dict[str, Schema] = {
    "Map": object_of(
        "What the columns of the map's points are.",
        version=TEXT,
        points=COUNT,
        corner={**list_of(NUMBER), "description": "The least x and y of the map's square."},
        side={**NUMBER, "description": "Of the square: 65,535 steps of `positions`."},
        palette={**list_of(TEXT), "description": "Colours of values, which begin again after the last."},
        depth={
            "type": ["number", "null"],
            "description": "Of a map in space the side of its third coordinate, the column `depth`, beside that of the "
            "square; null: it is a plane.",
        },
        columns={"type": "object", "additionalProperties": _COLUMN},
        named=list_of(object_of("A category and where its middle is.", category=TEXT, **_PLACE)),
    ),
    "MapRegions": object_of(
        "The regions of the map, the largest first.",
        version=TEXT,
        nowhere={**SHARE, "description": "Of all images that lie in none."},
        regions=list_of(_REGION),
    ),
    "MapPoint": object_of("A point of the map.", **_POINT),
    "MapImage": object_of(
        "An image and the points next to it.", **_POINT, near=list_of(object_of("A point.", **_POINT))
    ),
}
_VERSION = parameter("version", "query", "Refused where the map is another one by now.", TEXT)
SELECTION = parameter(
    "map",
    "query",
    "Only these of the map, as its page's address has them: filters such as verdict=unknown, lassos such as "
    "lasso=add_0_0_10_0_10_10, which may take away (sub) too.",
    TEXT,
)
COLUMN = [parameter("name", "path", "positions (two numbers of two bytes), or a column of /v1/map.", TEXT), _VERSION]
REGIONS = [_VERSION]
DENSITY = [
    parameter("colour", "query", "By which column.", {"enum": list(FILTERS), "default": FILTERS[0]}),
    SELECTION,
    parameter("version", "query", "Kept by browsers for as long as it is the same.", TEXT),
]
POINT = [parameter("point", "path", "Its number.", {**COUNT, "maximum": 2**32}), _VERSION]
NEAR = [
    *IMAGE,
    parameter("most", "query", "So many neighbours.", {"type": "integer", "minimum": 1, "maximum": 100, "default": 12}),
    SELECTION,
]
SAID = in_json(MapSaid.model_json_schema())
BYTES: dict[str, Schema] = {"application/octet-stream": {"schema": {}}}
"""Numbers, one after the other."""
PICTURE: dict[str, Schema] = {"image/png": {"schema": {}}}
