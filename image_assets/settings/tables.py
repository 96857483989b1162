"""How the tables of a dataset are kept."""

from __future__ import annotations

from pydantic import Field

from image_assets.settings.section import SettingsSection

# At 100, the library's own, every commit took four times as long: it reads those since the last checkpoint.
CHECKPOINT_COMMITS = 25


class Tables(SettingsSection):
    """The logs of the dataset's Delta tables."""

    checkpoint_commits: int = Field(
        default=CHECKPOINT_COMMITS,
        ge=1,
        le=100_000,  # beyond what the library can count it says nothing, and takes a number of its own
        description="Commits of a table from one checkpoint of its log to the next.",
    )
