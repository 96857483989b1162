"""The figures for Prometheus: what was asked and how it went, the queue, and the model."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.console.served import served, settings_of
from tests.pictures import picture
from tests.platform import Platform


@pytest.fixture(scope="module")
def own(loaded_platform: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(loaded_platform)) as client:
        yield client


def figures(client: httpx.Client) -> dict[tuple[str, ...], float]:
    """Name and values of the labels → value."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def test_requests_are_counted_under_their_route_and_status(own: httpx.Client) -> None:
    before = figures(own)
    own.get("/v1/images/none")
    own.get("/v1/images/other")
    own.get("/nothing/of/the/kind")
    own.post("/v1/classify", content=picture(1, 5), headers={"content-type": "image/png"})
    after = figures(own)

    def grown(*key: str) -> float:
        return after.get(key, 0) - before.get(key, 0)

    assert grown("image_assets_requests_total", "GET", "/v1/images/{image_id}", "404") == 2
    assert grown("image_assets_requests_total", "GET", "none", "404") == 1
    assert grown("image_assets_requests_total", "POST", "/v1/classify", "200") == 1
    assert grown("image_assets_request_seconds_count", "/v1/classify") == 1
    assert grown("image_assets_images_total") == 1
    assert grown("image_assets_batches_total") == 1
    assert after["image_assets_waiting_images",] == 0
    assert after["image_assets_requests_in_work",] == 0
    assert not [key for key in after if "nothing" in str(key)]


def test_the_model_is_named_by_its_digest(own: httpx.Client) -> None:
    (model,) = [key[3] for key in figures(own) if key[0] == "image_assets_model_info"]
    assert model == own.get("/readyz").json()["model"]["sha256"]
