"""The benchmark of downloads: what is served arrives, and who leaves files out is seen."""

from __future__ import annotations

from pathlib import Path

from benchmarks import downloads
from benchmarks.downloads import DAY, OURS


def test_what_is_served_arrives_and_a_lost_file_is_noticed(tmp_path: Path) -> None:
    folder = downloads.served(tmp_path / "no photos here", tmp_path)
    with downloads.serving(folder) as port:
        addresses = [f"http://127.0.0.1:{port}/{number}.jpg" for number in range(310)]
        downloads.write_list(tmp_path / "run" / "landing" / DAY / "list.csv", addresses)
        seconds, megabytes = downloads.timed(downloads.command(OURS, tmp_path / "run", port))
    assert seconds > 0
    assert megabytes > 10
    expected = downloads.expected_sizes(folder, 310)
    assert downloads.downloaded(OURS, tmp_path / "run") == expected
    next(path for path in (tmp_path / "run" / "staging").rglob("*") if path.is_file()).unlink()
    assert downloads.downloaded(OURS, tmp_path / "run") != expected
