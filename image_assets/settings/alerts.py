"""Who is told of what went wrong."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from image_assets.settings.section import Name, SettingsSection

Severity = Literal["WARN", "ERROR"]


class AlertChannel(SettingsSection):
    """Where alerts go: mail, a chat, a webhook, anything that apprise has a URL for; with what is not worth one."""

    name: Name | None = Field(
        default=None, description="What the channel is called in logs and lists; default: the variable."
    )
    url_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        default=None, description="Environment variable that holds the channel's apprise URL."
    )
    url: str | None = Field(default=None, repr=False, description="The URL itself, where it holds no secret.")
    assets: tuple[Name, ...] = Field(default=(), description="Only alerts of these assets; default: of all.")
    severity: Severity | None = Field(default=None, description="From here on; default: that of `alerts`.")

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if (self.url is None) == (self.url_env is None):
            raise ValueError("a channel needs either url_env, the variable that holds its URL, or url")
        if self.url is not None and self.name is None:
            raise ValueError("a channel with url needs a name too")
        return self

    @property
    def label(self) -> str:
        """What the channel is called; never holds a secret."""
        return self.name or self.url_env or ""


class Alerts(SettingsSection):
    """Who is told of failed checks and runs, and of checks that pass again."""

    severity: Severity = Field(default="WARN", description="Failed checks of at least this severity are told.")
    channels: tuple[AlertChannel, ...] = Field(default=(), description="Where to; without any, nobody is told.")

    @field_validator("channels")
    @classmethod
    def _labels_are_unique(cls, channels: tuple[AlertChannel, ...]) -> tuple[AlertChannel, ...]:
        labels = [channel.label for channel in channels]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"two channels are called {', '.join(twice)}; give one of them another name")
        return channels
