"""The benchmark of refinement: a day of little data takes the paths that are measured, and peers learn the same."""

from __future__ import annotations

from pathlib import Path

from benchmarks import refinement
from benchmarks.feature_history import write_history
from benchmarks.refinement import Case


def test_all_contestants_learn_from_the_table(tmp_path: Path) -> None:
    case = Case(str(tmp_path), day_rows=600, width=8, days=3)
    before = Case(str(tmp_path), day_rows=600, width=8, days=2)
    seen: list[int] = []
    write_history(case.store, range(2), case.day_rows, case.width, seen.append)
    assert seen[-1] == 1_200
    full = [refinement.ours_full(before), refinement.peer_in_memory(before), refinement.peer_partial_fit(before)]
    write_history(case.store, range(2, 3), case.day_rows, case.width, seen.append)
    daily = [refinement.ours_daily(case), refinement.peer_partial_fit_daily(case)]
    for found in (full, daily):
        assert len({one.held_out for one in found}) == 1
        accuracies = [one.accuracy for one in found]
        assert min(accuracies) > 0.6
        assert max(accuracies) - min(accuracies) < 0.1
    assert daily[0].notes["totals"] == "3 of 9 partitions are new"
    assert str(daily[0].notes["read new images"]).endswith(" images")
