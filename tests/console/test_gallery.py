"""The gallery and its API: what is listed, said, previewed, taken back and downloaded."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import httpx
import polars as pl
import pytest

from image_assets.answers.conditions import conditions_in
from image_assets.answers.gallery import QUEUES, Query, images_of
from image_assets.answers.known_names import UnknownName
from image_assets.answers.suspects import suspects_of
from image_assets.console.gallery import PAGE
from image_assets.marks.decisions import decisions_of
from image_assets.schema import LABEL_SUSPECTS, PREDICTIONS, QUARANTINE, RAW_IMAGES, REVIEWS, Partition
from tests.console.served import BEARER, TOKEN, served, settings_of
from tests.console.test_documentation import assert_fits
from tests.platform import FIRST, SECOND, Platform

PLANTS = Partition(FIRST, "plant")


@pytest.fixture
def platform(damaged: Platform) -> Platform:
    return damaged


@pytest.fixture
def client(platform: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(platform), ready=False) as one:
        yield one


def plants(platform: Platform, number: int) -> list[str]:
    return platform.rows(RAW_IMAGES, PLANTS)["image_id"].sort()[:number].to_list()


def test_everything_is_listed_the_newest_first_and_of_a_day_or_category(platform: Platform) -> None:
    dataset, store, rows = platform.dataset, platform.store, platform.rows(RAW_IMAGES)
    every = images_of(dataset, store, Query())
    assert every.total == rows.height == every.rows.height
    assert every.rows["date"].is_sorted(descending=True)
    pieces = [images_of(dataset, store, Query(), start, 7).rows for start in range(0, rows.height, 7)]
    assert pl.concat(pieces).equals(every.rows)
    some = images_of(dataset, store, Query(day=SECOND, category="human"))
    assert set(some.rows["image_id"]) == set(platform.rows(RAW_IMAGES, Partition(SECOND, "human"))["image_id"])


def test_words_of_any_column_choose_what_is_listed_marked_and_downloaded(
    platform: Platform, client: httpx.Client
) -> None:
    where = f"source~picture-0003 day={FIRST}"
    rows = platform.rows(RAW_IMAGES).filter(pl.col("source").str.contains("picture-0003"), date=FIRST)
    expected = set(rows["image_id"])
    found = client.get("/v1/images", params={"where": where}).json()
    assert {one["image_id"] for one in found["images"]} == expected
    assert found["total"] == len(expected)
    page = client.get("/gallery", params={"where": where}).text
    assert all(f'data-id="{one}"' in page for one in expected)
    assert f'data-total="{len(expected)}"' in page
    body = {"what": "exclude", "query": {"where": where, "category": "human"}, "expected": 1}
    batch = client.post("/v1/marks", json=body, headers=BEARER)
    assert batch.status_code == 200, batch.text
    assert batch.json()["images"] == 1
    for queue in QUEUES:
        both = client.get("/v1/images", params={"where": where, "queue": queue}).json()
        assert {one["image_id"] for one in both["images"]} <= expected
    exported = client.post("/v1/images:export", json={"query": {"where": where}}).text
    assert len(exported.splitlines()) == 1 + len(expected)


def test_words_that_are_not_understood_are_told_on_the_page_and_to_programs(client: httpx.Client) -> None:
    answer = client.get("/v1/images", params={"where": "widht>3"})
    assert answer.status_code == 400
    assert "there is no column 'widht'; did you mean width?" in answer.json()["error"]["message"]
    page = client.get("/gallery", params={"where": "<b>=3"})
    assert page.status_code == 200  # a word alone
    page = client.get("/gallery", params={"where": "widht>3"})
    assert (page.status_code, 'role="alert"' in page.text, 'value="widht&gt;3"' in page.text) == (400, True, True)


def test_queues_tell_why_an_image_is_in_them_and_lose_what_was_spoken_of(
    platform: Platform, client: httpx.Client
) -> None:
    suspect = platform.rows(RAW_IMAGES, PLANTS).sort("image_id").head(2)
    rows = suspect.select("image_id", "label", date=pl.lit(FIRST), category=pl.lit("plant")).with_columns(
        kind=pl.lit("label"),
        score=pl.Series([0.9, 0.8], dtype=pl.Float32),
        suggested_category=pl.lit("animal"),
        probability=pl.Series([0.9, 0.8], dtype=pl.Float32),
    )
    platform.replace_rows(LABEL_SUSPECTS, None, rows)
    ids = rows["image_id"].to_list()
    found = client.get("/v1/images?queue=suspects").json()
    assert [(one["image_id"], one["note"]) for one in found["images"]] == [
        (ids[0], "probably animal, 90 %"),
        (ids[1], "probably animal, 80 %"),
    ]
    body = {"what": "check", "images": ids[:1]}
    assert client.post("/v1/marks", json=body, headers=BEARER).status_code == 200
    assert [one["image_id"] for one in client.get("/v1/images?queue=suspects").json()["images"]] == ids[1:]
    assert [one.image_id for one in suspects_of(platform.dataset, platform.store).images] == ids[1:]
    assert [one["image_id"] for one in client.get("/v1/images?queue=marked").json()["images"]] == ids[:1]
    for queue in QUEUES:
        assert client.get(f"/gallery?queue={queue}").status_code == 200


def test_a_mark_says_nothing_of_a_category_that_an_image_came_under_later(
    platform: Platform, client: httpx.Client
) -> None:
    dataset, store = platform.dataset, platform.store
    image, other = plants(platform, 2)
    for body in ({"what": "exclude", "images": [image]}, {"what": "check", "images": [other]}):
        assert client.post("/v1/marks", json=body, headers=BEARER).status_code == 200
    assert client.get(f"/v1/images/{image}").json()["said"] == {"what": "exclude", "category": None}
    # The supplier moves both to another category, and the day is run again.
    animals, rows = Partition(FIRST, "animal"), platform.rows(RAW_IMAGES, PLANTS)
    gone = pl.col("image_id").is_in([image, other])
    platform.replace_rows(RAW_IMAGES, PLANTS, rows.filter(~gone))
    moved = rows.filter(gone).with_columns(category=pl.lit("animal"), label=pl.lit(1, pl.Int16))
    platform.replace_rows(RAW_IMAGES, animals, pl.concat([platform.rows(RAW_IMAGES, animals), moved]))
    suspect = moved.select("image_id", "label", "date", "category", kind=pl.lit("outlier"), score=pl.lit(9, pl.Float32))
    none = platform.rows(LABEL_SUSPECTS).clear()
    platform.replace_rows(LABEL_SUSPECTS, None, pl.concat([none, suspect], how="diagonal"))

    published = decisions_of(dataset, store).applied(moved.lazy().select("image_id", "category", "label")).collect()
    assert published.height == 2, "nobody has said anything of animals"
    for one in (image, other):  # and so says the page: it had called the one that was left out right
        assert client.get(f"/v1/images/{one}").json()["said"] is None
    assert client.get("/v1/images?queue=suspects").json()["total"] == 2
    assert len(suspects_of(dataset, store).images) == 2
    assert client.get("/v1/images?queue=marked").json()["total"] == 0
    client.post("/v1/marks", json={"what": "check", "images": [image]}, headers=BEARER)
    assert client.get(f"/v1/images/{image}").json()["said"] == {"what": "check", "category": None}
    assert [one.image_id for one in suspects_of(dataset, store).images] == [other]


def test_what_the_model_takes_for_another_comes_surest_first(platform: Platform, client: httpx.Client) -> None:
    for partition in {Partition(*key) for key in platform.rows(PREDICTIONS).select("date", "category").iter_rows()}:
        rows = platform.rows(PREDICTIONS, partition)
        changed = rows.with_columns(predicted_category=pl.lit("human"))
        platform.replace_rows(PREDICTIONS, partition, changed)
    partition = Partition(SECOND, "plant")
    rows = platform.rows(PREDICTIONS, partition).sort("image_id")
    shares = pl.Series("familiarity", [0.3, 0.1, None], dtype=pl.Float32).extend_constant(0.9, rows.height - 3)
    platform.replace_rows(PREDICTIONS, partition, rows.with_columns(shares, unknown=pl.Series(range(rows.height)) < 3))
    unknown = [one["image_id"] for one in client.get("/v1/images?queue=unknown&category=plant").json()["images"]]
    assert unknown == [rows["image_id"][place] for place in (1, 0, 2)]
    found = client.get("/v1/images?queue=misclassified").json()
    assert found["images"]
    assert {one["category"] for one in found["images"]} <= {"plant", "animal"}
    assert all(one["note"].startswith("taken for human, ") for one in found["images"])


def test_a_mark_needs_the_token_and_a_preview_does_not(platform: Platform, client: httpx.Client) -> None:
    body = {"what": "exclude", "images": plants(platform, 2)}
    assert client.post("/v1/marks", json=body).status_code == 401
    assert client.delete("/v1/marks/x").status_code == 401
    preview = client.post("/v1/marks:preview", json=body).json()
    assert preview["images"] == 2
    assert preview["shards"] == [{"day": str(FIRST), "category": "plant", "coming": 0, "going": 2}]
    assert platform.rows(REVIEWS).is_empty()
    made = client.post("/v1/marks", json={**body, "reviewer": "eva"}, headers=BEARER).json()
    assert (made["images"], made["nowhere"], made["reviewer"], made["taken_back"]) == (2, 2, "eva", None)
    assert platform.rows(REVIEWS).height == 2
    facts = client.get(f"/v1/images/{body['images'][0]}").json()
    assert facts["said"] == {"what": "exclude", "category": None}
    back = client.delete(f"/v1/marks/{made['batch']}?reviewer=udo", headers=BEARER).json()
    assert back["taken_back"]["reviewer"] == "udo"
    assert client.delete(f"/v1/marks/{made['batch']}", headers=BEARER).status_code == 409
    assert client.get(f"/v1/images/{body['images'][0]}").json()["said"] is None
    assert [one["batch"] for one in client.get("/v1/marks").json()["batches"]] == [made["batch"]]


def test_who_marks_what_another_has_marked_since_it_was_shown_is_told(platform: Platform, client: httpx.Client) -> None:
    page = client.get("/gallery?category=plant").text
    since = re.search(r'id="found" data-since="([^"]+)"', page)[1]  # pyright: ignore[reportOptionalSubscript]
    three = plants(platform, 3)
    first = {"what": "exclude", "images": three[:2], "reviewer": "eva", "since": since}
    assert client.post("/v1/marks:preview", json=first).json()["meanwhile"] == []
    eva = client.post("/v1/marks", json=first, headers=BEARER).json()
    assert eva["meanwhile"] == [], "what one says oneself is no news"
    second = {"what": "check", "images": three, "reviewer": "udo", "since": since}
    news = [{"reviewer": "eva", "images": 2}]
    assert client.post("/v1/marks:preview", json=second).json()["meanwhile"] == news
    udo = client.post("/v1/marks", json=second, headers=BEARER).json()
    assert (udo["images"], udo["meanwhile"]) == (3, news)
    # Shown anew, it is seen; and what was taken back is over.
    later = re.search(r'id="found" data-since="([^"]+)"', client.get("/gallery").text)[1]  # pyright: ignore
    assert client.post("/v1/marks:preview", json={**second, "since": later}).json()["meanwhile"] == []
    for batch in (udo["batch"], eva["batch"]):
        client.delete(f"/v1/marks/{batch}", headers=BEARER)
    assert client.post("/v1/marks:preview", json=second).json()["meanwhile"] == []


@pytest.mark.parametrize(
    "said",
    [
        {"what": "exclude", "since": "yesterday"},
        {"what": "exclude", "since": "2026-11-20T07:00:00"},
        {"what": "exclude", "since": 5},
        {"what": "exclude", "category": "animal"},
        {"what": "check", "category": "plant"},
        {"what": "label"},
        {"what": "exclude", "expected": 3},
        {"what": "exclude", "reviewer": "  "},
        {"what": "exclude", "reviewer": "eva\u202e"},
    ],
    ids=str,
)
def test_what_would_not_be_heeded_of_a_mark_is_refused(
    platform: Platform, client: httpx.Client, said: dict[str, object]
) -> None:
    answer = client.post("/v1/marks", json={"images": plants(platform, 1), **said}, headers=BEARER)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert platform.rows(REVIEWS).is_empty()


def test_a_name_is_kept_without_the_space_around_it(platform: Platform, client: httpx.Client) -> None:
    body = {"what": "exclude", "images": plants(platform, 1), "reviewer": " eva "}
    made = client.post("/v1/marks", json=body, headers=BEARER).json()
    assert made["reviewer"] == "eva"
    assert client.delete(f"/v1/marks/{made['batch']}?reviewer=%00", headers=BEARER).status_code == 400


def test_all_of_a_query_is_marked_unless_it_has_changed(platform: Platform, client: httpx.Client) -> None:
    query = {"queue": "all", "day": str(FIRST), "category": "plant"}
    number = platform.rows(RAW_IMAGES, PLANTS).height
    body = {"what": "label", "category": "animal", "query": query}
    other = client.post("/v1/marks", json={**body, "expected": number + 1}, headers=BEARER)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "changed_meanwhile")
    made = client.post("/v1/marks", json={**body, "expected": number}, headers=BEARER).json()
    assert (made["images"], made["under"]) == (number, {"animal": number})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"what": "label", "category": "stone", "images": ["PLANT"]}, 409),
        ({"what": "exclude", "images": ["0" * 64]}, 404),
        ({"what": "exclude", "images": []}, 409),
        ({"what": "exclude", "images": ["../../x"]}, 400),
        ({"what": "exclude"}, 400),
        ({"what": "exclude", "images": [], "query": {}}, 400),
        ({"what": "exclude", "query": {"queue": "stones"}}, 400),
        ({"what": "burn", "images": []}, 400),
        ({"what": "exclude", "images": [], "more": 1}, 400),
        ([], 400),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    body: object, status: int, platform: Platform, client: httpx.Client
) -> None:
    if isinstance(body, dict) and body.get("images") == ["PLANT"]:
        body = {**body, "images": plants(platform, 1)}
    for address in ("/v1/marks", "/v1/marks:preview"):
        answer = client.post(address, json=body, headers=BEARER)
        assert answer.status_code == status, answer.text
        assert len(answer.json()["error"]["message"]) > 10
    assert platform.rows(REVIEWS).is_empty()


def test_a_selection_is_downloaded_as_it_is(platform: Platform, client: httpx.Client) -> None:
    ids = plants(platform, 3)
    rows = platform.rows(RAW_IMAGES, PLANTS).sort("image_id").head(3)
    csv = client.post("/v1/images:export", json={"images": ids, "format": "csv"})
    assert csv.headers["content-disposition"] == 'attachment; filename="drawn.csv"'
    found = pl.read_csv(io.BytesIO(csv.content))
    assert found.select("image_id", "source").equals(rows.select("image_id", "source"))
    query = {"queue": "all", "category": "human"}
    parquet = client.post("/v1/images:export", json={"query": query, "format": "parquet"})
    found = pl.read_parquet(io.BytesIO(parquet.content))
    assert set(found["image_id"]) == set(platform.rows(RAW_IMAGES).filter(category="human")["image_id"])
    assert found["source"].null_count() == 0


def test_an_image_is_shown_with_its_file(platform: Platform, client: httpx.Client) -> None:
    (image,) = plants(platform, 1)
    row = platform.rows(RAW_IMAGES, PLANTS).filter(image_id=image).row(0, named=True)
    answer = client.get(f"/v1/images/{image}/content")
    assert answer.content == row["content"]
    assert answer.headers["content-type"] == "image/png"
    assert row["source"] in client.get(f"/images/{image}").text
    for address in ("/v1/images/{}", "/v1/images/{}/content", "/images/{}"):
        assert client.get(address.format("0" * 64)).status_code == 404


def test_answers_are_as_the_document_says(platform: Platform, client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    body = {"what": "label", "category": "animal", "images": plants(platform, 1)}
    made = client.post("/v1/marks", json=body, headers=BEARER)
    (image,) = body["images"]
    for path, method, answer in (
        ("/v1/marks", "post", made),
        ("/v1/marks", "post", client.post("/v1/marks", json=body)),
        ("/v1/marks", "get", client.get("/v1/marks")),
        ("/v1/marks:preview", "post", client.post("/v1/marks:preview", json={**body, "what": "check"})),
        ("/v1/images", "get", client.get("/v1/images?most=5")),
        ("/v1/images", "get", client.get("/v1/images?most=no")),
        ("/v1/images/{image_id}", "get", client.get(f"/v1/images/{image}")),
        ("/v1/images/{image_id}", "get", client.get("/v1/images/none")),
        ("/v1/marks/{batch}", "delete", client.delete(f"/v1/marks/{made.json()['batch']}", headers=BEARER)),
    ):
        assert_fits(document, path, method, answer)


def test_pages_escape_what_others_named(platform: Platform, client: httpx.Client) -> None:
    planted = "<script>alert(1)</script>"
    rows = platform.rows(QUARANTINE, PLANTS).with_columns(source=pl.lit(planted), detail=pl.lit(planted))
    platform.replace_rows(QUARANTINE, PLANTS, rows)
    raw = platform.rows(RAW_IMAGES, PLANTS).with_columns(source=pl.lit(planted))
    platform.replace_rows(RAW_IMAGES, PLANTS, raw)
    body = {"what": "exclude", "images": plants(platform, 1), "reviewer": planted}
    assert client.post("/v1/marks", json=body, headers=BEARER).status_code == 200
    (image,) = plants(platform, 1)
    shown = 0
    for address in ("/gallery/quarantine", "/gallery/marks", f"/images/{image}", "/gallery?queue=marked"):
        page = client.get(address).text
        assert planted not in page
        shown += "&lt;script&gt;" in page
    assert shown == 4
    refused = client.get(f"/gallery?category={planted}")
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/json")
    page = client.get(f"/gallery?where='category={planted}'")
    assert (page.status_code, planted in page.text) == (400, False)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"category": "plnt"}, "there is no category 'plnt'; did you mean plant?"),
        ({"where": "category=plnt"}, "there is no category 'plnt'; did you mean plant?"),
        ({"where": "predicted_category!=rock"}, "there is no category 'rock'; there are plant, animal, human"),
        ({"map": "category=plnt"}, "there is no category on the map 'plnt'; did you mean plant?"),
        ({"map": "region=nowhere"}, "there is no region on the map 'nowhere'; "),
        ({"map": "day=yesterday"}, "'yesterday' is no day; expected one such as 2026-11-20"),
    ],
)
def test_a_name_that_nothing_has_is_refused_wherever_it_is_asked_by(
    client: httpx.Client, asked: dict[str, str], said: str
) -> None:
    answer = client.get("/v1/images", params=asked)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_query")
    assert said in answer.json()["error"]["message"]
    assert client.get("/gallery", params=asked).status_code == 400
    for address in ("/v1/images:export", "/v1/marks:preview"):
        body = {"query": asked, **({} if "export" in address else {"what": "exclude"})}
        assert client.post(address, json=body).status_code == 400
    if "map" in asked:
        assert client.post("/v1/map:select", json=asked).status_code == 400
        assert client.get("/v1/map/density.png", params=asked).status_code == 400
    if "category" in asked:
        assert client.get("/gallery/quarantine", params=asked).status_code == 400


def test_a_category_that_the_dataset_has_no_more_is_known_while_its_images_are_loaded(platform: Platform) -> None:
    fewer = {name: label for name, label in platform.dataset.categories.items() if name != "plant"}
    dataset = platform.dataset.model_copy(update={"categories": fewer})
    assert images_of(dataset, platform.store, Query(category="plant")).total
    assert images_of(dataset, platform.store, Query(where=conditions_in("category=plant"))).total
    with pytest.raises(UnknownName, match="did you mean plant"):
        images_of(dataset, platform.store, Query(category="plants"))


def test_the_quarantine_is_shown_with_its_reasons(platform: Platform, client: httpx.Client) -> None:
    page = client.get("/gallery/quarantine").text
    for row in platform.rows(QUARANTINE).iter_rows(named=True):
        assert row["reason"] in page


def test_a_page_has_so_many_images_and_leads_to_the_next(platform: Platform, client: httpx.Client) -> None:
    total = platform.rows(RAW_IMAGES).height
    assert client.get("/gallery").text.count('role="option"') == min(PAGE, total)
    assert "There is no such page" in client.get("/gallery?page=99").text
    for wrong in ("page=0", "page=x", "day=yesterday", "queue=stones"):
        assert client.get(f"/gallery?{wrong}").status_code == 400


def test_the_token_is_entered_on_the_page_and_leads_back_to_it(client: httpx.Client) -> None:
    assert 'name="token"' in client.get("/gallery").text
    answer = client.get(f"/enter?token={TOKEN}&to=/gallery%3Fqueue%3Dsuspects")
    assert (answer.status_code, answer.headers["location"]) == (303, "/gallery?queue=suspects")
    assert 'data-do="exclude"' in client.get("/gallery").text
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "/\r\nset-cookie:a", ""):
        answer = client.get("/enter", params={"token": TOKEN, "to": elsewhere})
        assert answer.headers["location"] == "/", elsewhere
