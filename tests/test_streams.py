"""Tests can capture what is printed although TensorFlow logs in the same process."""

from __future__ import annotations

import logging.config

import pytest


def test_absl_is_imported_while_output_is_captured() -> None:
    logging_of_tensorflow = pytest.importorskip("absl.logging", reason="absl comes with TensorFlow")
    assert logging_of_tensorflow.get_absl_handler().python_handler.stream is not None


def test_logging_is_configured_while_output_is_captured_anew(capsys: pytest.CaptureFixture[str]) -> None:
    # Closes all handlers. Without the fixture `_streams_stay_open` neither this test nor any later one could end.
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})
    print("still here")  # noqa: T201
    assert capsys.readouterr().out == "still here\n"
