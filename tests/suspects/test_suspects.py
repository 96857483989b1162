"""The asset label_suspects on drawings with planted wrong labels; samples of what is too much; what a person sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import yaml

from image_assets.answers.suspects import Suspect, Suspects, suspects_of
from image_assets.asset_checks import label_suspects
from image_assets.asset_checks.check import checks_in
from image_assets.cli import main
from image_assets.features.extractor import shared_extractor
from image_assets.features.sample import stratified_sample
from image_assets.reports.suspects import suspects_markdown
from image_assets.schema import IMAGE_FEATURES, LABEL_SUSPECTS, RAW_IMAGES, Partition
from image_assets.settings.stages import EfficientNetLite
from image_assets.suspects.suspects import find_suspects, lookalike_groups
from tests.asset_checks.faults import change, failing, outcome
from tests.lookalikes.pairs import PAIRS
from tests.pictures import land_pictures
from tests.platform import FIRST, SECOND, Platform, small_dataset

CHECKS = checks_in(label_suspects)
NO_PAIRS = pl.DataFrame(schema=PAIRS)


@pytest.fixture(scope="module")
def mislabelled(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Twenty-four drawings per category, and six animals among the plants."""
    # Animals among plants look like animals too, which is a matter of label_conflicts and not looked at here.
    platform = Platform(small_dataset(label_conflicts={"limit": 1.0}), tmp_path_factory.mktemp("mislabelled"))
    for kind, category in enumerate(platform.dataset.categories):
        land_pictures(platform.landing, str(FIRST), category, kind, range(200, 224))
    land_pictures(platform.landing, str(FIRST), "plant", 1, range(250, 256))
    result = platform.run(FIRST)
    assert result.ok, result.errors
    assert "label_suspects/few_label_suspects" in [str(check) for check in result.checks if not check.passed]
    return platform


def planted(platform: Platform) -> set[str]:
    images = platform.rows(RAW_IMAGES).filter(pl.col("source").str.contains(r"plant/.*picture-025\d"))
    return set(images["image_id"])


def test_animals_among_the_plants_are_suspected_and_suggested_to_be_animals(mislabelled: Platform) -> None:
    suspects = mislabelled.rows(LABEL_SUSPECTS)
    found = suspects.filter(pl.col("kind") == "label")
    assert len(planted(mislabelled) & set(found["image_id"])) >= 3
    assert len(planted(mislabelled) & set(suspects["image_id"])) >= 4
    assert found.filter(pl.col("image_id").is_in(planted(mislabelled)))["suggested_category"].unique().to_list() == [
        "animal"
    ]
    assert len(set(suspects["image_id"]) - planted(mislabelled)) <= 3
    assert set(suspects.select("date", "category").iter_rows()) >= {(FIRST, "plant")}


def test_the_category_with_the_wrong_files_is_warned_of_and_a_clean_dataset_passes(
    mislabelled: Platform, loaded_platform: Platform
) -> None:
    found = outcome(mislabelled, label_suspects.few_label_suspects)
    assert not found.passed
    assert "plant" in found.advice
    assert float(found.figures["share of plant"]) >= 4 / 30 - 1e-4
    assert found.sample is not None
    assert set(found.sample["category"]) == {"plant"}
    assert failing(loaded_platform, CHECKS) == set()


