"""Commands, notebooks and the console list, show, promote and roll back networks as they do models of features."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

import image_assets as ia
from image_assets.classifier.places import classifier_prefix
from image_assets.classifier.report.places import newest_name, report_name, reports_prefix
from image_assets.cli import main
from image_assets.networks.denoising.record import DENOISING
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.store.models.model_store import read_champion
from tests.cli.shapes import assert_told
from tests.console.served import BEARER, served, settings_of
from tests.console.visit import Visit
from tests.networks.kept import keep_network, with_networks
from tests.platform import Platform

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """A platform with two networks, of which the second is the champion, their reports and that of denoising."""
    root = tmp_path_factory.mktemp("models")
    platform = with_networks(loaded_platform, root)
    (root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    folder = platform.files / reports_prefix("drawn")
    folder.mkdir(exist_ok=True)
    for seed in (0, 1):
        digits = keep_network(platform, seed).sha256[:12]
        (folder / report_name(digits, "html", CNN_CLASSIFIER)).write_text(f"<h1>Network {seed}</h1>")
    (folder / newest_name("html", CNN_CLASSIFIER)).write_text("<h1>Network 1</h1>")
    (folder / newest_name("html", DENOISING)).write_text("<h1>Less noise</h1>")
    return platform


@pytest.fixture
def platform(kept: Platform, tmp_path: Path) -> Platform:
    return kept.copy_to(tmp_path)


@pytest.fixture
def run(platform: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(platform.root)

    def called(*words: str) -> tuple[int, str, str]:
        status = main([*words, "--dataset", "drawn.yaml", "--store", "store"])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return called


@pytest.fixture
def client(platform: Platform) -> Iterator[httpx.Client]:
    with served(settings_of(platform)) as one:
        yield one


def networks(platform: Platform) -> tuple[str, str]:
    """The current network, and the one before it."""
    champion = read_champion(platform.store.objects(), cnn_prefix(platform.dataset))
    return champion.sha256[:12], str(champion.replaced)[:12]


def by_features(platform: Platform) -> str:
    return read_champion(platform.store.objects(), classifier_prefix(platform.dataset)).sha256[:12]


def test_both_kinds_are_listed_with_their_roles(run: Run, platform: Platform) -> None:
    now, before = networks(platform)
    status, out, _ = run("models", "list")
    assert status == 0
    assert out.index("classifier\n") < out.index(by_features(platform)) < out.index("cnn_classifier\n") < out.index(now)
    told = json.loads(run("models", "list", "--json", "--history")[1])
    assert_told("models list", told)
    roles = {(one["asset"], one["model"]): one["role"] for one in told["models"]}
    assert roles["cnn_classifier", now] == roles["classifier", by_features(platform)] == "champion"
    assert roles["cnn_classifier", before] == "predecessor"
    assert {one["asset"] for one in told["history"]} == {"classifier", "cnn_classifier"}
    told = json.loads(run("models", "list", "--json", "--model", "cnn_classifier")[1])
    assert {one["model"] for one in told["models"]} == {now, before}


def test_one_is_shown_by_its_digest_or_as_the_current_one_of_its_asset(run: Run, platform: Platform) -> None:
    now, before = networks(platform)
    assert f"{before} predecessor" in run("models", "show", before[:6])[1]
    assert f"{now} champion" in run("models", "show", "--model", "cnn_classifier")[1]
    assert f"{by_features(platform)} champion" in run("models", "show")[1]
    told = json.loads(run("models", "show", now, "--json")[1])
    assert_told("models show", told)
    assert told["manifest"]["extractor"] == "pixels 16 × 16, rgb"


def test_one_is_promoted_and_the_one_before_is_gone_back_to(run: Run, platform: Platform) -> None:
    now, before = networks(platform)
    features = by_features(platform)
    status, out, _ = run("models", "promote", before, "--json")
    assert status == 0
    assert_told("models promote", json.loads(out))
    assert networks(platform) == (before, now)
    status, out, _ = run("models", "rollback", "--model", "cnn_classifier")
    assert status == 0
    assert f"{now} is the champion again" in out
    assert networks(platform)[0] == now
    assert by_features(platform) == features  # the other asset's champion is its own
    # A damaged network is not made the current one.
    file = next((platform.files / cnn_prefix(platform.dataset)).glob(f"model-{before}.safetensors"))
    file.write_bytes(file.read_bytes()[:-1])
    status, _, err = run("models", "promote", before)
    assert status == 2
    assert "was altered" in err
    assert networks(platform)[0] == now


def test_a_network_that_does_not_fit_the_dataset_file_is_not_promoted(run: Run, platform: Platform) -> None:
    content = platform.dataset.model_dump(mode="json")
    content["networks"]["cnn_classifier"]["size"] = 32
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(content))
    status, _, err = run("models", "promote", networks(platform)[1])
    assert status == 2
    assert "train it again" in " ".join(err.split())


def test_the_reports_are_handed_out(run: Run, platform: Platform) -> None:
    assert run("report", "--of", "model", "--model", "cnn_classifier")[0] == 0
    assert (platform.root / "model.html").read_text() == "<h1>Network 1</h1>"
    assert run("report", "--of", "denoising")[0] == 0
    assert (platform.root / "denoising.html").read_text() == "<h1>Less noise</h1>"
    status, _, err = run("report", "--of", "model", "--model", "cnn_classifier", "--out", "card.md")
    assert status == 2
    assert "a network has a page, and no .md" in err
    assert "--model says of which model" in run("report", "--model", "cnn_classifier")[2]
    (platform.files / reports_prefix("drawn") / newest_name("html", CNN_CLASSIFIER)).unlink()
    status, _, err = run("report", "--of", "model", "--model", "cnn_classifier")
    assert status == 2
    assert "cnn_classifier.html: there is no report; materialise cnn_classifier" in " ".join(err.split())


def test_notebooks_have_them_too(platform: Platform) -> None:
    project = ia.open(str(platform.root / "drawn.yaml"), landing=str(platform.landing), store=platform.store.url)
    now, before = networks(platform)
    assert [one.digits for one in project.models("cnn_classifier").models if one.role] == [now, before]
    assert "Network 0" in project.report(before)._repr_html_()
    (answer,) = project.predict(next(platform.landing.rglob("picture-*.png")), model="cnn_classifier")
    assert answer.as_json()["asset"] == "cnn_classifier"


def test_the_page_lists_them_switches_each_and_leads_to_every_report(client: httpx.Client, platform: Platform) -> None:
    now, before = networks(platform)
    features = by_features(platform)
    page = client.get("/models").text
    for digits in (now, before):
        assert f"/models/{digits}/report" in page
    assert client.get(f"/models/{before}/report").text == "<h1>Network 0</h1>"
    assert "/models/denoising_autoencoder/report" in page
    assert client.get("/models/denoising_autoencoder/report").text == "<h1>Less noise</h1>"
    listed = client.get("/v1/models").json()
    assert {(one["asset"], one["model"]) for one in listed["models"] if one["role"] == "champion"} == {
        ("classifier", features),
        ("cnn_classifier", now),
    }
    # What somebody saw is the current one of the same asset, or nothing is changed.
    refused = client.post(f"/v1/models/{before}:promote?current={features}", headers=BEARER)
    assert refused.status_code == 409
    assert networks(platform)[0] == now
    assert client.post(f"/v1/models/{before}:promote?current={now}", headers=BEARER).status_code == 200
    assert networks(platform)[0] == before
    back = f"/v1/models:rollback?model=cnn_classifier&current={before}"
    assert client.post(back, headers=BEARER).status_code == 200
    assert networks(platform)[0] == now
    assert by_features(platform) == features
    refused = client.post("/v1/models:rollback?model=oracle", headers=BEARER)
    assert refused.json()["error"]["code"] == "bad_model"


def test_in_a_browser_each_table_has_its_own_buttons(browser: Any, client: httpx.Client, platform: Platform) -> None:
    now, before = networks(platform)
    visit = Visit(browser, client, viewport={"width": 900, "height": 700})
    asked: list[str] = []
    visit.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page = visit.enter("/models")
    page.locator(f'button[data-digits="{before}"]').click()
    page.locator(f'#cnn_classifier[data-current="{before}"]').wait_for()
    page.locator('button[data-back="cnn_classifier"]').click()
    page.locator(f'#cnn_classifier[data-current="{now}"]').wait_for()
    visit.leave()
    assert asked[0] == f"Have {before} answer from now on, in the place of {now}?"
