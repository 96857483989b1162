"""The denoising network as an asset: trained on the images of a store, judged, kept, and told of on a page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from image_assets.asset_checks import denoising_autoencoder as checks
from image_assets.asset_checks.check import checks_in
from image_assets.networks.denoising.figures import Closeness, DenoisingFigures
from image_assets.networks.denoising.images import Tables, sides_of
from image_assets.networks.denoising.record import (
    DENOISING,
    RECORD,
    DenoisingRecord,
    RecordRefusedError,
    denoising_prefix,
    read_record,
    write_record,
)
from image_assets.networks.errors import UnfitDataError
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.store.models.model_store import champion_manifest, ids_digest
from tests.asset_checks.faults import failing, outcome
from tests.platform import Platform, small_dataset

SECTION = {"size": 16, "epochs": 2, "batch": 8, "validation": 0.2, "pictures": 2}
CHECKS = checks_in(checks)


def with_section(platform: Platform, **changes: object) -> Platform:
    return Platform(small_dataset(networks={DENOISING: {**SECTION, **changes}}), platform.root)


def sides(platform: Platform) -> Any:
    named = (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES)
    tables = Tables(*(platform.store.table(platform.dataset.name, schema).scan() for schema in named))
    return sides_of(platform.dataset, platform.store, tables, 0.2, 1_000)


def materialised(platform: Platform) -> dict[str, Any]:
    """The metadata of the asset, made once."""
    key = dg.AssetKey([platform.dataset.name, DENOISING])
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        )
        assert result.success
        (materialisation,) = result.asset_materializations_for_node(f"{platform.dataset.name}__{DENOISING}")
    return {name: value.value for name, value in materialisation.metadata.items()}


@pytest.fixture(scope="module")
def made(
    loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Platform, dict[str, Any], str]]:
    """A platform with a network, the asset's metadata, and its page."""
    pytest.importorskip("tensorflow", reason="the extra networks is not installed")
    pytest.importorskip("safetensors", reason="the extra networks is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        platform = with_section(loaded_platform.copy_to(tmp_path_factory.mktemp("denoising")))
        metadata = materialised(platform)
        yield platform, metadata, (platform.files / "drawn" / "reports" / f"{DENOISING}.html").read_text()


def test_a_dataset_that_does_not_ask_for_it_has_none() -> None:
    assert small_dataset().networks.denoising_autoencoder is None


def test_what_it_is_judged_by_was_held_out_from_the_classifier_too(loaded_platform: Platform) -> None:
    found = sides(loaded_platform)
    ids = [set(rows["image_id"]) for rows in (found.learnt, found.validated, found.judged)]
    assert sum(map(len, ids)) == len(set.union(*ids)) == loaded_platform.rows(IMAGE_FEATURES).height
    manifest = champion_manifest(loaded_platform.store.objects(), "drawn/classifier")
    assert manifest.training_ids_sha256 == ids_digest([*ids[0], *ids[1]])


def test_too_few_images_are_said_to_be(loaded_platform: Platform) -> None:
    platform = Platform(small_dataset(), loaded_platform.root)
    few = platform.rows(IMAGE_FEATURES).head(3).lazy()
    others = (platform.rows(schema).lazy() for schema in (DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES))
    with pytest.raises(UnfitDataError, match=r"drawn: 3 images leave \d to .* needs 2 at least"):
        sides_of(platform.dataset, platform.store, Tables(few, *others), 0.2, 1_000)


def test_figures_are_metadata_and_kept(made: tuple[Platform, dict[str, Any], str]) -> None:
    platform, metadata, _ = made
    record = read_record(platform.store.objects(), "drawn")
    assert record is not None
    assert metadata["PSNR restored"] == record.figures.restored.psnr
    assert metadata["held out"] == sides(platform).judged.height
    assert metadata["epochs"] == 2
    assert metadata["noise"] == "Gaussian noise of deviation 0.1"


def test_the_page_shows_pictures_figures_and_what_the_classifier_makes_of_them(
    made: tuple[Platform, dict[str, Any], str],
) -> None:
    _, metadata, page = made
    assert f"{metadata['PSNR restored']:.2f} dB" in page
    for view in ("clean", "noisy", "median filter", "restored"):
        assert f'alt="{view}"' in page
    assert page.count("restored at the other scale") == 1
    assert re.search(r"Of the pictures that the classifier of features says rightly when they are clean, \d+%", page)
    assert "http" not in page.replace("http-equiv", "")


def test_the_network_that_is_kept_is_the_one_that_was_judged(made: tuple[Platform, dict[str, Any], str]) -> None:
    from image_assets.networks.denoising.network_file import NetworkRefusedError, parsed_network

    platform, metadata, _ = made
    (file,) = (platform.files / denoising_prefix("drawn")).glob("*.safetensors")
    assert file.name == f"network-{metadata['sha256'][:12]}.safetensors"
    network, spec = parsed_network(file.read_bytes())
    pixels = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    assert network.predict_on_batch(pixels).shape == pixels.shape
    assert spec == platform.dataset.networks.denoising_autoencoder
    with pytest.raises(NetworkRefusedError, match="materialise denoising_autoencoder again"):
        parsed_network(file.read_bytes()[:-8])


def test_the_same_again_is_not_trained_again(made: tuple[Platform, dict[str, Any], str]) -> None:
    platform, metadata, page = made
    again = materialised(platform)
    assert again["epochs of an earlier run"] == again["epochs"] == 2
    assert again["sha256"] == metadata["sha256"]
    assert (platform.files / "drawn" / "reports" / f"{DENOISING}.html").read_text() == page


def record_of(restored: float, images: int = 100) -> DenoisingRecord:
    noisy, median = Closeness(psnr=20, ssim=0.5), Closeness(psnr=24, ssim=0.7)
    figures = DenoisingFigures(
        images=images,
        noisy=noisy,
        median=median,
        restored=Closeness(psnr=restored, ssim=0.8),
        closer_than_noisy=1,
        closer_than_median=1,
    )
    return DenoisingRecord(preset="residual", noise="noise", sha256="0" * 64, trained=300, epochs=3, figures=figures)


@pytest.mark.parametrize(
    ("restored", "caught"),
    [
        (27, set()),
        (22, {"restored_is_closer_than_the_median"}),
        (19, {"restored_is_closer_than_the_median", "restored_is_closer_than_noisy"}),
    ],
)
def test_a_network_that_does_worse_than_nothing_or_a_filter_is_told(
    damaged: Platform, restored: float, caught: set[str]
) -> None:
    write_record(damaged.store.objects(), "drawn", record_of(restored))
    assert failing(with_section(damaged), CHECKS) == caught


def test_of_too_few_images_there_is_rightly_no_network_and_of_enough_there_should_be(
    damaged: Platform, tmp_path: Path
) -> None:
    nothing = with_section(Platform(damaged.dataset, tmp_path))
    for one in CHECKS:
        assert outcome(nothing, one).not_evaluated.startswith("there is no denoising network yet: drawn: there is no")
    assert failing(with_section(damaged), CHECKS) == {one.name for one in CHECKS}


def test_few_judged_images_say_nothing_and_an_altered_record_fails(damaged: Platform) -> None:
    write_record(damaged.store.objects(), "drawn", record_of(10, images=5))
    assert outcome(damaged, checks.restored_is_closer_than_noisy).not_evaluated.startswith("5 held-out images")
    damaged.store.objects().put(f"{denoising_prefix('drawn')}/{RECORD}", b'{"preset": 3}')
    assert failing(damaged, CHECKS) == {one.name for one in CHECKS}


def test_a_record_that_was_altered_is_refused(damaged: Platform) -> None:
    damaged.store.objects().put(f"{denoising_prefix('drawn')}/{RECORD}", b'{"preset": 3}')
    with pytest.raises(RecordRefusedError, match="materialise denoising_autoencoder again"):
        read_record(damaged.store.objects(), "drawn")


# Last: the browser's driver has a loop of its own, which Dagster would meet.
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_all_its_pictures_are_there(
    browser: Any, made: tuple[Platform, dict[str, Any], str], scheme: str, tmp_path: Path
) -> None:
    copy = tmp_path / "page.html"  # no browser opens what lies in a bucket, and the page needs nothing beside it
    copy.write_bytes((made[0].files / "drawn" / "reports" / f"{DENOISING}.html").read_bytes())
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(copy.as_uri(), wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    widths = page.evaluate("[...document.querySelectorAll('.gallery.large img')].map(one => one.naturalWidth)")
    # Three galleries of at most two images, four views each.
    assert len(widths) == 24
    assert min(widths) >= 144
    context.close()
