"""The page of health says what `image-assets status` says, and what is wrong where."""

from __future__ import annotations

import json
import re

import httpx
import pytest
import yaml

from image_assets.cli import main
from image_assets.console.health import Now
from image_assets.health.check_book import CheckBook, CheckStatus
from image_assets.orchestration.current_status import current_status
from image_assets.schema import IMAGE_FEATURES
from tests.cli.shapes import assert_told
from tests.console.served import served, settings_of
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

    def ask() -> Now:
        now = current_status(platform.dataset, platform.store, str(platform.landing))
        return Now(now.status, now.unknown, now.running)

    with served(settings_of(platform, ask=ask), ready=False) as client:
        page = client.get("/").text
    assert "none has been evaluated yet" in page
    assert page.count("no day of it was ever run") == 3
    assert 'class="state passed"' not in page
