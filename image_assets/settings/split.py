"""Which images a classifier is evaluated on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, field_validator

from image_assets.settings.section import SettingsSection


class Split(SettingsSection):
    """How images are held out of training: lookalikes are never torn apart, whatever is chosen."""

    by: Literal["image", "time", "source"] = Field(
        default="image",
        description="image: by its id alone, so an image never changes sides. time: the last days are held out, as "
        "in use, where a model meets what is newer than it; what is held out today is trained on later. source: whole "
        "source sets, by their names alone; the set that a category began with is always trained on.",
    )
    last_days: PositiveInt = Field(
        default=7, description="Of `time`: so many days are held out, the last ones on which anything arrived."
    )
    source: str | None = Field(
        default=None,
        description="Which source set an image is of: a regular expression that is looked for in its provenance, with "
        "a group `(?P<set>…)`. Where it does not match, or null: the host of a URL, else the archive or the folder "
        "below the category, else what the file's name has before `__`.",
    )

    @field_validator("source")
    @classmethod
    def _pattern_names_a_set(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        # Loaded only where there is a pattern; it is what the pattern is then looked for with.
        import polars as pl

        try:
            groups = pl.Series([""]).str.extract_groups(pattern).struct.fields
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"{pattern!r} is no regular expression: {' '.join(str(error).split())}") from error
        if "set" not in groups:
            raise ValueError(f"{pattern!r} has no group named set; expected one such as '(?P<set>[^/]+?)__'")
        return pattern
