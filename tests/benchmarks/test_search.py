"""The benchmark of search: recall is held against a comparison of all, and would tell what is missed."""

from __future__ import annotations

from pathlib import Path

from benchmarks.search import Task, measured, recall, truth


def test_the_search_finds_all_and_what_is_missed_would_be_told(tmp_path: Path) -> None:
    task = Task(images=600, width=48, questions=6, nearest=5, folder=tmp_path)
    ((_, figures),) = measured(task, ["ours"])
    assert figures["recall"] == 1
    assert figures["median"] > 0
    assert figures["disk"] > 0
    true = truth(task)
    missed = true.copy()
    missed[0, 0] = 599 if 599 not in true[0] else 598
    assert recall(missed, true) == 1 - 1 / 30
