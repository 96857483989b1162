"""`python -m benchmarks.procedures.art_colours`: eleven colours of paintings by 18 colour statistics, five families.

The grids are those of the bundled dataset `art_colours`, 152 candidates in all, judged in five stratified folds of
three quarters of the paintings; the best of every family is then judged on the last quarter. Said too: what successive
halving finds in which share of the time, and what a scaler that leaks would have claimed. Scores are kept in the work
folder, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import obstore.store
import polars as pl
from rich.console import Console
from rich.table import Table
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

from benchmarks.procedures.features import rows_of
from benchmarks.procedures.paintings import hard_painting
from benchmarks.procedures.scaling import Leak, compare_scalers, few_rows_with_heavy_tails
from image_assets.classifier.comparing.candidates_report import candidates_frame, candidates_picture
from image_assets.classifier.training.families import Candidate, candidates_of
from image_assets.classifier.training.score_book import StoredScores
from image_assets.classifier.training.selection import Score, ScoreBook, TrainingRows, select
from image_assets.classifier.training.train import train
from image_assets.dataset import DatasetSpec, load_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.reports.tables import show_table
from image_assets.resources.progress import TerminalProgress
from image_assets.settings.classifier import AnyFamily, ModelSelection
from image_assets.workers import ordered_map

_NOT_HALVED = 10_000
# What a tree asks of a feature is whether it is above a threshold: scaling cannot change its answers.
_SCALE_FREE = ("random_forest", "gradient_boosting")


@dataclass(frozen=True)
class FamilyFigures:
    """The best candidate of a family: accuracy in the folds and on the test rows, and what the search took."""

    family: str
    settings: int
    best: str
    mean: float
    deviation: float
    test: float
    minutes: float


@dataclass(frozen=True)
class Outcome:
    """What the procedure found.

    Attributes:
        families: The best of each first, by mean accuracy in the folds.
        scores: Of all candidates, the best first.
        halved: What successive halving of all candidates at once found.
        halved_minutes: Computing time of all its steps.
        leaks: The best of every family that depends on scale, and all of the best such family, with either scaler.
        heavy_tails: The same of one candidate on small sets with heavy tails.
    """

    families: list[FamilyFigures]
    scores: list[Score]
    halved: Score
    halved_minutes: float
    leaks: list[Leak]
    heavy_tails: list[Leak]


@dataclass(frozen=True)
class Extent:
    """How much is done, and by how many.

    Attributes:
        repeats: Small sets with heavy tails.
        workers: As `select`.
    """

    repeats: int = 200
    workers: int | None = None


def drawn(dataset: DatasetSpec, each: int) -> TrainingRows:
    """So many paintings of every colour, through the dataset's extractor."""
    wanted = [(colour, seed) for colour in dataset.categories for seed in range(each)]
    contents = list(ordered_map(lambda one: hard_painting(*one), wanted))
    labels = [dataset.categories[colour] for colour, _ in wanted]
    return rows_of(contents, labels, shared_extractor(dataset.extractor))


def procedure(
    rows: TrainingRows,
    families: Sequence[AnyFamily],
    dataset: DatasetSpec,
    work: Path,
    progress: TerminalProgress,
    extent: Extent,
) -> Outcome:
    """Select, test, halve, and leak.

    Args:
        rows: All paintings.
        families: What to select from.
        dataset: Its folds, held-out share and categories.
        work: Where scores are kept.
        progress: Told how far each step is.
        extent: How much of it.
    """
    spec = dataset.classifier.selection
    training, test = train_test_split(
        np.arange(len(rows.labels)), test_size=dataset.classifier.held_out, stratify=rows.labels, random_state=spec.seed
    )
    training_rows, test_rows = rows.take(np.sort(training)), rows.take(np.sort(test))
    book = StoredScores(obstore.store.LocalStore(str(work), mkdir=True), "scores")
    whole = spec.model_copy(update={"halving_above": _NOT_HALVED, "scoring": "accuracy"})
    found: dict[str, list[Score]] = {}
    for family in dict.fromkeys(one.kind for one in families):
        candidates = candidates_of([one for one in families if one.kind == family])
        with progress.track(f"{family}: {len(candidates)} settings", "candidates") as done:
            found[family] = select(candidates, training_rows, whole, book, done, extent.workers)
    figures = [_figures(scores, training_rows, test_rows, dataset, spec) for scores in found.values()]
    figures.sort(key=lambda one: -one.mean)
    scores = sorted((one for scores in found.values() for one in scores), key=lambda one: -one.mean)
    with progress.track("all of them, halved", "candidates") as done:
        everything = candidates_of(list(families))
        halving = spec.model_copy(update={"scoring": "accuracy"})
        adding = _Adding(book)
        halved = select(everything, training_rows, halving, adding, done, extent.workers)[0]
    depending = [one.family for one in figures if one.family not in _SCALE_FREE]
    leaking = [*(one.candidate for one in found[depending[0]]), *(found[name][0].candidate for name in depending[1:])]
    with progress.track("a scaler that leaks", "candidates") as done:
        leaks = compare_scalers(leaking, training_rows, spec, rows.features, done)
    heavy_tails = few_rows_with_heavy_tails(leaks[0].candidate, extent.repeats)
    return Outcome(figures, scores, halved, adding.seconds / 60, leaks, heavy_tails)


