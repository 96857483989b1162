"""Running a day from the command line, through a real Dagster instance, as the schedule would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import dagster as dg

from image_assets.asset_checks import check_keys, checks_of
from image_assets.asset_checks.raw_images import duplicates_have_an_original, without_original
from image_assets.dataset import DatasetSpec
from image_assets.errors import UsageError
from image_assets.health.day_result import DayResult
from image_assets.health.never_made import never_made
from image_assets.ingest.ending_images import EndingImages
from image_assets.memory import what_is_there_left_alone
from image_assets.orchestration.automation import daily_job_name, publish_job_name, refresh_job_name
from image_assets.orchestration.partitions import partitioned
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.schema import DUPLICATES, RAW_IMAGES, Partition, partition_of

# Of many small partitions, Dagster's part of a run takes longer than the work. Where there are no more than the few,
# each has a run of its own; otherwise at most so many share one, as what one of them stops is made of none of them.
# Every stage has then seen all of them before the next begins, so that no image is published whose category another
# of them puts into doubt.
_FEW = 12
_TOGETHER = 25


@what_is_there_left_alone()
def run_day(
    jobs: JobRunner,
    dataset: DatasetSpec,
    partitions: Sequence[Partition],
    *,
    assets: Sequence[dg.AssetKey] | None = None,
    refresh: bool = True,
    tags: Mapping[str, str] | None = None,
) -> DayResult:
    """Materialise the partitions in their order, then, unless told not to, what is made of the whole dataset.

    A copy of an image that was lost with its original is loaded in its place, by a second run of the copy's partition
    where that came first. What is shown to be published with images whose category is in doubt is published anew. The
    whole dataset's part is left alone where a partition did not come through: it would be made from data that is not
    sound.

    Args:
        jobs: Runs the dataset's jobs.
        dataset: Whose day it is.
        partitions: To be run, in this order.
        assets: Those of a partition's that are to be made; all where not given.
        refresh: Whether to go on to what is made of the whole dataset.
        tags: Of the runs of partitions; `ALLOW_LOSS_TAG` and `VERIFY_TAG` are what loading asks for.

    Raises:
        KeyboardInterrupt: Ctrl-C; what was committed stays, and the next run finds the finished units.
    """
    result = DayResult()

    def load(these: Sequence[Partition]) -> None:
        for some in sharing_runs(dataset, these):
            result.add(_run_some(jobs, dataset, some, assets, tags))

    load(partitions)
    name = duplicates_have_an_original.name
    if lost := [one.partition for one in result.checks if one.check == name and not one.passed and one.partition]:
        load(_holding_lost_copies(jobs.definitions, dataset, partitions))
        _check_originals_again(jobs, dataset, lost, result)
    if refresh and result.sound:
        for key in jobs.run(jobs.job(refresh_job_name(dataset)), [], result):
            # With it goes the check of what is published, which has just warned of what is mended here.
            jobs.run(jobs.job(publish_job_name(dataset)), [partition_of(key)], result)
        result.refreshed = not result.errors
    result.checks = list({str(check): check for check in result.checks}.values())
    return result


@what_is_there_left_alone()
def check_day(jobs: JobRunner, dataset: DatasetSpec, partitions: Sequence[Partition]) -> DayResult:
    """Evaluate all checks of partitions and of the whole dataset on what the store holds; nothing is loaded or made.

    What was never made of a partition is left out, and told.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    result = DayResult()
    specs = [spec for layer in checks_of(dataset) for spec in layer.check_specs]
    of_partitions = {spec.key for spec in specs if spec.partitions_def is not None}
    assets = {key.asset_key.path[-1] for key in of_partitions}
    without = never_made((jobs.definitions.resources or {})["store"].open(), dataset, partitions, assets)
    for partition in partitions:
        not_made = without.get(partition, set())
        jobs.run(
            _checks_alone(jobs, {key for key in of_partitions if key.asset_key.path[-1] not in not_made}),
            [partition],
            result,
        )
        if not_made:
            named = ", ".join(sorted(not_made))
            result.warnings.append(f"{partition}: never made, so that there is nothing to be looked at: {named}")
    jobs.run(_checks_alone(jobs, {spec.key for spec in specs} - of_partitions), [], result)
    return result


def _checks_alone(jobs: JobRunner, keys: AbstractSet[dg.AssetCheckKey]) -> dg.JobDefinition:
    return jobs.definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=keys)


