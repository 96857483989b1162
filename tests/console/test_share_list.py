"""The page of links to shards: what was shared is seen, and revoked by whoever has the token, after a question."""

from __future__ import annotations

import datetime as dt
from typing import Any

import httpx
import pytest

from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share
from tests.console.served import BEARER, served, settings_of
from tests.console.visit import Visit
from tests.platform import FIRST, Platform

WEEK = dt.timedelta(days=7)


def shared(platform: Platform, note: str, made: dt.datetime | None = None) -> tuple[Share, str]:
    contents = contents_of(platform.dataset, platform.store, Chosen([FIRST], ["plant"]))
    share, token = ShareBook(platform.store, "drawn").make(contents, WEEK, "ada", note, made)
    return share, f"/share/{token}/"


def states(client: httpx.Client) -> dict[str, str]:
    return {one["id"]: one["state"] for one in client.get("/v1/shares").json()["shares"]}


def test_links_are_listed_and_revoked_on_their_page(damaged: Platform, browser: Any) -> None:
    share, address = shared(damaged, "for <the> museum")
    ended, _ = shared(damaged, "long ago", dt.datetime.now(dt.UTC) - 2 * WEEK)
    with served(settings_of(damaged), ready=False) as client:
        assert client.get(f"{address}files/{share.files[1].path}", follow_redirects=True).status_code == 200
        page = client.get("/shares").text
        assert "for &lt;the&gt; museum" in page
        assert f"plant; {FIRST}: 16 images in 4 files" in page
        assert "no marks: nobody has said anything" in page
        assert "data-revoke" not in page  # whoever has no token only reads
        assert address.split("/")[2] not in page
        (told,) = [one for one in client.get("/v1/shares").json()["shares"] if one["id"] == share.id]
        assert told["used"]["downloads"] == 1
        assert states(client) == {share.id: "open", ended.id: "expired"}

        visit = Visit(browser, client, viewport={"width": 1280, "height": 800})
        visit.see_that_no_click_is_lost("/shares")
        seen, questions, answers = visit.enter("/shares"), [], iter(("dismiss", "accept", "accept"))
        seen.on("dialog", lambda one: (questions.append(one.message), getattr(one, next(answers))()))
        seen.locator(f"[data-revoke='{share.id}']").click()
        assert states(client)[share.id] == "open"  # whoever does not agree changes nothing
        with seen.expect_navigation():
            seen.locator(f"[data-revoke='{share.id}']").click()
        assert states(client)[share.id] == "revoked"
        assert client.get(address).status_code == 410
        with seen.expect_navigation():
            seen.locator("#clear").click()
        seen.get_by_text("There is no link.").wait_for()
        assert states(client) == {}
        assert [share.id in one for one in questions] == [True, True, False]
        visit.leave()


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("/v1/shares/{share}:revoke", {}, 401),
        ("/v1/shares:clear", {}, 401),
        ("/v1/shares/{share}:revoke", {"authorization": "Bearer of-somebody-else"}, 401),
        ("/v1/shares/{share}:revoke", {**BEARER, "origin": "http://evil.test"}, 403),
        ("/v1/shares/ffff:revoke", BEARER, 404),
        ("/v1/shares:clear", BEARER, 200),  # which leaves alone what is open
    ],
)
def test_who_may_not_changes_nothing(
    address: str, headers: dict[str, str], status: int, console: httpx.Client, loaded_platform: Platform
) -> None:
    share, link = shared(loaded_platform, "")
    try:
        assert console.post(address.format(share=share.id), headers=headers).status_code == status
        assert states(console)[share.id] == "open"
        assert console.get(link).status_code == 200
    finally:
        (loaded_platform.files / "drawn/shares" / f"{share.id}.json").unlink()
