"""A dataset file is read whole, or refused with the file, the key, what was found and what is allowed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from image_assets.dataset import BUNDLED, DatasetError, DatasetSpec, load_dataset, load_datasets, parse_dataset
from image_assets.settings.stages import DEFAULT_EXTRACTOR, EfficientNetLite

MINIMAL = {"name": "birds", "categories": {"owl": 0, "duck": 1}, "start_day": "2026-11-01"}


@pytest.mark.parametrize("file", sorted(BUNDLED.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_bundled_file_is_usable_and_named_after_its_dataset(file: Path) -> None:
    assert load_dataset(file).name == file.stem


def test_bundled_files_have_the_default_of_embedded_extractors_and_no_other() -> None:
    embedded = {
        file.stem: spec.extractor
        for file in BUNDLED.glob("*.yaml")
        if isinstance((spec := load_dataset(file)).extractor, EfficientNetLite)
    }
    assert embedded == dict.fromkeys(("kingdoms", "odonata", "sample"), DEFAULT_EXTRACTOR)


def test_a_bundled_file_is_found_by_its_name() -> None:
    assert load_dataset("kingdoms").categories == {"plant": 0, "animal": 1, "human": 2}


def test_the_line_that_switches_to_tensorflow_hub_is_ready() -> None:
    text = (BUNDLED / "kingdoms.yaml").read_text(encoding="utf-8")
    switched = text.replace("\nextractor:", "\n# extractor:", 1).replace(
        "\n# extractor: {kind: tf_hub", "\nextractor: {kind: tf_hub"
    )
    import yaml

    extractor = parse_dataset(yaml.safe_load(switched), "kingdoms.yaml").extractor
    assert (extractor.kind, getattr(extractor, "width", None)) == ("tf_hub", 512)


def test_what_is_not_said_has_a_default() -> None:
    spec = parse_dataset(MINIMAL, "birds.yaml")
    assert spec.start_day == dt.date(2026, 11, 1)
    assert spec.shards.rows == 10_001
    assert spec.extractor == DEFAULT_EXTRACTOR == EfficientNetLite(kind="efficientnet_lite1", layer="last_block")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"categorys": {}}, r"categorys: unknown key; did you mean categories\? allowed keys here: name, categories"),
        ({"name": "Birds of prey"}, r"name: found 'Birds of prey'; expected 1 to 64 of a to z, digits"),
        ({"start_day": "2026-13-01"}, r"start_day: found '2026-13-01'; expected a day such as 2026-11-20$"),
        ({"start_day": dt.datetime(2026, 11, 1, 7)}, r"start_day: .*; expected a day .*, without a time$"),
        ({"time_zone": "Europe/berlin"}, r"time_zone: .*did you mean Europe/Berlin\?"),
        ({"categories": {"müll": 0}}, r"found 'müll'; expected 1 to 64 of a to z, A to Z, digits, _ and -"),
        ({"categories": ["owl", "duck"]}, r"categories: found a list; expected keys with values, such as"),
        ({"categories": {"owl": True, "duck": False}}, r"categories\.(owl|duck): expected a number, found yes or no"),
        ({"limits": {"max_bytes": True}}, r"limits: .*max_bytes: expected a number, found yes or no"),
        ({"source": {"kind": "folder", "ignore": "*.bak"}}, r"ignore: found '\*\.bak'; expected a list, such as"),
        (
            {"volume": {"may_be_empty": ["owls"]}},
            r"volume\.may_be_empty names 'owls', which is no category; did you mean owl\?",
        ),
        ({"time_zone": "Mars"}, r"time_zone: found 'Mars'; .*expected an IANA time zone"),
        ({"categories": {"owl": 0, "duck": 0}}, r"label 0 is given to both 'owl' and 'duck'"),
        ({"categories": {"owl": 0, "Owl": 1}}, r"'owl' and 'Owl' differ only in case"),
        ({"categories": {"../etc": 0}}, r"categories.*\.\./etc"),
        ({"categories": {}}, r"categories: .*at least 1 item"),
        ({"extractor": {"kind": "magic"}}, r"extractor: .*'efficientnet_lite0', .*'tf_hub', 'colour_statistics'"),
        (
            {"extractor": {"kind": "tf_hub"}},
            r"extractor\.tf_hub\.module: missing; allowed keys here: kind, module, image_size, width, mirrored",
        ),
        (
            {"extractor": {"kind": "efficientnet_lite2", "mirored": True}},
            r"mirored: unknown key; did you mean mirrored\? allowed keys here: kind, mirrored, layer, precision$",
        ),
        (
            {"extractor": {"kind": "combined", "extractors": [{"kind": "tf_hub"}, {"kind": "colour_statistics"}]}},
            r"extractors\.0\.tf_hub\.module: missing; allowed keys here: kind, module, image_size, width, mirrored",
        ),
        ({"shards": {"rows": 0}}, r"shards\.rows: found 0; Input should be greater than 0"),
        ({"limits": {"formats": ["jpg"]}}, r"limits\.formats\.0: found 'jpg'; .*did you mean jpeg\?"),
        ({"limits": {"formats": ["JXL"]}}, r"limits\.formats\.0: found 'JXL'; .*did you mean jxl\?"),
        ({"limits": {"formats": ["psd"]}}, r"limits\.formats\.0: found 'psd'; Input should be .* or 'jxl'$"),
        ({"limits": {"formats": []}}, r"limits\.formats: found a list; .* at least 1 item"),
        ({"shards": {"rws": 5}}, r"shards\.rws: unknown key; did you mean rows\? allowed keys here: rows, format"),
        (
            {"limits": {"quarantine_rate": 5}},
            r"limits\.quarantine_rate: found 5; Input should be less than or equal to 1",
        ),
        (
            {"label_conflicts": {"rule": "prefer", "prefer": ["owls"]}},
            r"label_conflicts\.prefer names 'owls', which is no category; did you mean owl\?",
        ),
        ({"retired": ["owl"]}, r"'owl' is among categories and among retired"),
        ({"owners": ["nobody"]}, r"owners: .*'nobody': expected an e-mail address or team:NAME"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(change: dict, said: str) -> None:
    with pytest.raises(DatasetError, match=f"(?s)birds.yaml is not a usable dataset file:.*{said}"):
        parse_dataset({**MINIMAL, **change}, "birds.yaml")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DatasetError) as caught:
        parse_dataset({"name": "x y", "categories": {}}, "birds.yaml")
    assert all(key in str(caught.value) for key in ("name:", "categories:", "start_day:"))


@pytest.mark.parametrize("content", ["a: [", "- just\n- a list\n", "", "\x00"])
def test_what_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "birds.yaml"
    file.write_text(content)
    with pytest.raises(DatasetError, match=r"birds\.yaml"):
        load_dataset(file)


def test_a_missing_file_names_the_bundled_ones() -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.yaml: no such file or dir.*; bundled datasets are .*kingdoms"):
        load_dataset("nowhere.yaml")


def test_two_datasets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="'kingdoms' was already read"):
        load_datasets(["kingdoms", "kingdoms"])


def test_an_unknown_category_has_no_label() -> None:
    spec = DatasetSpec.model_validate(MINIMAL)
    assert spec.label_of("duck") == 1
    with pytest.raises(DatasetError, match="no category 'eagle'; it has duck, owl"):
        spec.label_of("eagle")


@pytest.mark.parametrize(
    ("alerts", "said"),
    [
        ({"channels": [{}]}, r"alerts\.channels\.0: .*needs either url_env, the variable that holds its URL, or url"),
        ({"channels": [{"url": "json://h/5ecret"}]}, r"a channel with url needs a name too"),
        ({"channels": [{"url_env": "json://h/5ecret"}]}, r"alerts\.channels\.0\.url_env: .*not shown.*match pattern"),
        ({"channels": ["json://h/5ecret"]}, r"alerts\.channels\.0: .*not shown"),
        ({"channels": "json://h/5ecret"}, r"alerts\.channels: .*not shown"),
        ("json://h/5ecret", r"alerts: .*not shown"),
        (
            {"channels": [{"url_env": "A", "uri": "5ecret"}]},
            r"uri: unknown key; did you mean url\? allowed keys here: name, url_env, url",
        ),
        ({"channels": [{"url_env": "A"}, {"url_env": "A"}]}, r"two channels are called A"),
        ({"severity": "INFO"}, r"alerts\.severity: .*'WARN' or 'ERROR'"),
    ],
)
def test_a_wrong_alert_channel_is_told_of_without_its_url(alerts: object, said: str) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        parse_dataset({**MINIMAL, "alerts": alerts}, "birds.yaml")
    assert "5ecret" not in str(caught.value)


def test_a_dataset_that_is_printed_does_not_show_the_urls_of_its_channels() -> None:
    channel = {"name": "team", "url": "json://h/5ecret"}
    spec = parse_dataset({**MINIMAL, "alerts": {"channels": [channel]}}, "birds.yaml")
    assert spec.alerts.channels[0].label == "team"
    assert "5ecret" not in repr(spec)


@pytest.mark.parametrize("name", ["plant\n", "plant\r\nBcc: a@b.invalid", "\u202eplant", "plant\x1b[2J", "=plant"])
def test_no_category_has_a_name_that_could_break_a_line_or_a_mail_s_head(name: str) -> None:
    with pytest.raises(DatasetError, match=r"categories\..*expected 1 to 64 of a to z"):
        parse_dataset({**MINIMAL, "categories": {name: 0, "duck": 1}}, "birds.yaml")
