"""Where Keras is not installed everything else works, and a network says what to install."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from image_assets.asset_checks import cnn_classifier, denoising_autoencoder
from image_assets.asset_checks.check import checks_in
from image_assets.dataset import DatasetError, DatasetSpec, parse_dataset
from image_assets.networks.errors import NetworksMissingError
from image_assets.networks.keras_here import prepare_keras
from image_assets.orchestration.automation import refresh_job_name
from tests.asset_checks.faults import failing
from tests.daemon import SILENT
from tests.platform import Platform, small_dataset

ROOT = Path(__file__).resolve().parents[2]
CONTENT = {"name": "pond", "categories": {"frog": 0, "newt": 1}, "start_day": "2026-11-01"}


def with_networks(**networks: object) -> DatasetSpec:
    return parse_dataset({**CONTENT, "networks": networks}, "pond.yaml")


@pytest.mark.parametrize("name", ["keras", "tensorflow", "safetensors"])
def test_the_error_says_what_to_install(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # what Python itself notes of a package that is not there
    with pytest.raises(NetworksMissingError, match=r'pip install "image-assets\[networks\]"'):
        prepare_keras()


def test_definitions_checks_and_documents_do_without() -> None:
    program = (
        "import sys\n"
        "for name in ('keras', 'tensorflow', 'safetensors'): sys.modules[name] = None\n"
        "from image_assets.definitions import build_definitions, build_resources\n"
        "from image_assets.resources.landing import LandingResource\n"
        "from image_assets.resources.store import StoreResource\n"
        "from image_assets import data_dictionary\n"
        "from image_assets.asset_checks import all_checks\n"
        "from tests.networks.test_without_keras import with_networks\n"
        "dataset = with_networks(cnn_classifier={}, denoising_autoencoder={})\n"
        "resources = build_resources(LandingResource(url='landing'), StoreResource(url='store'))\n"
        "keys = build_definitions([dataset], resources).resolve_asset_graph().get_all_asset_keys()\n"
        "print(sorted(key.path[-1] for key in keys if key.path[-1] in dataset.networks.model_fields_set))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.strip() == "['cnn_classifier', 'denoising_autoencoder']", done.stderr[-2000:]


@pytest.mark.parametrize("asset", ["cnn_classifier", "denoising_autoencoder"])
def test_a_network_that_is_asked_for_and_cannot_be_trained_is_a_failure(
    asset: str, loaded_platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    platform = Platform(small_dataset(networks={asset: {}}), loaded_platform.root)
    job = platform.definitions().resolve_job_def(refresh_job_name(platform.dataset))
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey([platform.dataset.name, asset])],
            raise_on_error=False,
            run_config=SILENT,
        )
        (failure,) = (one for one in result.all_events if one.is_step_failure)
    assert not result.success
    assert 'pip install "image-assets[networks]"' in str(failure.step_failure_data.error)
    # Nor do its checks say that all is well.
    checks = checks_in(cnn_classifier if asset == "cnn_classifier" else denoising_autoencoder)
    assert failing(platform, checks) == {one.name for one in checks}


def test_nothing_is_trained_of_a_dataset_that_does_not_ask() -> None:
    assert parse_dataset(CONTENT, "pond.yaml").networks.cnn_classifier is None


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"preset": "orignal"}, "networks.cnn_classifier.preset: found 'orignal'; .*did you mean original"),
        ({"size": 8}, "networks.cnn_classifier.size: found 8; .*greater than or equal to 16"),
        ({"colour": "gray"}, "networks.cnn_classifier.colour: found 'gray'"),
        ({"epoch": 3}, "networks.cnn_classifier.epoch: unknown key; did you mean epochs"),
        ({"augmentation": {"brightness": [1, 0.4]}}, "the least factor, 1, is above the greatest, 0.4"),
        ({"augmentation": {"rotation": 200}}, "networks.cnn_classifier.augmentation.rotation: found 200"),
    ],
)
def test_what_cannot_be_asked_for_is_said_with_its_key(section: dict[str, object], said: str) -> None:
    with pytest.raises(DatasetError, match=said):
        with_networks(cnn_classifier=section)
