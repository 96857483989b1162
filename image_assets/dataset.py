"""What a dataset is: the typed content of a dataset file, and the errors a wrong file gets.

Everything that differs between datasets is said here and in the YAML files of `datasets/`; no other
module knows a dataset by its name.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo

from image_assets.errors import Explained
from image_assets.model_assets import MODEL_ASSETS, ModelAsset
from image_assets.settings.alerts import Alerts
from image_assets.settings.annotated import AnnotatedSection
from image_assets.settings.classifier import Classifier
from image_assets.settings.imagenet import Imagenet
from image_assets.settings.networks import Networks
from image_assets.settings.predictions import Predictions
from image_assets.settings.quality import Drift, LabelConflicts, LabelNoise, NearDuplicates, Quality, Volume
from image_assets.settings.retention import Retention
from image_assets.settings.section import NAME_RULE, DatasetName, Name, SettingsSection, Strict, key_path
from image_assets.settings.sources import AnySource, FolderSource
from image_assets.settings.stages import (
    DEFAULT_EXTRACTOR,
    AnyExtractor,
    Embedding,
    EngineName,
    Limits,
    Shards,
)
from image_assets.settings.tables import Tables
from image_assets.wording import did_you_mean
from image_assets.yaml_file import YamlError, read_yaml

BUNDLED = Path(__file__).parent / "datasets"


class DatasetError(Explained, ValueError):
    """A dataset file that cannot be used: the message names the file, the key, what was found and what is allowed."""


class DatasetSpec(SettingsSection):
    """One dataset: its categories, where its images come from, and what is made of them."""

    name: DatasetName = Field(description="Folder of its tables, group of its assets: a to z, digits and _.")
    description: str = Field(default="", description="What it holds, for people.")
    categories: dict[Name, Annotated[int, Field(ge=0, lt=32_768)]] = Field(
        min_length=1, description="Category → integer label."
    )
    retired: tuple[Name, ...] = Field(
        default=(),
        description="Categories of before: their rows stay in the tables; nothing is expected, published or learnt.",
    )
    source: AnySource = FolderSource()
    start_day: dt.date = Field(description="First day that may be loaded.")
    time_zone: str = Field(default="UTC", description="IANA time zone in which its days begin, and of the 07:00 run.")
    freshness_hours: int = Field(
        default=3, ge=1, le=16, description="Hours after 07:00 by which a day's data is due; later it is stale."
    )
    owners: tuple[str, ...] = Field(default=(), description="E-mail addresses or team:NAME, shown in the Dagster UI.")
    extractor: AnyExtractor = Field(
        default=DEFAULT_EXTRACTOR,
        description=f"What makes features of an image; where it is not said, {DEFAULT_EXTRACTOR}.",
    )
    engine: EngineName = Field(
        default="local", description="Where units of work run: on this machine's cores, or on a Ray cluster."
    )
    shards: Shards = Shards()
    classifier: Classifier = Classifier()
    networks: Networks = Networks()
    predictions: Predictions = Predictions()
    imagenet: Imagenet = Imagenet()
    embedding: Embedding = Embedding()
    near_duplicates: NearDuplicates = NearDuplicates()
    label_conflicts: LabelConflicts = LabelConflicts()
    label_noise: LabelNoise = LabelNoise()
    volume: Volume = Volume()
    limits: Limits = Limits()
    retention: Retention = Retention()
    tables: Tables = Tables()
    quality: Quality = Quality()
    drift: Drift = Drift()
    alerts: Alerts = Alerts()

    @field_validator("categories")
    @classmethod
    def _labels_are_unique(cls, categories: dict[str, int]) -> dict[str, int]:
        seen: dict[int, str] = {}
        for name, label in categories.items():
            if label in seen:
                raise ValueError(f"label {label} is given to both {seen[label]!r} and {name!r}; labels must differ")
            seen[label] = name
        folded: dict[str, str] = {}
        for name in categories:
            if name.lower() in folded:
                raise ValueError(
                    f"{folded[name.lower()]!r} and {name!r} differ only in case, which not every disk keeps apart"
                )
            folded[name.lower()] = name
        return categories

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, name: str) -> str:
        if name not in available_timezones():
            meant = did_you_mean(name, available_timezones())
            raise ValueError(f"{f'{meant} ' if meant else ''}expected an IANA time zone such as Europe/Berlin or UTC")
        return name

    @field_validator("owners")
    @classmethod
    def _owners_are_dagsters(cls, owners: tuple[str, ...]) -> tuple[str, ...]:
        for owner in owners:
            if "@" not in owner and not owner.startswith("team:"):
                raise ValueError(f"{owner!r}: expected an e-mail address or team:NAME")
        return owners

    @model_validator(mode="after")
    def _names_are_categories(self) -> Self:
        both = [name for name in self.retired if name in self.categories]
        if both:
            raise ValueError(f"{both[0]!r} is among categories and among retired; it can be one of them")
        for name in self.label_conflicts.prefer:
            if name not in self.categories:
                meant = did_you_mean(name, self.categories)
                meant = f"{meant} There are" if meant else "there are"
                raise ValueError(
                    f"label_conflicts.prefer names {name!r}, which is no category; {meant} {', '.join(self.categories)}"
                )
        for name in self.volume.may_be_empty:
            if name not in self.categories and name not in self.retired:
                meant = did_you_mean(name, self.categories)
                raise ValueError(
                    f"volume.may_be_empty names {name!r}, which is no category; {f'{meant} ' if meant else ''}"
                    f"there are {', '.join(self.categories)}"
                )
        return self

    @model_validator(mode="after")
    def _source_fills_the_categories(self) -> Self:
        if isinstance(self.source, AnnotatedSection):
            self.source.check_categories(self.categories)
        return self

    @model_validator(mode="after")
    def _the_rule_prefer_has_categories(self) -> Self:
        if self.label_conflicts.rule == "prefer" and not self.label_conflicts.prefer:
            raise ValueError("label_conflicts: the rule prefer needs the categories to prefer, as prefer: [...]")
        return self

    @model_validator(mode="after")
    def _who_is_asked_is_trained(self) -> Self:
        if self.predictions.model not in self.model_assets:
            raise ValueError(
                f"predictions.model: {self.predictions.model} is to be asked, and is not trained; say how it is, as "
                f"networks: {{{self.predictions.model}: {{}}}}"
            )
        return self

    @property
    def model_assets(self) -> tuple[ModelAsset, ...]:
        """The assets that train models of the dataset's categories."""
        return tuple(one for one in MODEL_ASSETS if one != "cnn_classifier" or self.networks.cnn_classifier)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which the dataset's days begin and end."""
        return ZoneInfo(self.time_zone)

    def label_of(self, category: str) -> int:
        """The integer label of a category. Raises `DatasetError` for one that the dataset does not have."""
        if category not in self.categories:
            raise DatasetError(
                f"dataset {self.name!r} has no category {category!r}; it has {', '.join(sorted(self.categories))}"
            )
        return self.categories[category]


