"""The day's model: from running totals on an ordinary day, by a full training of all images when one is due.

What belongs here: the order of the steps. Each step, and the decision between the two paths, has a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from image_assets.classifier.daily.daily_model import DailyModel, FeatureKind, Places, Tables, Track, untracked
from image_assets.classifier.daily.discriminant import discriminant, discriminant_candidate
from image_assets.classifier.daily.familiar_file import read_familiar, write_familiar
from image_assets.classifier.daily.out_of_core_logistic import STREAMED, fit_out_of_core
from image_assets.classifier.daily.path_choice import (
    DAILY,
    NOTHING_DRIFTED,
    Drifted,
    LastRefit,
    PathChoice,
    Today,
    choose_path,
    setup_digest,
)
from image_assets.classifier.daily.running_totals import Totals, plan_update, read_totals, write_totals
from image_assets.classifier.daily.statistics import ClassStatistics, merge, no_statistics, statistics_of_file
from image_assets.classifier.daily.trust import measured_trust, read_last_refit, write_last_refit
from image_assets.classifier.training.choice import ChosenCandidate, choose
from image_assets.classifier.training.familiarity import Familiar, familiar
from image_assets.classifier.training.families import Candidate, fit
from image_assets.classifier.training.matrix_file import MatrixFile
from image_assets.classifier.training.row_index import RowIndex, row_index
from image_assets.classifier.training.selection import TrainingRows, sampled_rows
from image_assets.classifier.training.train import NotTrainableError, check_trainable, train
from image_assets.classifier.training.training_rows import streamed_rows
from image_assets.dataset import DatasetSpec
from image_assets.store.models.model import Model
from image_assets.store.models.sklearn_model import SklearnModel


def refine(
    dataset: DatasetSpec,
    tables: Tables,
    extractor: FeatureKind,
    places: Places,
    drifted: Drifted = NOTHING_DRIFTED,
    track: Track = untracked,
) -> DailyModel:
    """Make the model of the latest day.

    Whoever saves the model calls `remember()` afterwards: as a run may be killed between the two, a full refit that was
    not saved is done again. The running totals, by contrast, are kept as soon as they are made: they say themselves
    what they are of.

    Args:
        dataset: Its name, categories and `classifier`.
        tables: As they are now.
        extractor: Digest and width are asked for.
        places: Where totals, the record of the last full refit, and scores are kept.
        drifted: What the drift checks warn of.
        track: Shows progress.

    Raises:
        NotTrainableError: too few images; the message says which.
        MixedExtractors, UnusableFeaturesError, NoRoomError: see `row_index` and `streamed_rows`.
    """
    spec = dataset.classifier
    index = row_index(
        tables.image_features,
        tables.label_conflicts,
        tables.duplicate_groups,
        extractor.digest,
        spec,
        tables.raw_images,
    )
    check_trainable(index.labels, index.held_out, dataset.categories, index.groups.n_unique())
    held_out = index.evaluation(spec.refinement.evaluation_rows)
    work = _Work(dataset, tables, extractor, places, track, index.training(), held_out)
    learnt = tuple(np.unique(work.training.labels).tolist())
    setup = setup_digest(spec)
    today = Today(index.latest_day(), len(work.training), setup, extractor.digest, dataset.categories, learnt, drifted)
    decision = choose_path(read_last_refit(places.objects, places.statistics), today, spec.refinement)
    return work.daily(decision) if decision.path == DAILY else work.full(decision, today)


@dataclass(frozen=True)
class _Work:
    dataset: DatasetSpec
    tables: Tables
    extractor: FeatureKind
    places: Places
    track: Track
    training: RowIndex
    held_out: RowIndex

    @property
    def _classes(self) -> np.ndarray:
        return np.unique(np.array(list(self.dataset.categories.values()), dtype=np.int64))

    @property
    def _discriminant(self) -> Candidate:
        spec = self.dataset.classifier
        return discriminant_candidate(spec.refinement.shrinkage, spec.transform)

    def daily(self, decision: PathChoice) -> DailyModel:
        """From the totals, which only the partitions that are new are read for."""
        candidate, rooted = self._discriminant, self._discriminant.rooted
        digests = self.training.digests()
        kept = read_totals(self.places.objects, self.places.statistics)
        update = plan_update(kept, digests, self.extractor.digest, self._classes, self.extractor.width, rooted=rooted)
        start = update.start.statistics if update.start else no_statistics(self._classes, self.extractor.width)
        missing = self.training.of(update.missing)
        with self._rows(missing, "read new images") as matrix:
            statistics = merge(start, statistics_of_file(matrix.as_rooted(rooted), missing.labels, self._classes))
        if update.missing:
            self._keep(Totals(self.extractor.digest, digests, statistics, rooted))
        model = discriminant(statistics, candidate)
        known = self._read_familiar(model) if self.dataset.classifier.held_back else None
        return DailyModel(
            known.on(model) if known else model,
            candidate,
            decision,
            self.training,
            len(self.training),
            self.held_out,
            self._held_out_features(),
            totals=update.reason,
            calibration=known.record(self.dataset.classifier.held_back) if known else None,
        )

    def full(self, decision: PathChoice, today: Today) -> DailyModel:
        """From all images; the totals are made anew on the way."""
        spec = self.dataset.classifier
        with self._rows(self.training, "read all images") as matrix:
            with self.track("sum up the images", "images") as progress:
                rows = matrix.as_rooted(self._discriminant.rooted)
                statistics = statistics_of_file(rows, self.training.labels, self._classes, progress)
            chosen, sample = self._chosen(matrix)
            daily = _discriminant_or_none(statistics, self._discriminant)
            # Where all rows fit into memory, scikit-learn trains: what was selected was selected by its answers.
            if chosen.candidate.family == STREAMED and len(self.training) > spec.max_fit_rows:
                with self.track("train on all images", "iterations") as progress:
                    model = fit_out_of_core(matrix, self.training.labels, chosen.candidate, statistics, daily, progress)
                fitted = len(self.training)
            else:
                some = self._sampled(spec.max_fit_rows)
                labels, fitted = self.training.labels[some], len(some)
                model = train(matrix.take(some), labels, chosen.candidate, self.dataset.categories, spec.selection.seed)
        known = self._familiar(chosen.candidate, sample, "see what is familiar")
        refined = DailyModel(
            known.on(model) if known else model,
            chosen.candidate,
            decision,
            self.training,
            fitted,
            self.held_out,
            self._held_out_features(),
            sample,
            chosen.scores,
            calibration=known.record(spec.held_back) if known else None,
        )
        if not spec.refinement.enabled or len(self.training) < spec.refinement.from_rows:
            return refined
        self._keep(Totals(self.extractor.digest, self.training.digests(), statistics, self._discriminant.rooted))
        return self._measured(replace(refined, totals="made anew from all images"), daily, today)

    def _measured(self, refined: DailyModel, daily: Model | None, today: Today) -> DailyModel:
        trust = None
        if daily is not None and refined.sample is not None:
            known = self._familiar(self._discriminant, refined.sample, "see what is familiar from day to day")
            if known is not None:
                write_familiar(self.places.objects, self.places.statistics, known, self.extractor.digest)
            trust = measured_trust(
                daily, refined.model, refined.held_out_features, self.held_out.labels, self.dataset.categories
            )
        last = LastRefit(
            day=today.day,
            setup=today.setup,
            extractor_digest=today.extractor_digest,
            classes=dict(today.classes),
            learnt=today.learnt,
            candidate=str(refined.candidate),
            trust=trust,
            drifted=(*today.drifted.lately, *today.drifted.slowly),
        )
        places = self.places
        return replace(refined, trust=trust, remember=lambda: write_last_refit(places.objects, places.statistics, last))

    def _chosen(self, matrix: MatrixFile) -> tuple[ChosenCandidate, TrainingRows]:
        spec = self.dataset.classifier
        some = self._sampled(spec.selection.max_rows)
        chosen = self.training.take(some)
        sample = TrainingRows(matrix.take(some), chosen.labels, chosen.groups, chosen.source_sets)
        with self.track("select the classifier", "candidates") as progress:
            return choose(spec, sample, self.places.objects, self.places.scores, progress), sample

    def _familiar(self, candidate: Candidate, sample: TrainingRows, title: str) -> Familiar | None:
        spec = self.dataset.classifier
        if not spec.held_back:
            return None
        with self.track(title, "models") as progress:
            learn = partial(fit, candidate, spec.selection.seed, probabilities=True)
            return familiar(learn, sample, spec.selection.seed, progress)

    def _read_familiar(self, model: SklearnModel) -> Familiar | None:
        places = self.places
        return read_familiar(places.objects, places.statistics, self.extractor.digest, model.classes)

    def _sampled(self, most: int) -> np.ndarray:
        seed = self.dataset.classifier.selection.seed
        return sampled_rows(self.training.labels, self.training.groups, most, seed)

    @contextmanager
    def _rows(self, index: RowIndex, title: str) -> Iterator[MatrixFile]:
        with ExitStack() as stack:
            # Two bars at a time cannot be drawn: this one ends when the rows are there.
            with self.track(title, "images") as progress:
                rows = streamed_rows(self.tables.image_features, index, self.extractor.width, progress)
                matrix = stack.enter_context(rows)
            yield matrix

    def _held_out_features(self) -> np.ndarray:
        with self._rows(self.held_out, "read held-out images") as matrix:
            return matrix.whole()

    def _keep(self, totals: Totals) -> None:
        write_totals(self.places.objects, self.places.statistics, totals)


def _discriminant_or_none(statistics: ClassStatistics, candidate: Candidate) -> SklearnModel | None:
    """The daily path's model; none of images that are too few or too alike for one."""
    try:
        return discriminant(statistics, candidate)
    except NotTrainableError:
        return None
