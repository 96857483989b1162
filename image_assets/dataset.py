"""What a dataset is: the typed content of a dataset file, and the errors a wrong file gets.

Everything that differs between datasets is said here and in the YAML files of `datasets/`; no other
module knows a dataset by its name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

BUNDLED = Path(__file__).parent / "datasets"

# Names become folder names, asset keys and partition values of tables: one alphabet is safe in all of them.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,63}$")]
# Dagster asset keys and job names are stricter than folder names.
DatasetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class DatasetError(ValueError):
    """A dataset file that cannot be used: the message names the file, the key, what was found and what is allowed."""


class _Section(BaseModel):
    """A part of a dataset file: unknown keys are refused, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FolderSource(_Section):
    """Files under `LANDING/<day>/<category>/**`, at any depth."""

    kind: Literal["folder"] = "folder"
    landing: str | None = Field(
        default=None, description="Local folder of the landing zone; default: the one the platform is started with."
    )
    ignore: tuple[str, ...] = Field(
        default=(".*", "Thumbs.db", "desktop.ini"),
        description="File and folder names (shell patterns) that are no arrivals: what desktops leave behind.",
    )


Precision = Literal["float32", "int8"]


class EfficientNetLite0(_Section):
    """EfficientNet-Lite0 with its published ImageNet weights: 1,280 features, no download."""

    kind: Literal["efficientnet_lite0"] = "efficientnet_lite0"
    precision: Precision = Field(
        default="float32",
        description="What it computes in. int8 is about 1.6 times as fast and close, not equal: another extractor.",
    )


HubRuntime = Literal["tensorflow", "onnxruntime"]


class TfHub(_Section):
    """Any TF Hub image feature-vector module."""

    kind: Literal["tf_hub"]
    module: str = Field(description="URL of the module, or the folder of a SavedModel.")
    image_size: int = Field(gt=0, le=4096, description="Side of the square input in pixels.")
    width: int = Field(gt=0, description="Number of features the module gives.")
    runtime: HubRuntime = Field(
        default="tensorflow",
        description="What runs it. onnxruntime is faster: the module is converted once, and refused where its features "
        "differ from TensorFlow's by more than 1e-4.",
    )


Extractor = Annotated[EfficientNetLite0 | TfHub, Field(discriminator="kind")]


EngineName = Literal["local", "ray"]


class Shards(_Section):
    """The published tables."""

    rows: int = Field(default=10_001, gt=0, description="Rows of every shard but the last of its partition.")
    format: Literal["parquet", "csv"] = Field(default="parquet", description="Same values in either.")