class _Adding:
    """A score book that adds up what its scores took, those that were there before too."""

    def __init__(self, book: ScoreBook) -> None:
        self._book, self.seconds = book, 0.0

    def read(self, key: str, candidate: Candidate) -> Score | None:
        score = self._book.read(key, candidate)
        self.seconds += score.seconds if score else 0
        return score

    def write(self, key: str, score: Score) -> None:
        self.seconds += score.seconds
        self._book.write(key, score)


def _figures(
    scores: list[Score], training: TrainingRows, test: TrainingRows, dataset: DatasetSpec, spec: ModelSelection
) -> FamilyFigures:
    best = scores[0]
    model = train(training.features, training.labels, best.candidate, dataset.categories, spec.seed)
    return FamilyFigures(
        family=best.candidate.family,
        settings=len(scores),
        best=str(best.candidate),
        mean=best.mean,
        deviation=best.deviation,
        test=float(accuracy_score(test.labels, model.predict(test.features))),
        minutes=sum(one.seconds for one in scores) / 60,
    )


def main() -> None:
    """Run the procedure, print its tables, and write JSON, CSV and a plot where asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.procedures.art_colours", description=__doc__)
    parser.add_argument("--each", type=int, default=460, help="paintings of every colour; default 460, 5,060 in all")
    parser.add_argument("--families", default="", help="only these families, separated by commas")
    parser.add_argument("--workers", type=int, help="processes; default: one per core")
    parser.add_argument("--work", type=Path, default=Path(".benchmarks/art-colours"), help="where scores are kept")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    console, dataset = Console(), load_dataset("art_colours")
    with console.status("drawing"):
        rows = _kept(dataset, options.each, options.work)
    named = set(filter(None, options.families.split(",")))
    families = [one for one in dataset.classifier.candidates if not named or one.kind in named]
    extent = Extent(workers=options.workers)
    outcome = procedure(rows, families, dataset, options.work, TerminalProgress(console), extent)
    _show(console, outcome)
    candidates_frame(outcome.scores).write_csv(options.work / "candidates.csv")
    (options.work / "candidates.png").write_bytes(candidates_picture(outcome.scores, "accuracy").png)
    if options.json:
        figures = {
            "families": [asdict(one) for one in outcome.families],
            "halved": {"best": str(outcome.halved.candidate), "mean": outcome.halved.mean},
            "minutes halved": outcome.halved_minutes,
            "scaler": [[str(one.candidate), one.leak_free, one.leaky] for one in outcome.leaks],
            "heavy tails, difference and its error": _mean_leak(outcome.heavy_tails),
        }
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def _kept(dataset: DatasetSpec, each: int, work: Path) -> TrainingRows:
    """The paintings' features, made once."""
    path = work / f"features-{each}.npz"
    if not path.exists():
        rows = drawn(dataset, each)
        work.mkdir(parents=True, exist_ok=True)
        np.savez(path, features=rows.features, labels=rows.labels, groups=rows.groups.to_numpy().astype("U64"))
    with np.load(path) as kept:
        return TrainingRows(kept["features"], kept["labels"], pl.Series("group", kept["groups"].tolist()))


def _show(console: Console, outcome: Outcome) -> None:
    table = Table("family", "settings", "accuracy in 5 folds", "deviation", "test", "minutes", "best")
    for one in outcome.families:
        accuracy = f"{one.mean:.4f}", f"{one.deviation:.4f}", f"{one.test:.4f}"
        table.add_row(one.family, str(one.settings), *accuracy, f"{one.minutes:.1f}", one.best)
    show_table(console, table)
    place = [one.candidate for one in outcome.scores].index(outcome.halved.candidate) + 1
    console.print(
        f"successive halving: {outcome.halved.candidate}, {outcome.halved.mean:.4f}, number {place} of the "
        f"{len(outcome.scores)} of the full grid, in {outcome.halved_minutes:.1f} minutes instead of "
        f"{sum(one.minutes for one in outcome.families):.1f}"
    )
    leaks = Table("scaler", "accuracy in the folds", "leaky", "difference")
    for one in outcome.leaks:
        leaks.add_row(str(one.candidate), f"{one.leak_free:.4f}", f"{one.leaky:.4f}", f"{one.difference:+.4f}")
    console.print(leaks)
    mean, error = _mean_leak(outcome.heavy_tails)
    console.print(
        f"40 rows with heavy tails, {len(outcome.heavy_tails)} times: leak-free "
        f"{np.mean([one.leak_free for one in outcome.heavy_tails]):.4f}, the leak adds {mean:+.4f} ± {error:.4f}"
    )


def _mean_leak(leaks: Sequence[Leak]) -> tuple[float, float]:
    """Mean difference, and its standard error."""
    differences = [one.difference for one in leaks]
    return float(np.mean(differences)), float(np.std(differences, ddof=1) / len(differences) ** 0.5)


if __name__ == "__main__":
    main()
