"""A dataset file whose extractor is another one than that of the features that are there: it is said beforehand."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from image_assets.answers.other_features import OtherFeatures, other_features
from image_assets.answers.status import status_of
from image_assets.cli.options import HowToRun
from image_assets.cli.planned import planned
from image_assets.dataset import DatasetSpec, parse_dataset
from image_assets.features.errors import ExtractorError
from image_assets.features.extractor import shared_extractor
from image_assets.schema import IMAGE_FEATURES
from image_assets.settings.stages import DEFAULT_EXTRACTOR
from tests.platform import FIRST, SECOND, Platform, small_dataset

EACH = {FIRST: 16, SECOND: 4}


def without_the_key() -> DatasetSpec:
    """As the dataset file of the loaded platform, which says what was the default before, if it said nothing."""
    content = small_dataset().model_dump(mode="json", exclude_unset=True)
    del content["extractor"]
    return parse_dataset(content, "drawn.yaml")


def in_brief(others: OtherFeatures) -> dict[str, int]:
    return {str(one): count for one, count in others.images.items()}


def would_run(platform: Platform, dataset: DatasetSpec) -> tuple[dict, str]:
    """What `run --dry-run` says of the first day's plants: as JSON, and to a person."""
    plan = planned({FIRST: [platform.partition()]}, dataset, str(platform.landing), platform.store.url, HowToRun())
    console = Console(file=io.StringIO(), width=300)
    plan.show(console)
    assert isinstance(console.file, io.StringIO)
    return plan.as_json(), console.file.getvalue()


def test_where_the_features_are_of_the_dataset_s_extractor_nothing_is_said(loaded_platform: Platform) -> None:
    status = status_of(loaded_platform.dataset, loaded_platform.store, [], None)
    assert status.other_features == OtherFeatures()
    assert status.as_json()["other_extractor"] == []
    plan, said = would_run(loaded_platform, loaded_platform.dataset)
    assert plan["days"][0]["categories"]["plant"]["extracted_anew"] == 0
    assert plan["left_of_other_extractor"] == []
    assert "extract" not in said


def test_features_of_the_former_default_are_told_before_a_run_where_the_file_names_none(
    loaded_platform: Platform,
) -> None:
    dataset = without_the_key()
    status = status_of(dataset, loaded_platform.store, [], None)
    assert status.other_features is not None
    expected = {f"{day} {category}": count for day, count in EACH.items() for category in dataset.categories}
    assert in_brief(status.other_features) == expected
    first, second = status.other_features.lines
    assert "60 images on 2 days from 2026-11-03 to 2026-11-04; `image-assets run --extract-anew` makes" in first
    assert second.startswith(
        "a dataset file without the key extractor has {kind: efficientnet_lite1, layer: last_block}"
    )
    assert second.endswith("stay with `extractor: {kind: efficientnet_lite0}` in the dataset file")
    plan, said = would_run(loaded_platform, dataset)
    assert plan["days"][0]["categories"]["plant"]["extracted_anew"] == 16
    assert sum(one["images"] for one in plan["left_of_other_extractor"]) == 44
    assert "16 images of these days would be extracted anew" in said
    assert "features of another extractor: 44 images on 2 days" in said


def test_a_file_that_names_its_extractor_is_not_told_of_the_default(loaded_platform: Platform) -> None:
    dataset = small_dataset(extractor=DEFAULT_EXTRACTOR.model_dump())
    (line,) = other_features(dataset, loaded_platform.store).lines
    assert "60 images" in line


def test_what_was_extracted_anew_is_no_longer_among_them(damaged: Platform) -> None:
    """And what lies in files of other names, as migrated ones do, is told by its rows."""
    dataset, plants = without_the_key(), damaged.partition()
    digest = shared_extractor(dataset.extractor).digest
    rows = damaged.rows(IMAGE_FEATURES, plants)
    damaged.replace_rows(
        IMAGE_FEATURES, plants, rows.with_columns(extractor=rows["extractor"].replace_strict({}, default=digest))
    )
    left = other_features(dataset, damaged.store)
    assert str(plants) not in in_brief(left)
    assert sum(left.images.values()) == 44
    assert in_brief(other_features(damaged.dataset, damaged.store)) == {str(plants): 16}


def test_what_would_have_to_be_fetched_first_is_not_known(loaded_platform: Platform) -> None:
    dataset = small_dataset(extractor={"kind": "onnx", "file": str(loaded_platform.root / "no model.onnx")})
    assert status_of(dataset, loaded_platform.store, [], None).as_json()["other_extractor"] is None
    with pytest.raises(ExtractorError, match="no such file"):  # as the run is refused
        would_run(loaded_platform, dataset)


def test_where_a_table_cannot_be_read_a_plan_says_so(damaged: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    for log in (damaged.files / "drawn" / IMAGE_FEATURES.name / "_delta_log").iterdir():
        if log.suffix == ".json":
            log.write_bytes(log.read_bytes()[:40])
    plan, said = would_run(damaged, damaged.dataset)
    assert plan["days"][0]["categories"]["plant"]["extracted_anew"] is None
    assert plan["left_of_other_extractor"] is None
    assert "extract" not in said
    assert "it is not known whether features of another extractor are there" in capsys.readouterr().err