def _first_causes(errors: Sequence[Any]) -> list[Any]:
    """Without what is only said of a list because none of its items was understood."""
    places = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if not (
            error["type"] == "too_short"
            and any(len(place) > len(error["loc"]) and place[: len(error["loc"])] == error["loc"] for place in places)
        )
    ]


def mistakes_in(error: ValidationError, section: type[Strict]) -> str:
    """What is wrong with a file, line by line: the key, what was found and what is allowed.

    Args:
        error: Of reading it.
        section: What the file was to be.
    """
    return "\n".join(_describe(one, section) for one in _first_causes(error.errors()))


def _describe(error: Mapping[str, Any], section: type[Strict]) -> str:
    key = key_path(error["loc"]) or "(the whole file)"
    found = error.get("input")
    shown = repr(found) if not isinstance(found, (dict, list)) else f"a {type(found).__name__}"
    if error["loc"][:1] == ("alerts",):
        shown = "a value that is not shown, as it may hold a secret"
    if error["type"] == "missing":
        return f"  {key}: missing; {_allowed(key, section)}"
    if error["type"] == "extra_forbidden":
        return f"  {key}: unknown key; {_meant(key, section)}{_allowed(key, section)}"
    said = error["msg"]
    if error["type"] == "literal_error" and isinstance(found, str):
        meant = did_you_mean(found.lower(), re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        said += f"; {meant}" if meant else ""
    return f"  {key}: found {shown}; {_in_our_words(error['type'], said)}"


_DAY = "expected a day such as 2026-11-20"
_IN_OUR_WORDS = {
    "tuple_type": "expected a list, such as [one, another]",
    "dict_type": "expected keys with values, such as {one: 0, another: 1}",
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": f"{_DAY}, without a time",
}


def _in_our_words(kind: str, said: str) -> str:
    """What is allowed, where pydantic says it in words for programmers."""
    if kind == "string_pattern_mismatch" and "[A-Za-z0-9]" in said:
        return NAME_RULE
    if kind == "string_pattern_mismatch" and "[a-z][a-z0-9_]" in said:
        return "expected 1 to 64 of a to z, digits and _, beginning with a letter"
    return _IN_OUR_WORDS.get(kind, said)


def _allowed(key: str, section: type[Strict]) -> str:
    return f"allowed keys here: {', '.join(_keys_beside(key, section))}"


def _meant(key: str, section: type[Strict]) -> str:
    meant = did_you_mean(key.rpartition(".")[2], _keys_beside(key, section))
    return f"{meant} " if meant else ""


def _keys_beside(key: str, whole: type[Strict]) -> list[str]:
    """The keys that are allowed where `key` stands, read off the model itself, required ones first."""
    section: object = whole
    for part in key.split(".")[:-1]:
        if part.isdigit():  # a place in a list
            section = get_args(section)[0]
            continue
        field = _fields(section).get(part)
        if field is None:
            # A discriminated section's path holds its kind: `extractor.tf_hub.module`.
            kinds = [one for one in _sections(SettingsSection) if part in _kinds_of(one)]
            section = kinds[0] if kinds else whole
        else:
            section = _without_none(field.annotation)
    fields = _fields(section) or whole.model_fields
    return sorted(fields, key=lambda name: not fields[name].is_required())


def _without_none(annotation: object) -> object:
    """Of a key that may be null, the section that it holds else."""
    one, *none = get_args(annotation) or (annotation,)
    return one if none == [type(None)] else annotation


def _fields(annotation: object) -> dict[str, FieldInfo]:
    """The keys of a section; none where a key holds something else."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.model_fields
    return {}


def _sections(base: type[SettingsSection]) -> list[type[SettingsSection]]:
    return [section for one in base.__subclasses__() for section in (one, *_sections(one))]


def _kinds_of(section: type[SettingsSection]) -> tuple[Any, ...]:
    field = section.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def parse_dataset(content: object, origin: str) -> DatasetSpec:
    """Check the parsed content of a dataset file.

    Args:
        content: What the YAML held.
        origin: Name of the file, for errors.

    Raises:
        DatasetError: naming the file and, line by line, the key, what was found and what is allowed.
    """
    if not isinstance(content, dict):
        raise DatasetError(
            f"{origin}: expected keys such as {', '.join(list(DatasetSpec.model_fields)[:4])}; found {content!r:.80}"
        )
    try:
        return DatasetSpec.model_validate(content)
    except ValidationError as error:
        raise DatasetError(f"{origin} is not a usable dataset file:\n{mistakes_in(error, DatasetSpec)}") from None


def bundled_names() -> list[str]:
    """The datasets that come with the package, in order."""
    return sorted(file.stem for file in BUNDLED.glob("*.yaml"))


def load_dataset(path: str | Path) -> DatasetSpec:
    """Read a dataset file; a bare name such as `sample` means the bundled file of that name.

    Raises:
        DatasetError: the file is missing, no YAML, or says something that is not allowed.
    """
    file = Path(path)
    if not file.exists() and (BUNDLED / f"{path}.yaml").exists():
        file = BUNDLED / f"{path}.yaml"
    try:
        content = read_yaml(file)
    except OSError as error:
        bundled = ", ".join(bundled_names())
        why = (error.strerror or str(error)).lower()
        raise DatasetError(f"{path}: {why}; bundled datasets are {bundled}") from None
    except YamlError as error:
        raise DatasetError(f"{path}: {error}") from None
    return parse_dataset(content, str(path))


def load_datasets(paths: Sequence[str | Path]) -> list[DatasetSpec]:
    """Read several dataset files. Raises `DatasetError` also where two share a name."""
    specs: dict[str, DatasetSpec] = {}
    for path in paths:
        spec = load_dataset(path)
        if spec.name in specs:
            raise DatasetError(f"{path}: a dataset named {spec.name!r} was already read; names must differ")
        specs[spec.name] = spec
    return list(specs.values())