def test_without_anything_loaded_there_is_nothing_to_suspect(tmp_path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    assert failing(platform, CHECKS) == set()
    assert "found 0" in outcome(platform, label_suspects.few_label_suspects).not_evaluated


def test_where_no_label_can_be_judged_it_is_not_said_that_few_are_wrong(loaded_platform: Platform, tmp_path) -> None:
    assert not outcome(loaded_platform, label_suspects.few_label_suspects).not_evaluated
    damaged = loaded_platform.copy_to(tmp_path)
    change(LABEL_SUSPECTS, lambda rows: rows.clear(), None)(damaged)
    for category in ("animal", "human"):
        for day in (FIRST, SECOND):
            change(IMAGE_FEATURES, lambda rows: rows.head(1), Partition(day, category))(damaged)
    found = outcome(damaged, label_suspects.few_label_suspects)
    assert "two categories with at least" in found.not_evaluated
    # Of three categories one that has too few images is named; the others are judged.
    other = loaded_platform.copy_to(tmp_path / "other")
    for day in (FIRST, SECOND):
        change(IMAGE_FEATURES, lambda rows: rows.head(1), Partition(day, "human"))(other)
    found = outcome(other, label_suspects.few_label_suspects)
    assert not found.not_evaluated
    assert "human (2)" in str(found.figures["not judged"])


def test_suspects_that_somebody_added_are_counted(loaded_platform: Platform, tmp_path) -> None:
    damaged = loaded_platform.copy_to(tmp_path)
    images = damaged.rows(IMAGE_FEATURES).filter(pl.col("category") == "human").head(5)
    added = images.select(
        "image_id", "label", "date", "category", kind=pl.lit("outlier"), score=pl.lit(9, pl.Float32),
        suggested_category=pl.lit(None, pl.String), probability=pl.lit(None, pl.Float32),
    )  # fmt: skip
    change(LABEL_SUSPECTS, lambda rows: pl.concat([rows, added]), None)(damaged)
    assert failing(damaged, CHECKS) == {"few_label_suspects"}


def test_a_large_dataset_is_judged_on_a_sample(mislabelled: Platform) -> None:
    digest = shared_extractor(EfficientNetLite(kind="efficientnet_lite0")).digest
    rows = mislabelled.rows(IMAGE_FEATURES)
    # Every image three times, as if there were more.
    more = pl.concat([rows.with_columns(image_id=pl.col("image_id") + str(copy)) for copy in range(3)]).lazy()
    assert not find_suspects(more, NO_PAIRS, mislabelled.dataset, digest).sampled
    small = mislabelled.dataset.model_copy(
        update={"label_noise": mislabelled.dataset.label_noise.model_copy(update={"max_rows": 180})}
    )
    report = find_suspects(more, NO_PAIRS, small, digest)
    assert report.sampled
    assert (report.images, report.judged) == (234, 179)
    assert report.rows.equals(find_suspects(more, NO_PAIRS, small, digest).rows)


def test_images_that_look_alike_are_of_one_group_and_all_others_of_their_own() -> None:
    pairs = [("b", "d"), ("d", "f"), ("x", "y")]
    rows = [(one, FIRST, "plant", other, FIRST, "animal") for one, other in pairs]
    groups = lookalike_groups(pl.Series(list("fabcd")), pl.DataFrame(rows, schema=NO_PAIRS.schema, orient="row"))
    assert groups[0] == groups[2] == groups[4]
    assert len(set(groups)) == 3
    assert len(set(lookalike_groups(pl.Series(list("abc")), NO_PAIRS))) == 3


def test_a_sample_keeps_the_shares_of_categories_but_not_too_few_of_any() -> None:
    ids = [f"{row:064x}" for row in range(10_060)]
    labels = np.repeat(np.array([0, 1, 2], np.int16), [8_000, 2_000, 60])
    rows = pl.DataFrame({"image_id": ids, "label": labels})
    chosen = stratified_sample(rows, 1_000, seed=0)
    counts = rows.filter(pl.col("image_id").is_in(chosen.implode()))["label"].value_counts().sort("label")
    assert counts["count"].to_list() == [795, 198, 50]
    assert chosen.equals(stratified_sample(rows.sample(fraction=1, shuffle=True, seed=3), 1_000, seed=0))
    assert not chosen.equals(stratified_sample(rows, 1_000, seed=1))


def test_a_person_sees_the_worst_of_either_kind_with_their_pictures(
    mislabelled: Platform, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = suspects_of(mislabelled.dataset, mislabelled.store).worst(3)
    pictures = dict(mislabelled.rows(RAW_IMAGES).select("image_id", "thumbnail").iter_rows())
    lines = suspects_markdown(shown, pictures).splitlines()
    assert len(lines) == 2 + len(shown)
    assert all("data:image/jpeg;base64," in line for line in lines[2:])
    assert "animal (" in lines[2]
    assert suspects_markdown((), {}) == "no suspects"
    (mislabelled.root / "small.yaml").write_text(yaml.safe_dump(mislabelled.dataset.model_dump(mode="json")))
    places = ["--dataset", f"{mislabelled.root}/small.yaml", "--store", f"{mislabelled.root}/store"]
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["suspects", *places, "--most", "3"]) == 0
    table, _, more = capsys.readouterr().out.strip().rpartition("\n")
    assert all(one.image_id[:12] in table for one in shown)
    # The file that is to be moved or taken away is named, and is there.
    named = [line.split()[-1] for line in table.strip().splitlines()[2:]]
    assert [(mislabelled.landing / name).is_file() for name in named] == [True] * 3
    assert more.startswith("and ")
    assert main(["suspects", *places, "--most", "1000"]) == 0
    assert "more" not in capsys.readouterr().out


@pytest.mark.parametrize(("labels", "outliers", "expected"), [(30, 30, (10, 10)), (3, 30, (3, 17)), (30, 2, (18, 2))])
def test_many_of_one_kind_leave_room_for_the_other(labels: int, outliers: int, expected: tuple[int, int]) -> None:
    one = Suspect("a", Partition(FIRST, "plant"), "label", 0.5, "animal", 0.5, None)
    images = [one] * labels + [replace(one, kind="outlier", suggested_category=None, probability=None)] * outliers
    shown = [one.kind for one in Suspects("drawn", tuple(images)).worst(20)]
    assert (shown.count("label"), shown.count("outlier")) == expected
