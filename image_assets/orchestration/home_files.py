"""What the files of Dagster's home tell without Dagster, which takes two seconds to load."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import yaml

SETTINGS_FILE = "dagster.yaml"
INSTANCE_FILE = """\
telemetry:
  enabled: false
nux:
  enabled: false
event_log_storage:
  module: image_assets.run_history
  class: RunHistory
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
"""
"""The settings of a home that is made here.

No usage figures are sent anywhere, and no dialogue asks for an e-mail address. What a run prints, which is next to
nothing, goes where its process prints, instead of into three files a run by two processes of their own.
"""
_NOT_ENDED_WELL = "SELECT run_id FROM runs WHERE status <> 'SUCCESS'"
# The latest row of a check and partition is the one that counts.
_PLANNED = """
SELECT run_id FROM asset_check_executions AS planned
WHERE execution_status = 'PLANNED' AND NOT EXISTS (
    SELECT 1 FROM asset_check_executions AS later
    WHERE later.asset_key = planned.asset_key AND later.check_name = planned.check_name
    AND later.partition IS planned.partition AND later.id > planned.id
)
"""


def every_check_came_to_an_end(home: Path) -> bool:
    """Whether no run planned a check and left it.

    False also where it cannot be told so: Dagster has to be asked.
    """
    try:
        if not _records_in_its_files(yaml.safe_load((home / SETTINGS_FILE).read_text(encoding="utf-8"))):
            return False
        not_ended_well = _read(home / "history/runs.db", _NOT_ENDED_WELL)
        return not not_ended_well or not_ended_well.isdisjoint(_read(home / "history/event_log.db", _PLANNED))
    except (OSError, UnicodeError, yaml.YAMLError, sqlite3.Error):
        return False


def _records_in_its_files(settings: object) -> bool:
    """Whether a `dagster.yaml` leaves runs and events where a home that is made here has them."""
    events = yaml.safe_load(INSTANCE_FILE)["event_log_storage"]
    return (
        isinstance(settings, dict)
        and settings.get("event_log_storage") == events
        and not settings.keys() & {"storage", "run_storage", "local_artifact_storage"}
    )


def _read(database: Path, query: str) -> set[str]:
    with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
        return {run_id for (run_id,) in connection.execute(query)}
