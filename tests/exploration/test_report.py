"""The report: every section, nothing from elsewhere, the same bytes, and readable with few and with many names."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image

from image_assets.cli import main
from image_assets.exploration.annotations import annotations_of
from image_assets.exploration.assets import exploration_assets
from image_assets.exploration.label_statistics import Annotations, label_statistics
from image_assets.exploration.report import Exploration, make_report, report_of
from image_assets.pages.figures import COLOURS, NAMED, group_title, named, short
from image_assets.resources.store import StoreResource
from tests.exploration.made import image_statistics, made_annotations
from tests.exploration.references import references
from tests.platform import Platform

SECTIONS = ("classes", "sizes", "looks", "colours", "quarantine", "labels")
PLOTS = (
    *("class_balance", "class_shares", "images_per_day", "days_by_categories"),
    *("image_sizes", "aspect_ratios", "file_sizes", "formats"),
    *("metric_boxes", "metric_densities", "channel_boxes", "channel_densities", "quarantine_reasons"),
    *("label_frequency", "label_ranks", "labels_per_image", "labels_per_subset", "labels_together", "box_sizes"),
)


def report(names: int) -> Exploration:
    """A report on that many categories and labels."""
    statistics = image_statistics(12_000 if names > 9 else 900, names, 5, colours=True)
    return report_of("made_up", "Made-up images.", statistics, label_statistics(made_annotations(400, names)))


@pytest.fixture(scope="module")
def few() -> Exploration:
    return report(3)


@pytest.fixture(scope="module")
def many() -> Exploration:
    return report(600)


class Tags(HTMLParser):
    """All opening tags, and whether every one of them was closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.balanced = True
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self.open) and self.open.pop() == tag


@pytest.mark.parametrize("size", ["few", pytest.param("many", marks=pytest.mark.long)])
def test_every_section_and_every_plot_is_there_with_its_words(size: str, request: pytest.FixtureRequest) -> None:
    made: Exploration = request.getfixturevalue(size)
    assert tuple(plot.key for plot in made.plots) == PLOTS
    for plot in made.plots:
        assert f'<figure id="{plot.key}">' in made.html
        assert plot.title in made.html
        assert "Alarming: " in plot.caption
        assert plot.svg.startswith("<svg viewBox=")
    assert re.findall(r'<section id="(\w+)">', made.html) == list(SECTIONS)
    assert all(f'<a href="#{section}">' in made.html for section in SECTIONS)
    tags = Tags(made.html)
    assert tags.balanced
    assert tags.open == []


@pytest.mark.long
@pytest.mark.parametrize("size", ["few", "many"])
def test_nothing_comes_from_elsewhere(size: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(size).html
    assert references(page) == []
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "planted",
    [
        '<img src="https://example.org/pixel.png">',
        '<script src="plots.js"></script>',
        "<script>1</script>",
        '<link rel="stylesheet" href="style.css">',
        '<p style="background: url(//example.org/a.png)">',
        "<style>@import 'https://example.org/a.css';</style>",
        "<style>p { background: url( 'a.png' ) }</style>",
        '<svg><image xlink:href="http://example.org/a.png"/></svg>',
        '<svg><g clip-path="url(other.svg#a)"></g></svg>',
        '<a href="javascript:alert(1)">x</a>',
        '<p onclick="x()">',
        '<meta http-equiv="refresh" content="0; url=https://example.org">',
    ],
)
def test_what_would_come_from_elsewhere_is_found(few: Exploration, planted: str) -> None:
    assert len(references(few.html.replace("</main>", f"{planted}</main>"))) >= 1


@pytest.mark.long
def test_the_same_data_give_the_same_bytes(few: Exploration) -> None:
    again = report(3)
    assert again.html == few.html
    assert [plot.png for plot in again.plots] == [plot.png for plot in few.plots]


def test_pictures_for_the_ui_are_white_small_and_of_bounded_height(few: Exploration, many: Exploration) -> None:
    for made, most in ((few, 60_000), (many, 90_000)):
        for plot in made.plots:
            picture = Image.open(io.BytesIO(plot.png)).convert("RGB")
            assert picture.width == 800
            assert picture.height <= 1_700
            assert len(plot.png) < most
            assert picture.getpixel((799, 1)) == (255, 255, 255)
            # Something is drawn: more than one colour in more than a few places.
            assert np.asarray(picture).std() > 5


def test_of_many_names_the_rest_is_put_together_and_its_numbers_are_in_the_tables(many: Exploration) -> None:
    (balance,) = [plot for plot in many.plots if plot.key == "class_balance"]
    shown = len(set(re.findall(r"category-\d+", balance.svg)))
    all_of_them = set(re.findall(r"<td>(category-\d+)</td>", many.html))
    assert (shown, len(all_of_them)) == (NAMED, many.figures["categories"])
    assert f"{len(all_of_them) - NAMED} other categories" in balance.svg
    (frequency,) = [plot for plot in many.plots if plot.key == "label_frequency"]
    assert re.search(r"\d+ other labels", frequency.svg)


