"""The map for programs: columns of its points, what is chosen of them, and an image with those next to it."""

from __future__ import annotations

import io

import httpx
import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.answers.map.points import points_of
from image_assets.answers.map.selection import FILTERS
from image_assets.schema import EMBEDDING, PREDICTIONS, RAW_IMAGES, Partition
from tests.console.regions import make_plants_a_region
from tests.console.served import BEARER, served, settings_of
from tests.console.test_documentation import assert_fits
from tests.platform import SECOND, Platform


def test_columns_are_as_the_map_describes_them_and_are_kept_by_browsers(
    console: httpx.Client, loaded_platform: Platform
) -> None:
    told = console.get("/v1/map").json()
    places = loaded_platform.rows(EMBEDDING)
    assert told["points"] == places.height
    version = {"version": told["version"]}
    positions = console.get("/v1/map/columns/positions", params=version)
    steps = np.frombuffer(positions.content, "<u2").reshape(-1, 2)
    found = np.array(told["corner"]) + steps * (told["side"] / 65_535)
    assert np.abs(found - places.select("x", "y").to_numpy()).max() <= told["side"] / 65_535
    assert "immutable" in positions.headers["cache-control"]
    category = console.get("/v1/map/columns/category", params=version)
    numbers = np.frombuffer(category.content, f"<u{told['columns']['category']['bytes']}")
    names = [told["columns"]["category"]["values"][number] for number in numbers]
    known = dict(loaded_platform.rows(RAW_IMAGES).select("image_id", "category").iter_rows())
    assert names == [known[image] for image in places["image_id"]]
    assert len(positions.content) + len(category.content) == 5 * told["points"]
    unversioned = console.get("/v1/map/columns/day")
    assert unversioned.headers["cache-control"] == "no-cache"
    again = console.get("/v1/map/columns/day", headers={"if-none-match": unversioned.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert console.get("/v1/map/columns/other").status_code == 404
    for address in ("/v1/map/columns/day", "/v1/map/points/0"):
        assert console.get(address, params={"version": "another"}).status_code == 409


def test_a_map_in_space_has_a_third_coordinate(damaged: Platform) -> None:
    with served(settings_of(damaged), ready=False) as client:
        assert client.get("/v1/map").json()["depth"] is None
        assert client.get("/v1/map/columns/depth").status_code == 404
        places = damaged.rows(EMBEDDING).with_columns(z=pl.col("x") * 2)
        damaged.replace_rows(EMBEDDING, None, places)
        told = client.get("/v1/map").json()
        depth = np.frombuffer(client.get("/v1/map/columns/depth").content, "<u2") / 65_535
        assert told["depth"] == pytest.approx(2 * np.ptp(places["x"].to_numpy()) / told["side"])
        found = places["z"].min() + depth * told["depth"] * told["side"]
        assert np.abs(found - places["z"].to_numpy()).max() <= told["side"] / 10_000
        damaged.replace_rows(EMBEDDING, None, places.with_columns(z=pl.lit(float("nan"))))
        assert client.get("/v1/map").json()["depth"] is None


def test_a_bit_says_of_each_point_whether_it_is_chosen(console: httpx.Client, loaded_platform: Platform) -> None:
    rows = points_of(loaded_platform.dataset, loaded_platform.store).rows
    answer = console.post("/v1/map:select", json={"map": f"category=plant&day={SECOND}"})
    bits = np.unpackbits(np.frombuffer(answer.content, np.uint8), count=rows.height, bitorder="little")
    chosen = rows.filter(pl.Series(bits) == 1)
    assert set(chosen["image_id"]) == set(rows.filter(category="plant", date=SECOND)["image_id"])
    assert console.post("/v1/map:select", json={"version": "another"}).status_code == 409
    refused = console.post("/v1/map:select", json={"map": "lasso=add_1"})
    assert refused.status_code == 400
    assert "a lasso is" in refused.json()["error"]["message"]


def test_an_image_is_told_with_those_next_to_it(console: httpx.Client, loaded_platform: Platform) -> None:
    places = loaded_platform.rows(EMBEDDING).filter(label=0).sort("image_id")
    own = places.row(3, named=True)
    away = places.with_columns(away=(pl.col("x") - own["x"]) ** 2 + (pl.col("y") - own["y"]) ** 2)
    told = console.get(f"/v1/map/images/{own['image_id']}", params={"most": 5, "map": "category=plant"}).json()
    assert [one["image_id"] for one in told["near"]] == away.sort("away")["image_id"][1:6].to_list()
    point = console.get(f"/v1/map/points/{told['point']}").json()
    assert point == {name: value for name, value in told.items() if name != "near"}
    assert (point["x"], point["y"]) == (own["x"], own["y"])
    for wrong in ("/v1/map/images/none", "/v1/map/points/99999"):
        assert console.get(wrong).status_code == 404


def test_the_picture_is_drawn_by_every_column_and_selection(console: httpx.Client) -> None:
    seen = set()
    for said in ({"colour": one} for one in FILTERS):
        answer = console.get("/v1/map/density.png", params=said)
        assert Image.open(io.BytesIO(answer.content)).size == (512, 512)
        seen.add(answer.content)
    seen.add(console.get("/v1/map/density.png", params={"map": "category=plant"}).content)
    assert len(seen) >= 4
    assert console.get("/v1/map/density.png?colour=red").status_code == 400
    assert console.get("/v1/map/density.png?map=lasso").status_code == 400


def test_what_is_selected_is_listed_exported_and_marked(damaged: Platform) -> None:
    text = f"category=plant&day={SECOND}"
    expected = set(
        damaged.rows(EMBEDDING).join(damaged.rows(RAW_IMAGES, Partition(SECOND, "plant")), on="image_id")["image_id"]
    )
    with served(settings_of(damaged), ready=False) as client:
        listed = client.get("/v1/images", params={"map": text}).json()
        assert {one["image_id"] for one in listed["images"]} == expected
        query = {"query": {"map": text}, "expected": len(expected)}
        exported = client.post("/v1/images:export", json={**query, "format": "csv"})
        assert set(pl.read_csv(exported.content)["image_id"]) == expected
        marked = client.post("/v1/marks", json={**query, "what": "exclude"}, headers=BEARER).json()
        assert (marked["images"], marked["nowhere"]) == (len(expected), len(expected))
        page = client.get("/gallery", params={"map": text}).text
        assert page.count('role="option"') == len(expected)
        assert f'href="/map?category=plant&amp;day={SECOND}"' in page
        assert client.get("/gallery?map=colour%3Dday").status_code == 400


def test_without_a_map_and_without_predictions_there_is_an_answer(damaged: Platform) -> None:
    damaged.replace_rows(EMBEDDING, None, damaged.rows(EMBEDDING).clear())
    for partition in {Partition(*key) for key in damaged.rows(PREDICTIONS).select("date", "category").iter_rows()}:
        damaged.replace_rows(PREDICTIONS, partition, damaged.rows(PREDICTIONS).clear())
    with served(settings_of(damaged), ready=False) as client:
        told = client.get("/v1/map").json()
        assert (told["points"], told["named"]) == (0, [])
        assert client.get("/v1/map/columns/positions").content == b""
        assert client.get("/v1/map/density.png").status_code == 200
        assert client.get("/map").status_code == 200


def test_regions_that_are_kept_are_named_and_points_say_where_they_lie(damaged: Platform) -> None:
    plants = make_plants_a_region(damaged)
    with served(settings_of(damaged), ready=False) as client:
        told = client.get("/v1/map/regions").json()
        (one,) = told["regions"]
        assert (one["name"], one["category"]["name"], one["category"]["share"]) == ("plant", "plant", 1)
        assert one["images"] == plants
        assert told["nowhere"] == pytest.approx(1 - plants / 60)
        for category, region in (("plant", "plant"), ("animal", None)):
            image = damaged.rows(RAW_IMAGES, Partition(SECOND, category))["image_id"][0]
            assert client.get(f"/v1/map/images/{image}").json()["region"] == region
        assert client.get("/v1/map/regions?version=another").status_code == 409

        # What can be coloured and filtered by: on the map, wherever images are asked for, and in the gallery.
        column = client.get("/v1/map").json()["columns"]["region"]
        assert (column["values"], column["nothing"]) == (["plant", "in no region"], 1)
        numbers = np.frombuffer(client.get("/v1/map/columns/region").content, np.uint8)
        assert np.bincount(numbers).tolist() == [plants, 60 - plants]
        pictures = {client.get(f"/v1/map/density.png?colour={name}").content for name in ("category", "region")}
        assert len(pictures) == 2
        assert client.get("/v1/images?map=region%3Dplant").json()["total"] == plants
        assert client.get("/v1/images?map=region%3Dplant%26category%3Danimal").json()["total"] == 0
        assert client.get("/v1/images?map=region%3Din%2Bno%2Bregion").json()["total"] == 60 - plants
        page = client.get("/gallery?map=region%3Dplant").text
        assert '<option value="region=plant" selected>plant</option>' in page
        assert f"of {plants}</p>" in page


def test_answers_are_as_the_document_says(console: httpx.Client, loaded_platform: Platform) -> None:
    document = console.get("/openapi.json").json()
    image = loaded_platform.rows(EMBEDDING)["image_id"][0]
    for path, answer in (
        ("/v1/map", console.get("/v1/map")),
        ("/v1/map/regions", console.get("/v1/map/regions")),
        ("/v1/map/points/{point}", console.get("/v1/map/points/1")),
        ("/v1/map/points/{point}", console.get("/v1/map/points/x")),
        ("/v1/map/images/{image_id}", console.get(f"/v1/map/images/{image}")),
        ("/v1/map/images/{image_id}", console.get("/v1/map/images/none")),
        ("/v1/map/columns/{name}", console.get("/v1/map/columns/none")),
    ):
        assert_fits(document, path, "get", answer)
    assert_fits(document, "/v1/map:select", "post", console.post("/v1/map:select", json={"map": 3}))


@pytest.mark.parametrize("address", ["/v1/map:select", "/v1/map"])
def test_another_method_is_refused(console: httpx.Client, address: str) -> None:
    assert console.request("DELETE", address).status_code == 405
