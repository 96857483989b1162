"""The floors of the house, from the ground up: no module imports what stands on a floor above its own.

This is the one place that says so: the test of imports and the picture in the documentation read it. A pattern names a
module, or with `.*` at its end a folder and all below it, and `*.assets` the module of every stage that Dagster sees.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Floor:
    """One floor: its name, and the patterns of the modules that stand on it."""

    name: str
    patterns: tuple[str, ...]
    knows_dagster: bool = False


def _floor(name: str, patterns: str, knows_dagster: bool = False) -> Floor:
    whole = [one if one[0] == "*" or one == "image_assets" else f"image_assets.{one}" for one in patterns.split()]
    return Floor(name, tuple(whole), knows_dagster)


FLOORS = (
    _floor(
        "ground",
        "errors environment alone allocators places workers memory interrupts yaml_file whole_files markdown wording "
        "program spreadsheets model_assets terminal importing",
    ),
    _floor(
        "words",
        # What a network's file is read into: models are read on the floor above.
        "settings.* schema.* dataset project networks networks.errors networks.keras_here networks.presets "
        "networks.backbones",
    ),
    _floor("store", "store.*"),
    _floor("pixels, pages and engines", "images.* pages.* engines.*"),
    _floor(
        "what the numbers of categories mean, what people said, what was removed",
        "categories categories.record marks.* removal removal.tombstones",
    ),
    _floor("ingest", "ingest.*"),
    _floor("features", "features.*"),
    _floor("lookalikes", "lookalikes.*"),
    _floor("boxes, ImageNet, shards", "boxes.* imagenet.* shards.* categories.changes"),
    _floor("health, links to shards", "health.* shares.*"),
    _floor("migrations", "migrations.*"),
    _floor("classifier", "classifier.*"),
    _floor("networks", "networks.*"),
    _floor(
        "what asks the classifier, maps and pages",
        "suspects.* search.* predict.* predictions.* embedding.* exploration.* scrape.*",
    ),
    _floor("answers, alerts, verification and removal", "answers.* alerts.* verification.* removal.*"),
    _floor("reports", "reports.*"),
    _floor("console", "console.*"),
    _floor(
        "keys and retries",
        "orchestration orchestration.partitions orchestration.retrying orchestration.dagster_internals",
        knows_dagster=True,
    ),
    _floor("resources and io managers", "resources.* io_managers.*", knows_dagster=True),
    _floor(
        "what runs when",
        "orchestration.partition_ranges orchestration.automation orchestration.daily_schedule orchestration.run_events "
        "orchestration.alert_sensors orchestration.lost_retries orchestration.unfinished_checks "
        "orchestration.table_assets orchestration.kept_plots orchestration.promoted_models",
        knows_dagster=True,
    ),
    _floor("assets and checks", "*.assets ingest.annotated.joined_asset asset_checks.*", knows_dagster=True),
    _floor("definitions", "definitions components.* run_history.*", knows_dagster=True),
    _floor("runs", "orchestration.*", knows_dagster=True),
    _floor("commands", "cli.* demo new_project sample data_dictionary", knows_dagster=True),
    _floor("the door of notebooks", "image_assets notebook", knows_dagster=True),
)


def modules(root: Path) -> dict[str, Path]:
    """Every module of the project by its name."""
    package = root / "image_assets"
    folders = [package, *(entry for entry in package.iterdir() if entry.is_symlink())]
    files = (file for folder in folders for file in folder.rglob("*.py"))
    names = ((".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"), file) for file in files)
    return dict(names)


def floor_of(module: str) -> int:
    """The number of the floor that a module stands on, 0 for the ground.

    Raises:
        LookupError: it stands on none.
    """
    fitting = [
        (_weight(pattern), number)
        for number, floor in enumerate(FLOORS)
        for pattern in floor.patterns
        if _fits(module, pattern)
    ]
    if not fitting:
        raise LookupError(f"{module} stands on no floor: name it in {Path(__file__).name}")
    return max(fitting)[1]


def _weight(pattern: str) -> tuple[int, int]:
    """A module's name counts more than its kind, and that more than its folder."""
    return 2 if "*" not in pattern else 1 if pattern.startswith("*") else 0, len(pattern)


def _fits(module: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return module.endswith(pattern[1:])
    return module == pattern or (pattern.endswith(".*") and f"{module}.".startswith(pattern[:-1]))


def imports(source: str, known: Iterable[str]) -> Iterator[str]:
    """The modules that a module's text imports, anywhere in it: those of the project, and the first name of others."""
    known = set(known)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else node.module for name in names]
        else:
            continue
        yield from (name if name.startswith("image_assets") else name.split(".")[0] for name in names)


def upward(module: str, source: str, known: Iterable[str]) -> list[str]:
    """What a module imports that it may not: of floors above it, Dagster on a floor that does not know it, or nothing.

    What is not there is looked for too, since the types of packages that are not installed are no errors.
    """
    known = set(known)
    floor = floor_of(module)
    ours = [name for name in imports(source, known) if name.startswith("image_assets")]
    wrong = [name for name in ours if name not in known or floor_of(name) > floor]
    if not FLOORS[floor].knows_dagster:
        wrong += [name for name in imports(source, known) if name.startswith("dagster")]
    return [f"{module} ({FLOORS[floor].name}) imports {name}" for name in wrong]
