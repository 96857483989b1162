"""Long texts are kept small and come back as they were."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.run_history.compact_text import compressed, plain

_EVENT = json.dumps(
    {
        "__class__": "EventLogEntry",
        "dagster_event": {
            "__class__": "DagsterEvent",
            "event_specific_data": {
                "__class__": "AssetCheckEvaluation",
                "asset_key": {"__class__": "AssetKey", "path": ["birds", "raw_images"]},
                "blocking": True,
                "check_name": "ids_loaded_once",
                "description": None,
                "metadata": {"ids": {"__class__": "IntMetadataEntryData", "value": 5}},
                "partition": "owl|2026-11-19",
                "severity": {"__enum__": "AssetCheckSeverity.ERROR"},
                "success": True,
            },
            "event_type_value": "ASSET_CHECK_EVALUATION",
        },
        "user_message": "Asset check 'ids_loaded_once' on 'birds/raw_images' passed.",
    }
)


@given(st.text(max_size=3_000), st.integers(0, 40))
def test_any_text_comes_back(text: str, times: int) -> None:
    long = text + _EVENT * times
    assert plain(compressed(long)) == long


def test_a_lone_surrogate_comes_back() -> None:
    text = "\udcff" * 1_000
    assert plain(compressed(text)) == text


@given(st.text(max_size=399))
def test_short_texts_stay_as_they_are_so_that_sql_can_compare_them(text: str) -> None:
    assert compressed(text) == text


def test_an_event_takes_a_quarter_at_most() -> None:
    kept = compressed(_EVENT)
    assert isinstance(kept, bytes)
    assert len(kept) < len(_EVENT) / 4


def test_what_was_written_before_it_was_compressed_is_read() -> None:
    assert plain(_EVENT) == _EVENT


def test_bytes_of_another_version_are_refused_and_not_guessed() -> None:
    with pytest.raises(ValueError, match="does not know"):
        plain(b"\x02" + b"abc")