class Classifier(_Section):
    """Scaled multinomial logistic regression on the features."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    regularisation: float = Field(
        default=0.001,
        gt=0,
        description="Strength of the L2 penalty per training row: 1 / (C × rows) in scikit-learn's terms.",
    )
    held_out: float = Field(default=0.25, gt=0, lt=1, description="Share of images kept for the evaluation.")
    max_iterations: int = Field(default=1_000, gt=0, description="Training stops after so many, and says so.")


class Embedding(_Section):
    """t-SNE of the features."""

    perplexity: float = Field(
        default=30, gt=1, description="Effective number of neighbours; lowered for small datasets."
    )
    fit_points: int = Field(
        default=30_000, ge=100, description="At most so many points are fitted, the rest are placed."
    )
    seed: int = Field(default=0, description="The same seed and images give the same map.")


class NearDuplicates(_Section):
    """When two images count as the same picture: their perceptual hashes are close, and their features confirm it."""

    distance: int = Field(
        default=10, ge=0, le=32, description="Bits of 64 in which their perceptual hashes may differ."
    )
    cosine: float = Field(default=0.85, ge=-1, le=1, description="Least cosine of their features.")
    close_distance: int = Field(
        default=2, ge=0, le=32, description="Up to so many bits, `close_cosine` is enough: saved smaller, or in grey."
    )
    close_cosine: float = Field(default=0.5, ge=-1, le=1, description="Least cosine of images that are so close.")


class LabelConflicts(_Section):
    """What becomes of one picture under several categories, until a reviewer has marked it."""

    rule: Literal["hold", "first", "prefer"] = Field(
        default="hold",
        description="hold: neither is published nor trained on. first: the category of the day that it arrived first "
        "on is right; of one day, held. prefer: the category that comes first in `prefer` is right.",
    )
    prefer: tuple[Name, ...] = Field(default=(), description="Categories, the most trusted first; others are held.")
    limit: float = Field(
        default=0.01, ge=0, le=1, description="Share of images in open conflicts above which nothing is trained."
    )


class LabelNoise(_Section):
    """Suspects among labels, and images far from their category."""

    folds: int = Field(default=5, ge=2, description="Every image is judged by a model of the other folds.")
    regularisation: float = Field(
        default=0.3,
        gt=0,
        description="As in classifier, but stronger, so that wrong labels are not learnt by heart.",
    )
    neighbours: int = Field(default=10, gt=0, description="Nearest images of the category that an image is held to.")
    outlier_score: float = Field(
        default=3.5,
        gt=0,
        description="Robust standard deviations from its category that make an image an outlier.",
    )
    max_rows: int = Field(
        default=100_000, ge=100, description="Of more images, a sample in which every category keeps its share."
    )
    max_share: float = Field(
        default=0.05, ge=0, le=1, description="Share of a category's images that may be suspects without a warning."
    )
    seed: int = Field(default=0, ge=0, description="Of folds and sample: the same images give the same suspects.")


class Volume(_Section):
    """How many files usually arrive."""

    window_days: int = Field(default=28, ge=7, description="A day is compared with so many days before it.")
    min_days: int = Field(default=5, ge=2, description="With fewer days that had any file, nothing is compared.")
    factor: float = Field(
        default=2, gt=1, description="So many times the usual number of files, or its inverse, is always unusual."
    )


class Limits(_Section):
    """Where the platform draws the line."""

    max_bytes: int = Field(default=50_000_000, gt=0, description="Largest accepted file, bytes.")
    max_pixels: int = Field(default=64_000_000, gt=0, description="Largest accepted width × height, from the header.")
    max_side: int = Field(default=30_000, gt=0, description="Longest accepted side, pixels.")
    min_side: int = Field(default=1, gt=0, description="Shortest accepted side, pixels.")
    quarantine_rate: float = Field(
        default=0.05, ge=0, le=1, description="Share of a partition's files in quarantine above which its check fails."
    )
    imbalance: float = Field(
        default=10, ge=1, description="Largest category ÷ smallest category above which a warning is given."
    )


class Quality(_Section):
    """When an image counts as poor, and how many of a day's images may be."""

    dark: float = Field(
        default=0.32, ge=0, le=1, description="An image is dark when 99 % of its pixels are below this brightness."
    )
    bright: float = Field(
        default=0.95, ge=0, le=1, description="An image is bright when 95 % of its pixels are above this brightness."
    )
    blurred: float = Field(
        default=0.04,
        ge=0,
        description="An image is blurred when it shows something and its sharpness is below this share of the variance "
        "of its grey levels.",
    )
    low_information: float = Field(
        default=1, ge=0, le=8, description="An image shows next to nothing when its entropy is below this, bits."
    )
    odd_shape: float = Field(
        default=3, ge=1, description="An image is odd-shaped when its longer side is more than this times the shorter."
    )
    odd_size: float = Field(
        default=4,
        ge=1,
        description="An image is odd-sized when √(width × height) is more than this times the median, "
        "or the median more than this times it; the median is that of its day and category.",
    )
    share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Share of a partition's images of any of these kinds above which a warning is given.",
    )


class Drift(_Section):
    """When a day of a category differs from the days before it."""

    window_days: int = Field(default=14, ge=1, le=366, description="Days before the day that it is compared with.")
    min_images: int = Field(
        default=100, ge=20, description="With fewer images of the day, or before it, nothing is compared."
    )
    sample: int = Field(
        default=2_000, ge=100, description="About so many images of the day, and as many before it, are compared."
    )
    psi: float = Field(
        default=0.25, gt=0, description="Largest population stability index of any metric or main feature direction."
    )
    ks: float = Field(default=0.2, gt=0, le=1, description="Largest Kolmogorov-Smirnov distance of any of them.")
    auc: float = Field(
        default=0.8, ge=0.5, le=1, description="Largest AUC of a classifier that tells the day from the days before."
    )