def test_ink_follows_the_page_and_colours_are_those_that_all_can_tell_apart(few: Exploration) -> None:
    for plot in few.plots:
        assert "currentColor" in plot.svg
        assert "#1f2328" not in plot.svg.lower()
    (shares,) = [plot for plot in few.plots if plot.key == "class_shares"]
    assert all(colour.lower() in shares.svg for colour in COLOURS[:3])
    assert "prefers-color-scheme: dark" in few.html
    assert "@media print" in few.html


def test_names_are_text_whatever_is_in_them() -> None:
    evil = ['<script>alert("1")</script>', "$\\frac{1}{0}$", "a & b", "</svg>", "\x00\x1b[2J", "名前", "x" * 300]
    frame = pl.DataFrame({"image_id": ["1"] * len(evil), "label": evil, "positive": [True] * len(evil), "subset": evil})
    boxes = frame.select("image_id", "label").with_columns(xmin=0.1, xmax=0.4, ymin=0.0, ymax=0.5)
    statistics = label_statistics(Annotations(frame.lazy(), boxes.lazy()))
    made = report_of("<b>", "<i>", image_statistics(50, 2), statistics)
    assert references(made.html) == []
    assert Tags(made.html).balanced
    assert "<script" not in made.html
    assert "\x1b" not in made.html
    assert "&lt;b&gt;: what" in made.html


def test_groups_of_names() -> None:
    names = [str(number) for number in range(NAMED + 1)]
    assert named(names) == [[name] for name in names]  # one alone needs no "others"
    assert [len(group) for group in named([*names, "more"])] == [1] * NAMED + [2]
    assert group_title(["a", "b"], "labels") == "2 other labels"
    assert short("x" * 40) == "x" * 27 + "…"
    assert short("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("images", [1, 2])
def test_as_good_as_nothing_can_be_drawn_too(images: int) -> None:
    made = report_of("tiny", "", image_statistics(images, 1, colours=True))
    assert references(made.html) == []
    assert made.figures["images"] == images
    assert "No file was refused." in made.html


def test_without_images_it_says_so(tmp_path: Path, loaded_platform: Platform) -> None:
    empty = Platform(loaded_platform.dataset, tmp_path)
    made = make_report(empty.dataset, empty.store)
    assert made.plots == []
    assert "No image is loaded yet" in made.html


def test_without_annotations_of_loaded_images_it_says_so() -> None:
    some = made_annotations(3, 2)
    nothing = Annotations(some.labels.clear(), some.boxes.clear())
    for images in (image_statistics(0, 3), image_statistics(50, 3)):
        made = report_of("made_up", "Made-up images.", images, label_statistics(nothing))
        assert "No loaded image has an annotation" in made.html
        assert not [plot.key for plot in made.plots if plot.key.startswith(("label", "box"))]
        assert made.figures["labels"] == made.figures["boxes"] == 0


def test_a_day_that_was_run_leaves_the_report_and_its_plots(loaded_platform: Platform) -> None:
    plots = loaded_platform.files / "drawn/plots"
    made = make_report(loaded_platform.dataset, loaded_platform.store)
    assert (plots / "exploration.html").read_text() == made.html
    assert [(plots / f"exploration_{plot.key}.png").read_bytes() for plot in made.plots] == [p.png for p in made.plots]
    assert "colours" not in re.findall(r'<section id="(\w+)">', made.html)  # the features are no colours here
    assert annotations_of(loaded_platform.dataset, loaded_platform.store) is None


def test_the_ui_shows_the_plots(loaded_platform: Platform) -> None:
    asset = exploration_assets(loaded_platform.dataset)
    with dg.instance_for_test() as instance:
        resources = {"store": StoreResource(url=loaded_platform.store.url)}
        result = dg.materialize([asset], instance=instance, resources=resources)
        (event,) = result.asset_materializations_for_node(asset.node_def.name)
    metadata = {name: value.value for name, value in event.metadata.items()}
    assert metadata["images"] == 60
    assert str(metadata["report"]).endswith("drawn/plots/exploration.html")
    assert str(metadata["Images per category"]).startswith("![exploration_class_balance](data:image/webp;base64,")


@pytest.mark.long
def test_the_command_writes_the_page(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = loaded_platform.dataset.model_dump(mode="json")
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset))
    page = tmp_path / "report.html"
    arguments = ["--dataset", f"{tmp_path}/drawn.yaml", "--store", loaded_platform.store.url, "--out", str(page)]
    assert main(["report", *arguments]) == 0
    assert "60 images" in capsys.readouterr().out
    assert page.read_text() == make_report(loaded_platform.dataset, loaded_platform.store).html


def test_colour_statistics_are_shown_where_they_are_the_features(few: Exploration) -> None:
    statistics = image_statistics(300, 3)
    without = report_of("made_up", "", statistics)
    assert "channel_boxes" not in {plot.key for plot in without.plots}
    assert "channel_boxes" in {plot.key for plot in few.plots}
    assert replace(statistics).images == 300