def sharing_runs(dataset: DatasetSpec, partitions: Sequence[Partition]) -> list[list[Partition]]:
    """The partitions in their order, those that share a run together: neighbours among the categories of a day."""
    places = {category: place for place, category in enumerate(dataset.categories)}
    runs: list[list[Partition]] = []
    for one in partitions:
        before = runs[-1][-1] if runs else None
        follows = before is not None and (one.date, places[one.category]) == (before.date, places[before.category] + 1)
        if follows and len(partitions) > _FEW and len(runs[-1]) < _TOGETHER:
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _run_some(
    jobs: JobRunner,
    dataset: DatasetSpec,
    partitions: Sequence[Partition],
    assets: Sequence[dg.AssetKey] | None,
    tags: Mapping[str, str] | None,
) -> DayResult:
    """Run partitions together, and each alone where they do not come through: one must not hold up the others."""
    result = DayResult()
    if len(partitions) > 1:
        jobs.run(jobs.job(daily_job_name(dataset)), partitions, result, assets, tags)
        if result.sound:
            # In the order in which they come when each is run alone.
            result.checks.sort(key=lambda check: partitions.index(check.partition) if check.partition else -1)
            return result
        result.checks, result.errors = [], []
    for partition in partitions:
        result.add(_run_alone(jobs, dataset, partition, assets, tags))
    return result


def _run_alone(
    jobs: JobRunner,
    dataset: DatasetSpec,
    partition: Partition,
    assets: Sequence[dg.AssetKey] | None,
    tags: Mapping[str, str] | None,
) -> DayResult:
    """Run a partition, and again where images were found to end the making of features: loading then refuses them."""
    job = jobs.job(daily_job_name(dataset))
    ending = EndingImages((jobs.definitions.resources or {})["store"].open(), dataset.name)
    while True:
        result, known = DayResult(), set(ending.names())
        jobs.run(job, [partition], result, assets, tags)
        if not result.errors or set(ending.names()) <= known:
            return result


def _holding_lost_copies(
    definitions: dg.Definitions, dataset: DatasetSpec, partitions: Sequence[Partition]
) -> list[Partition]:
    """The partitions that hold a copy of an image which was lost with its original, in their order.

    A file that was moved to another category is such a copy where that category is run before the one it was in.
    """
    store = (definitions.resources or {})["store"].open()
    copies = without_original(store, dataset.name, store.table(dataset.name, DUPLICATES).scan(partitions).collect())
    holding = set(copies.select("date", "category").iter_rows())
    return [one for one in partitions if (one.date, one.category) in holding]


def _check_originals_again(
    jobs: JobRunner, dataset: DatasetSpec, partitions: Sequence[Partition], result: DayResult
) -> None:
    """Look again at partitions that images were lost from with their original, now that others have loaded a copy."""
    keys = {key for key in check_keys(checks_of(dataset)) if key.asset_key.path[-1] == RAW_IMAGES.name}
    for partition in partitions:
        jobs.run(_checks_alone(jobs, keys), [partition], result)


def needed_for(
    until: str | None, dataset: DatasetSpec, definitions: dg.Definitions, since: str | None = None
) -> list[dg.AssetKey] | None:
    """A partition's assets up to one of them, and from another one on; None, for all, where neither is said.

    Raises:
        UsageError: a partition has no such asset, or nothing lies between the two.
    """
    if since is None:
        return _bounded(until, dataset, definitions, before=True) if until else None
    after = _bounded(since, dataset, definitions, before=False)
    if until is None:
        return after
    between = sorted({*after} & {*_bounded(until, dataset, definitions, before=True)})
    if not between:
        raise UsageError(f"{until} is made before {since}, so that nothing would be made")
    return between


def _bounded(asset: str, dataset: DatasetSpec, definitions: dg.Definitions, *, before: bool) -> list[dg.AssetKey]:
    """A partition's asset with all that it is made of, or with all that is made of it."""
    in_order = [key for key in partitioned(definitions.assets or ()) if key.path[0] == dataset.name]
    of_partitions, graph = set(in_order), definitions.resolve_asset_graph()
    key = dg.AssetKey([dataset.name, asset])
    if key not in of_partitions:
        names = ", ".join(one.path[-1] for one in in_order)
        raise UsageError(f"dataset {dataset.name} makes no {asset!r} of a day; it makes {names}")
    chosen = dg.AssetSelection.assets(key)
    needed = (chosen.upstream() if before else chosen.downstream()).resolve(graph)
    # An asset that is made together with others brings them with it.
    together = {other for one in needed & of_partitions for other in graph.get(one).assets_def.keys}
    return sorted(of_partitions & together)
