"""What a check is, and how checks become Dagster asset checks.

A check is one function from a `Subject` to an `Outcome`, declared with `@check`; a new check is one such function in
the module of its asset.
"""

import datetime as dt
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, TypeVar

import dagster as dg
import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor
from image_assets.health.acknowledged import Acknowledgements
from image_assets.health.check_book import CheckBook, CheckStatus, Measure, OfCheck
from image_assets.markdown import code, markdown_table, plain
from image_assets.orchestration.dagster_internals import AssetCheckEvaluationTargetMaterializationData
from image_assets.orchestration.partition_ranges import keys_of_run
from image_assets.orchestration.partitions import partitions_of
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition, TableSchema, partition_of
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.workers import ordered_map

T = TypeVar("T")
ERROR, WARN = dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN
NOT_EVALUATED = "not evaluated"
"""The metadata of an evaluation that could say nothing; its value says why."""
_SAMPLE_ROWS = 10
_AT_ONCE = 2
_BATCH_ROWS = 1_000
_PICTURE = re.compile(r"!\[\w*\]\(data:image/\w+;base64,[A-Za-z0-9+/=]*\)")


@dataclass(frozen=True)
class Subject:
    """What a check looks at: a dataset in a store, its extractor, and the partition where its asset has them."""

    dataset: DatasetSpec
    store: Store
    extractors: ExtractorResource
    partition: Partition | None = None
    _shared: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def shared(self, name: str, find: Callable[[], T]) -> T:
        """What several checks look at: found for the first that asks, and kept for the others. Small things only.

        Args:
            name: Of what is found.
            find: Finds it.
        """
        if name not in self._shared:
            self._shared[name] = find()
        return self._shared[name]

    @property
    def extractor(self) -> Extractor:
        """The dataset's extractor, built when the first check asks for it."""
        return self.extractors.extractor(self.dataset)

    @property
    def checked_partition(self) -> Partition:
        """The partition, for checks of partitioned assets."""
        assert self.partition is not None
        return self.partition

    def table(self, schema: TableSchema) -> PartitionedTable:
        """A table of the dataset."""
        return self.shared(f"table {schema.name}", lambda: self.store.table(self.dataset.name, schema))

    def rows(self, schema: TableSchema) -> pl.LazyFrame:
        """The partition's rows of a table; all rows where there is no partition."""
        return self.table(schema).scan(None if self.partition is None else [self.partition])

    def rows_by_day(self, schema: TableSchema) -> dict[dt.date, int]:
        """How many rows of the partition's category a table has, by day."""
        counts = rows_per_partition(self.store, self.dataset.name, schema)
        of_category = counts.filter(pl.col("category") == self.checked_partition.category)
        return dict(of_category.select("date", "rows").iter_rows())

    def batches(self, schema: TableSchema, columns: Sequence[str], files: Snapshot) -> Iterator[pl.DataFrame]:
        """Some columns of the rows of a table's files, a thousand at a time: for what would need much memory at once.

        Raises:
            DamagedFile: a file is not as it was written.
        """
        reader = self.table(schema).files
        for file in files.written_files():
            yield from reader.frames(file.path, columns, _BATCH_ROWS)


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        passed: Whether what must hold holds.
        figures: The numbers behind it, with the threshold where there is one.
        sample: Rows that show the fault.
        advice: What to do next; shown when the check fails.
        not_evaluated: Why nothing could be said; empty where something could. It then counts neither as passed nor as
            failed, although Dagster, which knows no third state, shows it as passed.
    """

    passed: bool
    figures: dict[str, int | float | str] = field(default_factory=dict)
    sample: pl.DataFrame | None = None
    advice: str = ""
    not_evaluated: str = ""


@dataclass(frozen=True)
class Check:
    """A named check with its description in plain words; see `check` for the rest."""

    name: str
    description: str
    evaluate: Callable[[Subject], Outcome]
    severity: dg.AssetCheckSeverity
    blocking: bool
    not_blocking_because: str
    key: str
    over_time: Mapping[str, str] = field(default_factory=dict)

    def measures(self, outcome: Outcome) -> dict[str, Measure]:
        """The figures to be seen over time, as far as they were found."""
        found = {name: float(one) for name, one in outcome.figures.items() if isinstance(one, int | float)}
        kept = {name: limit for name, limit in self.over_time.items() if name in found and limit in found}
        measures = {name: Measure(found[name], found[limit]) for name, limit in kept.items()}
        return {name: one for name, one in measures.items() if math.isfinite(one.value)}


def check(
    description: str,
    *,
    severity: dg.AssetCheckSeverity = ERROR,
    not_blocking_because: str = "",
    key: str = "",
    over_time: Mapping[str, str] | None = None,
) -> Callable[[Callable[[Subject], Outcome]], Check]:
    """Make a function a check of its own name.

    The rule: an ERROR blocks, so that nothing downstream is made from data that fails, or it says why it does not. A
    WARN never blocks. Either of them that fails is told; an ERROR makes the run's exit status 1.

    Args:
        description: What holds when the check passes, in plain words.
        severity: ERROR or WARN.
        not_blocking_because: Of an ERROR that blocks nothing: why.
        key: The key of the dataset file that says how much is too much; empty where there is none.
        over_time: Figures that are kept of each day, to be seen as a line, each with that which is its limit.

    Raises:
        TypeError: a WARN that says why it does not block.
    """
    if severity is WARN and not_blocking_because:
        raise TypeError("a WARN never blocks, and need not say why")

    def declare(evaluate: Callable[[Subject], Outcome]) -> Check:
        blocking = severity is ERROR and not not_blocking_because
        kept = over_time or {}
        return Check(evaluate.__name__, description, evaluate, severity, blocking, not_blocking_because, key, kept)

    return declare


def checks_in(*modules: ModuleType) -> list[Check]:
    """The checks that modules declare, in their order."""
    return [one for module in modules for one in vars(module).values() if isinstance(one, Check)]


def asset_checks_of(
    dataset: DatasetSpec, asset: str, checks: Sequence[Check], *, partitioned: bool, besides: Sequence[str] = ()
) -> dg.AssetChecksDefinition:
    """One Dagster step that evaluates all `checks` of the asset `[dataset, asset]`.

    Args:
        dataset: Whose asset it is.
        asset: Its name.
        checks: In this order.
        partitioned: Whether the asset has partitions.
        besides: Other assets that the checks look at: a run that makes these too makes them first.
    """
    key = dg.AssetKey([dataset.name, asset])
    others = [dg.AssetKey([dataset.name, name]) for name in besides]
    partitions = partitions_of(dataset) if partitioned else None
    specs = [_spec(key, one, partitions, others) for one in checks]

    @dg.multi_asset_check(
        name=f"{dataset.name}__{asset}__checks",
        specs=specs,
    )
    def evaluate(
        context: dg.AssetCheckExecutionContext, store: StoreResource, extractors: ExtractorResource
    ) -> Iterator[Any]:
        op = context.op_execution_context
        subject = Subject(dataset, store.open(), extractors)
        names = _partition_names(op) if partitioned else [None]

        def look(partition: str | None) -> tuple[list[dg.AssetCheckResult], Exception | None]:
            one = replace(subject, partition=None if partition is None else partition_of(partition))
            return _evaluated(key, checks, one, context.run.run_id)

        # Much of looking is done without the interpreter's lock: two small partitions take little longer than one.
        targets = [_materialisation(op.instance, key, name) for name in names]
        looks = ordered_map(look, names, _AT_ONCE)
        for name, target, (results, error) in zip(names, targets, looks, strict=True):
            for spec, result in zip(specs, results, strict=False):  # fewer where one ended in the error
                if name == names[-1]:
                    yield dg.Output(None, spec.get_python_identifier())
                yield _recorded(result, spec.blocking, name, target)
            if error is not None:
                raise error

    return evaluate


def _evaluated(
    key: dg.AssetKey, checks: Sequence[Check], subject: Subject, run_id: str
) -> tuple[list[dg.AssetCheckResult], Exception | None]:
    """Evaluate the checks of an asset, or of one of its partitions, and keep what they found, up to an error."""
    # What an error keeps from being evaluated must not go on looking as it did before.
    found: dict[str, tuple[CheckStatus, str]] = {one.name: ("unfinished", "") for one in checks}
    results: list[dg.AssetCheckResult] = []
    measures: dict[str, Mapping[str, Measure]] = {}
    try:
        for one in checks:
            outcome = one.evaluate(subject)
            results.append(_result(key, one, outcome))
            measures[one.name] = {} if outcome.not_evaluated else one.measures(outcome)
            found[one.name] = _state(results[-1]), results[-1].description or ""
    except Exception as error:  # noqa: BLE001  # raised by whoever tells what was found before it
        return results, error
    finally:
        CheckBook(subject.store, subject.dataset.name).write(key.path[-1], subject.partition, found, run_id, measures)
        passed = [
            OfCheck(key.path[-1], name, subject.partition) for name, (state, _) in found.items() if state == "passed"
        ]
        Acknowledgements(subject.store, subject.dataset.name).over(passed)
    return results, None


def _partition_names(op: dg.OpExecutionContext) -> list[str]:
    return [op.partition_key] if op.has_partition_key else keys_of_run(op)


def _materialisation(
    instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The latest of an asset, or of a partition of it: what its checks are about."""
    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=None if partition is None else [partition])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None


