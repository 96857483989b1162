"""A classifier that is really materialised leaves its report, and the command hands it out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import dagster as dg
import pytest
import yaml

from image_assets.classifier.familiarity_record import familiarity_of_manifest
from image_assets.classifier.places import CLASSIFIER, current_manifest
from image_assets.classifier.unseen import told_of_unseen, unseen_of
from image_assets.cli import main
from image_assets.orchestration.automation import refresh_job_name
from tests.exploration.references import references
from tests.platform import Platform


@pytest.fixture(scope="module")
def reported(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, dict[str, object]]:
    """A copy of the platform whose classifier was made again, with a report; and the metadata of that."""
    copy = loaded_platform.copy_to(tmp_path_factory.mktemp("reported"))
    spec = copy.dataset.classifier
    with_report = spec.report.model_copy(update={"enabled": True, "repeats": 2, "max_rows": 100})
    dataset = copy.dataset.model_copy(update={"classifier": spec.model_copy(update={"report": with_report})})
    platform = Platform(dataset, copy.root)
    return platform, materialise(platform)


def materialise(platform: Platform) -> dict[str, object]:
    """Make the classifier alone again; the metadata of that."""
    job = platform.definitions().resolve_job_def(refresh_job_name(platform.dataset))
    key = dg.AssetKey([platform.dataset.name, CLASSIFIER])
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, asset_selection=[key])
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def reports(platform: Platform) -> Path:
    return platform.files / platform.dataset.name / "reports"


def test_the_report_lies_beside_the_newest_one_and_is_linked(reported: tuple[Platform, dict[str, object]]) -> None:
    platform, metadata = reported
    sha = str(metadata["sha256"])[:12]
    names = sorted(path.name for path in reports(platform).iterdir())
    own = [f"classifier-{sha}.{ending}" for ending in ("html", "json", "md", "mistakes.json")]
    # The champion of the day before had its baselines measured, and no report was wanted.
    before = [name for name in names if name.endswith(".json") and name not in own and "mistakes" not in name]
    assert names == sorted([*before, *own, "classifier.html", "classifier.md", "classifier.mistakes.json"])
    assert len(before) == 1
    html = (reports(platform) / own[0]).read_text()
    assert str(metadata["page"]).endswith(f"drawn/reports/{own[0]}")
    assert (reports(platform) / "classifier.html").read_text() == html
    assert references(html) == []
    assert html.count("data:image/jpeg") > 5
    assert str(metadata["Would more images help?"]).startswith("![classifier_learning_curve](data:image/webp;base64,")


def test_the_metadata_say_how_it_does_on_sources_it_never_saw(reported: tuple[Platform, dict[str, object]]) -> None:
    platform, metadata = reported
    manifest = current_manifest(platform.dataset, platform.store)
    assert manifest is not None
    assert unseen_of(manifest) is not None
    assert metadata["on sources it never saw"] == told_of_unseen(manifest)
    record = familiarity_of_manifest(manifest)
    assert record is not None
    assert record.images == manifest.metrics["trained"]


@pytest.mark.long
def test_the_same_training_leaves_the_same_bytes_and_reports_go_with_their_models(
    reported: tuple[Platform, dict[str, object]],
) -> None:
    platform, _ = reported
    before = {path.name: digest(path) for path in reports(platform).iterdir()}
    (reports(platform) / f"classifier-{'0' * 12}.html").write_text("of a model that is not there")
    materialise(platform)
    assert {path.name: digest(path) for path in reports(platform).iterdir()} == before


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_command_hands_out_page_and_card(reported: tuple[Platform, dict[str, object]], tmp_path: Path) -> None:
    platform, _ = reported
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    places = ["report", "--of", "model", "--dataset", f"{tmp_path}/drawn.yaml", "--store", platform.store.url]
    for name in ("model.html", "model.md", "model.json"):
        assert main([*places, "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / "model.html").read_bytes() == (reports(platform) / "classifier.html").read_bytes()
    assert (tmp_path / "model.md").read_text().startswith("# Model card: drawn classifier")
    found, page = json.loads((tmp_path / "model.json").read_text()), (tmp_path / "model.html").read_text()
    assert found["images"] == sum(part["images"] for part in found["by_source"])
    assert found["mistakes"] == sum(part["mistakes"] for part in found["by_source"])
    assert f"Of the {found['images']} images held out {found['mistakes'] / found['images']:.1%} are mistakes." in page
    assert all(one["image_id"][:12] in page and one["source"] in page for one in found["most_certain"])


def test_without_a_report_the_command_says_how_to_get_one(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    places = ["report", "--of", "model", "--dataset", f"{tmp_path}/drawn.yaml", "--store", loaded_platform.store.url]
    assert main([*places, "--out", str(tmp_path / "model.html")]) == 2
    assert "classifier.report.enabled" in capsys.readouterr().err
    assert not (tmp_path / "model.html").exists()
