"""A parameter that an address does not have, or one that is given twice, is refused: it would go unheard."""

from __future__ import annotations

import httpx
import pytest

from image_assets.console.openapi import PATHS


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/v1/images?quee=conflicts", "did you mean queue?"),
        ("/v1/images?day=2026-11-03&day=2026-11-04", "'day' is given twice"),
        ("/v1/images?Category=plant", "did you mean category?"),
        ("/v1/quality?from=2026-11-01", "there are since"),
        ("/v1/days?day=2026-11-03", "it takes none"),
        ("/v1/status?x", "it takes none"),
        ("/v1/marks?limit=3", "there are most"),
        (f"/v1/images/{'0' * 64}?size=9", "it takes none"),
        ("/v1/map/regions?verison=1", "did you mean version?"),
    ],
)
def test_what_an_address_does_not_have_is_refused(console: httpx.Client, address: str, told: str) -> None:
    answer = console.get(address)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_parameter")
    assert told in answer.json()["error"]["message"]
    assert len(answer.json()["error"]["message"].splitlines()) == 1


def test_what_comes_along_with_a_body_is_looked_at_too(console: httpx.Client) -> None:
    answer = console.post("/v1/classify?nearst=3", content=b"")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_parameter")
    assert "did you mean nearest?" in answer.json()["error"]["message"]


def test_every_parameter_of_the_document_is_let_through(console: httpx.Client) -> None:
    asked = 0
    for address, operations in PATHS.items():
        for one in operations.get("get", {}).get("parameters", ()):
            if one["in"] == "query" and address.startswith("/v1/") and "{" not in address:
                answer = console.get(address, params={one["name"]: ""})
                if answer.headers["content-type"].startswith("application/json"):
                    assert answer.json().get("error", {}).get("code") != "bad_parameter", (address, one["name"])
                asked += 1
    assert asked > 10


def test_other_addresses_and_pages_take_what_they_took(console: httpx.Client) -> None:
    assert console.get("/healthz?from=a-load-balancer").status_code == 200
    assert console.get("/gallery?from=a-mail").status_code == 200
    assert console.get("/v1/nothing?x=1").status_code == 404
    assert console.get("/v1/images?").status_code == 200
