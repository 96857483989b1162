"""How Dagster's records of runs are kept in a home of one's own: small, in one file, and quick to write.

`dagster.yaml` names `RunHistory`, so the name and place of that class stay as they are.
"""

from image_assets.run_history.event_log import RunHistory

__all__ = ["RunHistory"]