def _recorded(
    result: dg.AssetCheckResult,
    blocking: bool,
    partition: str | None,
    target: AssetCheckEvaluationTargetMaterializationData | None,
) -> dg.AssetCheckEvaluation:
    """A result as Dagster records it.

    By itself it would look for the materialisation again for every check, and name no partition in a run of several.
    """
    assert result.asset_key is not None
    return dg.AssetCheckEvaluation(
        result.asset_key,
        str(result.check_name),
        result.passed,
        result.metadata,
        target,
        result.severity,
        result.description,
        blocking,
        partition,
    )


def _state(result: dg.AssetCheckResult) -> CheckStatus:
    if NOT_EVALUATED in (result.metadata or {}):
        return "not evaluated"
    if result.passed:
        return "passed"
    return "warned" if result.severity is WARN else "failed"


def _spec(
    key: dg.AssetKey, one: Check, partitions: dg.PartitionsDefinition | None, others: Sequence[dg.AssetKey]
) -> dg.AssetCheckSpec:
    with warnings.catch_warnings():
        # Partitioned checks are a preview in Dagster; that they do what is asked of them is tested here.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            one.name,
            asset=key,
            description=one.description,
            blocking=one.blocking,
            partitions_def=partitions,
            additional_deps=others,
        )


def _result(key: dg.AssetKey, one: Check, outcome: Outcome) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue | float | str] = dict(outcome.figures)
    if not outcome.passed and outcome.advice:
        metadata["what to do"] = outcome.advice
    if outcome.not_evaluated:
        metadata[NOT_EVALUATED] = outcome.not_evaluated
    if outcome.sample is not None and not outcome.sample.is_empty():
        metadata["sample"] = dg.MetadataValue.md(sample_table(outcome.sample.head(_SAMPLE_ROWS)))
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=one.name,
        passed=outcome.passed,
        severity=one.severity,
        metadata=metadata,
        description=_said(one, outcome),
    )


def _said(one: Check, outcome: Outcome) -> str | None:
    """What Dagster's UI shows as Markdown; advice may hold names of files, which are what others called them."""
    if outcome.not_evaluated:
        return plain(f"{NOT_EVALUATED}: {outcome.not_evaluated}")
    return None if outcome.passed else plain(outcome.advice or one.description)


def sample_table(rows: pl.DataFrame) -> str:
    """Rows as a Markdown table; text, which may be what others called their files, is in the type of code.

    A picture that needs no other file is shown.
    """

    def cell(value: object) -> object:
        return code(value) if isinstance(value, str) and not _PICTURE.fullmatch(value) else value

    return markdown_table(rows.columns, ([*map(cell, row)] for row in rows.iter_rows()))
