"""Models in the console: listed with their figures and reports, switched by whoever has the token, after a question."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.report.places import report_name, reports_prefix
from image_assets.store.models.model_champion import read_champion
from tests.console.served import BEARER, served, settings_of
from tests.console.visit import Visit
from tests.platform import Platform
from tests.store_files import files_at, remove_files


@pytest.fixture
def client(damaged: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(damaged)) as one:
        yield one


def current(platform: Platform) -> str:
    return read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256[:12]


def before(platform: Platform) -> str:
    return str(read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).replaced)[:12]


def test_a_model_is_promoted_and_answers_from_the_next_request_on(client: httpx.Client, damaged: Platform) -> None:
    first, second = before(damaged), current(damaged)
    picture = next(damaged.landing.rglob("picture-*.png")).read_bytes()
    assert client.post("/v1/classify", files={"file": picture}).json()["model"]["sha256"].startswith(second)
    listed = client.get("/v1/models").json()
    assert {one["model"]: one["role"] for one in listed["models"]} == {second: "champion", first: "predecessor"}
    told = client.post(f"/v1/models/{first}:promote?current={second}", headers=BEARER).json()
    assert (told["sha256"][:12], told["reason"]) == (first, "by hand")
    assert current(damaged) == first
    assert client.post("/v1/classify", files={"file": picture}).json()["model"]["sha256"].startswith(first)
    told = client.post(f"/v1/models:rollback?current={first}", headers=BEARER).json()
    assert (told["sha256"][:12], told["reason"]) == (second, "rollback")
    assert client.get("/v1/models").json()["history"][-1]["reason"] == "rollback"


@pytest.mark.parametrize(
    ("address", "headers", "status", "said"),
    [
        ("/v1/models/{first}:promote", {}, 401, "needs the console's token"),
        ("/v1/models:rollback", {"authorization": "Bearer of-somebody-else"}, 401, "needs the console's token"),
        ("/v1/models/{first}:promote", {**BEARER, "origin": "http://evil.test"}, 403, "a page of"),
        ("/v1/models/{first}:promote?current={first}", BEARER, 409, "is the current model by now"),
        ("/v1/models/{second}:promote", BEARER, 409, "is the champion already"),
        ("/v1/models/0123456789ab:promote", BEARER, 409, "there is no such model"),
    ],
)
def test_who_may_not_or_saw_something_else_changes_nothing(
    address: str, headers: dict[str, str], status: int, said: str, client: httpx.Client, damaged: Platform
) -> None:
    now = current(damaged)
    answer = client.post(address.format(first=before(damaged), second=now), headers=headers)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    assert current(damaged) == now


def test_a_report_is_shown_and_may_do_nothing(client: httpx.Client, damaged: Platform) -> None:
    digits = current(damaged)
    assert client.get(f"/models/{digits}/report").status_code == 404
    folder = files_at(damaged.store.url) / reports_prefix(damaged.dataset.name)
    folder.mkdir(exist_ok=True)
    (folder / report_name(digits, "html")).write_text("<h1>Report</h1><script>alert(1)</script>")
    assert f"/models/{digits}/report" in client.get("/models").text
    answer = client.get(f"/models/{digits}/report")
    assert answer.text.startswith("<h1>Report</h1>")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "sandbox" in policy.split("; ")
    assert "script-src" not in policy


def test_without_a_model_the_page_says_what_to_do(damaged: Platform) -> None:
    remove_files(files_at(damaged.store.url) / classifier_prefix(damaged.dataset))
    with served(settings_of(damaged), ready=False) as one:
        assert "There is no model yet" in one.get("/models").text


def test_in_a_browser_somebody_is_asked_first(browser: Any, client: httpx.Client, damaged: Platform) -> None:
    first, second = before(damaged), current(damaged)
    asked: list[str] = []
    agree = False

    def on_question(dialog: Any) -> None:
        asked.append(dialog.message)
        dialog.accept() if agree else dialog.dismiss()

    visit = Visit(browser, client, viewport={"width": 360, "height": 700})
    visit.page.on("dialog", on_question)
    page = visit.open("/models")
    assert page.locator("button").count() == 0  # who has no token is not offered it
    visit.see_that_no_click_is_lost("/models")
    visit.enter("/models")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Make current").click()
    assert current(damaged) == second
    agree = True
    page.get_by_role("button", name="Make current").click()
    page.locator(f'#classifier[data-current="{first}"]').wait_for()
    page.get_by_role("button", name="Back to the one before").click()
    page.locator(f'#classifier[data-current="{second}"]').wait_for()
    visit.leave()
    assert asked[0] == asked[1] == f"Have {first} answer from now on, in the place of {second}?"
    assert current(damaged) == second
