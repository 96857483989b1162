"""Where something is told of a dataset's models, its networks are told of too."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console

pytest.importorskip("tensorflow", reason="the extra networks is not installed")
pytest.importorskip("safetensors", reason="the extra networks is not installed")

from image_assets.answers.quality_over_time import quality_over_time
from image_assets.cli import main
from image_assets.cli.day_report import report_of
from image_assets.cli.summary import show_day
from image_assets.health.day_result import DayResult
from image_assets.networks.places import CNN_CLASSIFIER, cnn_prefix
from image_assets.resources.landing import LandingResource
from image_assets.schema import Partition
from image_assets.store.models.model_store import ModelManifest
from tests.networks.kept import keep_network, with_networks
from tests.platform import SECOND, Platform


@pytest.fixture(scope="module")
def kept(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, ModelManifest]:
    platform = with_networks(loaded_platform, tmp_path_factory.mktemp("told"))
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    return platform, keep_network(platform, learnt=[Partition(SECOND, "plant")])


def status(platform: Platform, *more: str) -> list[str]:
    return ["status", "--dataset", str(platform.root / "drawn.yaml"), "--store", str(platform.store.url), *more]


def test_status_tells_of_both(kept: tuple[Platform, ModelManifest], capsys: pytest.CaptureFixture[str]) -> None:
    platform, manifest = kept
    assert main(status(platform)) == 0
    said = " ".join(capsys.readouterr().out.split())
    line = (
        f"cnn_classifier, model {manifest.sha256[:12]}, of {manifest.data_day}: accuracy "
        f"{manifest.metrics['accuracy']:.1%} on {manifest.metrics['held_out']} held-out images."
    )
    assert line in said
    assert " classifier, model " in said
    assert main(status(platform, "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"]["model"] == manifest.sha256[:12] != told["model"]["model"]
    assert told["network"]["accuracy"] == manifest.metrics["accuracy"]


def test_a_network_that_cannot_be_read_is_not_told_of_as_one(
    kept: tuple[Platform, ModelManifest], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform = with_networks(kept[0], tmp_path)
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    keep_network(platform)
    champion = platform.files / cnn_prefix(platform.dataset) / "champion.json"
    champion.write_text("{")
    main(status(platform, "--json"))
    told = json.loads(capsys.readouterr().out)
    assert told["network"] is None
    assert told["model"] is not None


@pytest.mark.parametrize("trained", [True, False])
def test_a_day_tells_of_both(kept: tuple[Platform, ModelManifest], *, trained: bool) -> None:
    platform, manifest = kept
    made = {"classifier", CNN_CLASSIFIER} if trained else {"classifier"}
    result = DayResult(refreshed=True, made=made)
    source = LandingResource(url=str(platform.landing)).source(platform.dataset)
    report = report_of(platform.dataset, platform.store, source, [Partition(SECOND, "plant")], result)
    said = report.as_json()[CNN_CLASSIFIER]
    assert (said["trained"], said["accuracy"]) == (trained, manifest.metrics["accuracy"])
    console = Console(record=True, width=200, file=io.StringIO())
    show_day(report, console)
    figures = f"accuracy {manifest.metrics['accuracy']:.1%}, macro F1"
    lines = [line for line in console.export_text().splitlines() if line.startswith(f"{CNN_CLASSIFIER}: ")]
    if trained:
        assert lines[0].startswith(f"{CNN_CLASSIFIER}: {figures}")
    else:
        assert lines[0] == f"{CNN_CLASSIFIER}: not trained this time"
        assert figures in lines[1]


def test_where_none_is_kept_the_day_says_so(loaded_platform: Platform, tmp_path: Path) -> None:
    platform = with_networks(loaded_platform, tmp_path)
    result = DayResult(refreshed=True, made={"classifier"})
    source = LandingResource(url=str(platform.landing)).source(platform.dataset)
    report = report_of(platform.dataset, platform.store, source, [Partition(SECOND, "plant")], result)
    assert report.as_json()[CNN_CLASSIFIER] is None
    console = Console(record=True, width=200, file=io.StringIO())
    show_day(report, console)
    assert f"{CNN_CLASSIFIER}: not trained" in console.export_text().splitlines()


def test_its_accuracy_has_a_line_over_time(kept: tuple[Platform, ModelManifest]) -> None:
    platform, manifest = kept
    lines = {line.measure: line for line in quality_over_time(platform.dataset, platform.store, []).lines}
    (day,) = lines["accuracy of cnn_classifier"].days
    assert day.value == manifest.metrics["accuracy"]
    assert lines["accuracy"].days
