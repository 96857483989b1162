"""The page of health says what `image-assets status` says, and what is wrong where."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
import yaml

from image_assets.cli import main
from image_assets.health.check_book import CheckBook, CheckStatus, Measure
from image_assets.schema import IMAGE_FEATURES
from tests.cli.shapes import assert_told
from tests.console.served import BEARER, served, settings_of
from tests.console.visit import Visit
from tests.platform import FIRST, SECOND, Platform


def figures(page: str) -> dict[str, str]:
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))


def test_it_has_the_figures_of_status(
    loaded_platform: Platform, console: httpx.Client, tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drawn.yaml").write_text(
        yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json"), sort_keys=False)
    )
    places = ["--store", str(loaded_platform.root / "store"), "--landing", str(loaded_platform.landing)]
    assert main(["status", "--dataset", str(tmp_path / "drawn.yaml"), *places, "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    answered = console.get("/v1/status").json()
    assert_told("status", answered)
    assert answered == status
    page = console.get("/").text
    found = figures(page)
    assert found["due by now"] == status["due"]
    for state in ("passed", "warned", "failed", "not evaluated", "unfinished"):
        assert found[f"checks {state}"] == f"{status['checks'][state]:,}"
    to_be_run = [one for one in status["open_days"] if one["state"] in ("landed and not run", "not run")]
    assert found["days to be run"] == (str(len(to_be_run)) if to_be_run else "none")
    assert found["late"] == str(sum(not one["fresh"] for one in status["categories"].values()))
    for name, one in status["categories"].items():
        assert re.search(rf"<td>{name}</td><td>{one['last_day']}</td>", page)


def test_a_day_that_failed_is_told_with_why_and_leads_to_it(loaded_platform: Platform, tmp_path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    book, partition = CheckBook(platform.store, platform.dataset.name), platform.partition("animal", SECOND)
    states: dict[str, tuple[CheckStatus, str]] = {
        one.check: (one.state, one.description) for one in book.states() if _is(one, partition)
    }
    assert states
    name = sorted(states)[0]
    book.write(IMAGE_FEATURES.name, partition, {**states, name: ("failed", "a <planted> fault; mend it")}, "run-1")
    with served(settings_of(platform)) as client:
        told = {(one["day"], one["category"]): one for one in client.get("/v1/days").json()["days"]}
        assert told[str(SECOND), "animal"]["state"] == "failed"
        assert told[str(FIRST), "animal"]["state"] == "passed"
        page = client.get("/").text
        assert "a &lt;planted&gt; fault; mend it" in page
        assert f'class="state failed" href="/days/{SECOND}/animal"' in page
        day = client.get(f"/days/{SECOND}/animal").text
        assert "a &lt;planted&gt; fault; mend it" in day
        assert f"image_features/{name}" in day
        assert client.get("/days/2026-01-01/animal").status_code == 404
        assert f"/gallery?day={SECOND}&amp;category=animal" in day
        assert client.get("/days/whole/all").status_code == 200
        assert client.get("/?until=yesterday").status_code == 400
        assert str(SECOND) not in re.findall(r"<tr><th>(.*?)</th>", client.get(f"/?until={FIRST}").text)


def _is(one, partition) -> bool:
    return one.asset == IMAGE_FEATURES.name and one.partition == partition


def test_where_nothing_was_looked_at_nothing_is_well(loaded_platform: Platform, tmp_path) -> None:
    platform = Platform(loaded_platform.dataset, tmp_path)
    platform.landing.mkdir()
    with served(settings_of(platform), ready=False) as client:
        page = client.get("/").text
    assert "none has been evaluated yet" in page
    assert page.count("no day of it was ever run") == 3
    assert 'class="state passed"' not in page


def planted(platform: Platform) -> tuple[str, dict[str, str]]:
    """A check that failed on one day of a category: its name, and what a request calls it."""
    book, partition = CheckBook(platform.store, platform.dataset.name), platform.partition("animal", SECOND)
    states: dict[str, tuple[CheckStatus, str]] = {
        one.check: (one.state, one.description) for one in book.states() if _is(one, partition)
    }
    name = sorted(states)[0]
    book.write(IMAGE_FEATURES.name, partition, {**states, name: ("failed", "planted")}, "run-1")
    return f"image_features/{name}", {"day": str(SECOND), "category": "animal"}


def test_what_is_acknowledged_stays_failed_and_wants_nobody(loaded_platform: Platform, tmp_path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    check, where = planted(platform)
    said = {"check": check, **where, "comment": "<b>a known</b> fault", "by": "ann"}
    address = f"/days/{SECOND}/animal"
    with served(settings_of(platform), ready=False) as client:
        before = client.get("/").text
        assert client.post("/v1/acknowledgements", json=said).status_code == 401
        for wrong, status in (({"comment": ""}, 400), ({"check": "a/b"}, 404), ({"day": str(FIRST)}, 409)):
            assert client.post("/v1/acknowledgements", json={**said, **wrong}, headers=BEARER).status_code == status
        assert client.get("/").text == before
        assert client.post("/v1/acknowledgements", json=said, headers=BEARER).json()["by"] == "ann"

        (day,) = [one for one in client.get("/v1/days").json()["days"] if where.items() <= one.items()]
        assert day["state"] == "failed"
        (cause,) = [one for one in day["causes"] if one["what"] == check]
        assert cause["acknowledged"]["comment"] == said["comment"]
        page = client.get("/").text
        urgent, _, known = page.partition("with what is acknowledged")
        told_of = f"{check}, since {SECOND}: planted"
        assert told_of in before
        assert told_of not in urgent
        assert "&lt;b&gt;a known&lt;/b&gt; fault" in known
        assert f'class="state failed" href="{address}"' in known
        assert "&lt;b&gt;a known&lt;/b&gt; fault" in client.get(address).text

        named = f"{check} [{SECOND} animal]"
        (told,) = [one for one in client.get("/v1/status").json()["checks"]["not_passed"] if one["check"] == named]
        assert (told["state"], told["acknowledged"]["by"]) == ("failed", "ann")
        taken = client.post("/v1/acknowledgements:withdraw", json={"check": check, **where}, headers=BEARER)
        assert taken.json() == {"withdrawn": True}
        assert client.get("/").text == before


def test_a_day_is_acknowledged_on_its_page(loaded_platform: Platform, tmp_path, browser: Any) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    check, _ = planted(platform)
    with served(settings_of(platform), ready=False) as client:
        visit = Visit(browser, client, viewport={"width": 360, "height": 740})
        page = visit.open(f"/days/{SECOND}/animal")
        assert page.locator("form").count() == 0  # whoever has no token only reads
        visit.see_that_no_click_is_lost(f"/days/{SECOND}/animal")
        visit.enter(f"/days/{SECOND}/animal")
        form = page.locator(f"form[data-check='{check}']")
        form.locator("input").fill("the sensor is being replaced")
        form.locator("button").click()
        page.get_by_text("“the sensor is being replaced”, until it passes").wait_for()
        visit.see_that_no_click_is_lost(f"/days/{SECOND}/animal")
        page.get_by_role("button", name="Take back").click()
        form.wait_for()
        visit.leave()


def test_quality_over_time_is_drawn_by_the_server_and_leads_to_images(loaded_platform: Platform, tmp_path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    book = CheckBook(platform.store, platform.dataset.name)
    dark = {"dark_images": {"share": Measure(0.5, 0.1)}}
    book.write("raw_images", platform.partition("plant", SECOND), {"dark_images": ("warned", "")}, "r", dark)
    with served(settings_of(platform), ready=False) as client:
        page = client.get("/").text
        told = f"{SECOND}: 50.0%, limit 10.0%, judged bad by raw_images/dark_images"
        assert f"<title>{told}</title>" in page
        lines = client.get("/v1/quality").json()["lines"]
        (plants,) = [one for one in lines if (one["measure"], one["category"]) == ("dark images", "plant")]
        assert plants["days"][-1] == {
            "day": str(SECOND),
            "value": 0.5,
            "limit": 0.1,
            "judged": "raw_images/dark_images",
        }
        assert client.get(f"/v1/quality?since={SECOND}").json()["lines"] != lines
        assert client.get("/v1/quality?since=yesterday").status_code == 400
        large = client.get(re.findall(r'href="(/over-time/dark[^"]*)"', page)[0]).text
        assert told in large
        gallery = f"/gallery?day={SECOND}&amp;category=plant"
        assert gallery in large
        assert f"/map?day={SECOND}&amp;category=plant&amp;quality=dark" in large
        assert client.get(gallery.replace("&amp;", "&")).text.count("data-id=") > 0
        assert "<script" not in large
        assert client.get("/over-time/nothing").status_code == 404
        assert client.get("/over-time/duplicates?days=0").status_code == 400