Severity = Literal["WARN", "ERROR"]


class AlertChannel(_Section):
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


class Alerts(_Section):
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


class DatasetSpec(_Section):
    """One dataset: its categories, where its images come from, and what is made of them."""

    name: DatasetName = Field(description="Folder of its tables, group of its assets: a to z, digits and _.")
    description: str = Field(default="", description="What it holds, for people.")
    categories: dict[Name, Annotated[int, Field(ge=0, lt=32_768)]] = Field(
        min_length=1, description="Category → integer label."
    )
    source: FolderSource = FolderSource()
    start_day: dt.date = Field(description="First day that may be loaded.")
    time_zone: str = Field(default="UTC", description="IANA time zone in which its days begin, and of the 07:00 run.")
    freshness_hours: int = Field(
        default=3, ge=1, le=16, description="Hours after 07:00 by which a day's data is due; later it is stale."
    )
    owners: tuple[str, ...] = Field(default=(), description="E-mail addresses or team:NAME, shown in the Dagster UI.")
    extractor: Extractor = EfficientNetLite0()
    engine: EngineName = Field(
        default="local", description="Where units of work run: on this machine's cores, or on a Ray cluster."
    )
    shards: Shards = Shards()
    classifier: Classifier = Classifier()
    embedding: Embedding = Embedding()
    near_duplicates: NearDuplicates = NearDuplicates()
    label_conflicts: LabelConflicts = LabelConflicts()
    label_noise: LabelNoise = LabelNoise()
    volume: Volume = Volume()
    limits: Limits = Limits()
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
            raise ValueError("expected an IANA time zone such as Europe/Berlin or UTC")
        return name

    @field_validator("owners")
    @classmethod
    def _owners_are_dagsters(cls, owners: tuple[str, ...]) -> tuple[str, ...]:
        for owner in owners:
            if "@" not in owner and not owner.startswith("team:"):
                raise ValueError(f"{owner!r}: expected an e-mail address or team:NAME")
        return owners

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


def _describe(error: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "(the whole file)"
    found = error.get("input")
    shown = repr(found) if not isinstance(found, (dict, list)) else f"a {type(found).__name__}"
    if error["loc"][:1] == ("alerts",):
        shown = "a value that is not shown, as it may hold a secret"
    if error["type"] == "missing":
        return f"  {key}: missing; {_allowed(key)}"
    if error["type"] == "extra_forbidden":
        return f"  {key}: unknown key; {_allowed(key)}"
    return f"  {key}: found {shown}; {error['msg']}"


def _allowed(key: str) -> str:
    """The keys that are allowed where `key` stands, read off the model itself."""
    section: Any = DatasetSpec
    for part in key.split(".")[:-1]:
        if part.isdigit():  # a place in a list
            section = get_args(section)[0]
            continue
        field = section.model_fields.get(part) if hasattr(section, "model_fields") else None
        if field is None:
            # A discriminated section's path holds its kind: `extractor.tf_hub.module`.
            kinds = [s for s in (EfficientNetLite0, TfHub) if s.model_fields["kind"].annotation == Literal[part]]
            section = kinds[0] if kinds else DatasetSpec
        else:
            section = field.annotation
    names = getattr(section, "model_fields", DatasetSpec.model_fields)
    return f"allowed keys here: {', '.join(names)}"


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
        lines = "\n".join(_describe(e) for e in error.errors())
        raise DatasetError(f"{origin} is not a usable dataset file:\n{lines}") from None


def load_dataset(path: str | Path) -> DatasetSpec:
    """Read a dataset file; a bare name such as `kingdoms` means the bundled file of that name.

    Raises:
        DatasetError: the file is missing, no YAML, or says something that is not allowed.
    """
    file = Path(path)
    if not file.exists() and (BUNDLED / f"{path}.yaml").exists():
        file = BUNDLED / f"{path}.yaml"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        bundled = ", ".join(sorted(p.stem for p in BUNDLED.glob("*.yaml")))
        raise DatasetError(f"{path}: cannot read this dataset file ({error}); bundled ones: {bundled}") from None
    except yaml.YAMLError as error:
        raise DatasetError(f"{path}: not YAML: {error}") from None
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
