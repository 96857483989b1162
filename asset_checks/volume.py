"""What is usual of a category's arrivals: about as many files as on other days, and no day without any."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

import polars as pl

from image_assets.asset_checks.check import ERROR, WARN, Check, Outcome, Subject, check
from image_assets.dataset import DatasetSpec
from image_assets.health.volume import Trend, expected_volume, may_be_empty, missing_days, volume_trend
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.schema import ARRIVALS, COMPANIONS, DUPLICATES, RAW_IMAGES, Partition
from image_assets.settings.annotated import AnnotatedSection
from image_assets.wording import some

_UNPLACED = {"name": pl.String, "nearest": pl.String}


@check("About as many files arrived as usual in this category.", severity=WARN, key="volume.factor")
def usual_volume(subject: Subject) -> Outcome:
    """Listed files against the median of the days before, and the last week's against the first days' median.

    A day without any file is the matter of `no_day_missing`.
    """
    day, spec = subject.checked_partition.date, subject.dataset.volume
    counts = subject.rows_by_day(ARRIVALS)
    files = counts.get(day, 0)
    usual, trend = expected_volume(counts, day, spec), volume_trend(counts, day, spec)
    odd_day = files > 0 and not usual.is_usual(files)
    changed = trend is not None and trend.changed and files > 0
    figures: dict[str, int | float | str] = {"files": files, "days compared with": usual.days}
    if usual.days:
        figures |= {"usual": round(usual.median, 1), "unusual at and below": round(usual.below, 1)}
        figures |= {"unusual at and above": round(usual.above, 1)}
        figures |= {"compared with": day.strftime("%As") if usual.weekday else "all days"}
    if trend is not None:
        figures |= {"last days": round(trend.latest, 1), "first days": round(trend.first, 1)}
        figures |= {"first days since": str(trend.since), "factor": spec.factor}
    said = [_odd_day_advice(files > usual.median)] if odd_day else []
    said += [_trend_advice(trend)] if trend is not None and changed else []
    too_few = f"fewer than {spec.min_days} days to compare with (volume.min_days)"
    return Outcome(
        passed=not said,
        figures=figures,
        sample=_latest(counts, day),
        advice=" ".join(said),
        not_evaluated="" if usual.days or trend is not None else too_few,
    )


def _odd_day_advice(is_more: bool) -> str:
    return (
        f"Much {'more' if is_more else 'less'} arrived than usual: ask the supplier whether the delivery is whole and "
        "of this category. If days differ that much by nature, raise volume.factor."
    )


def _trend_advice(trend: Trend) -> str:
    return (
        f"What arrives has come from {trend.first:,.0f} files a day in the days from {trend.since} on to "
        f"{trend.latest:,.0f} in the last ones, little by little: ask the supplier. If this is the new normal, set "
        "volume.reference_from to its first day."
    )


@check(
    "There is no day before without any file on which this category would normally have some.",
    severity=WARN,
    key="volume.window_days",
)
def no_day_missing(subject: Subject) -> Outcome:
    """Days of the window before this one on which nothing arrived although it normally does, and why that is."""
    partition, spec = subject.checked_partition, subject.dataset.volume
    counts = subject.rows_by_day(ARRIVALS)
    missing = [day for day in missing_days(counts, partition.date, spec) if day < partition.date]
    states = _states(subject, missing)
    figures: dict[str, int | float | str] = {"missing": len(missing), "days looked at": spec.window_days}
    figures |= {state: ", ".join(map(str, days)) for state, days in states.items() if days}
    why = {day: state for state, days in states.items() for day in days}
    return Outcome(
        passed=not missing,
        figures=figures,
        sample=pl.DataFrame(
            {"day": missing, "category": [partition.category] * len(missing), "why": [why[day] for day in missing]}
        ),
        advice=_advice(partition.category, states),
    )


@check("Something arrived on this day, in a category that normally has some.", severity=WARN, key="volume.empty_day")
def day_is_not_empty(subject: Subject) -> Outcome:
    """A day with nothing listed, unless the category normally has nothing on such days, or never had in many runs."""
    partition, spec = subject.checked_partition, subject.dataset.volume
    counts = subject.rows_by_day(ARRIVALS)
    files = counts.get(partition.date, 0) - subject.rows(COMPANIONS).select(pl.len()).collect().item()
    window = [partition.date - dt.timedelta(days=number + 1) for number in range(spec.window_days)]
    before = [run for run in _runs_by_day(subject, window).values() if run.listed is not None]
    usual = may_be_empty(counts, partition.date, spec, len(before)) or partition.category in spec.may_be_empty
    run = _runs_by_day(subject, [partition.date]).get(partition.date)
    elsewhere = run.unplaced_files if run else 0
    figures = {"files": files, "in no category": elsewhere, "days run before": len(before)}
    return Outcome(passed=files > 0 or usual, figures=figures, advice=_nothing_arrived(subject, elsewhere))


def _nothing_arrived(subject: Subject, elsewhere: int) -> str:
    """What to do about a day without a file of the category, of which `elsewhere` files came in no category at all."""
    partition, source = subject.checked_partition, subject.dataset.source
    where = "look at the folder's name in the landing zone"
    if isinstance(source, AnnotatedSection):
        where = "look whether the annotation files are those of this delivery, and at the counts of label_selection"
    came = f", though {elsewhere:,} {'file' if elsewhere == 1 else 'files'} came in no category" if elsewhere else ""
    return (
        f"Nothing arrived for {partition.category} on {partition.date}{came}: {where}, or ask the supplier, then run "
        "the day again. Of a category that need not have files on every day, say so in volume.may_be_empty."
    )


@check(
    "What arrived on this day is not all loaded already, nor so much of it that few images are new for this category.",
    severity=WARN,
    key="volume.may_be_empty",
)
def something_is_new(subject: Subject) -> Outcome:
    """A day of copies of which no image was loaded, or unusually few that would be usual were the copies new.

    A day without any file is the matter of `day_is_not_empty`, one with few files that of `usual_volume`.
    """
    partition, spec = subject.checked_partition, subject.dataset.volume
    loaded = subject.rows(RAW_IMAGES).select(pl.len()).collect().item()
    copies = subject.rows(DUPLICATES).select("original_date", "original_category").collect()
    originals = copies.group_by("original_date", "original_category").len("files")
    days = sorted(set(copies["original_date"]))
    usual = expected_volume(subject.rows_by_day(RAW_IMAGES), partition.date, spec)
    few = 0 < loaded <= usual.below < loaded + copies.height
    figures: dict[str, int | float | str] = {"loaded": loaded, "copies": copies.height}
    if usual.days:
        figures |= {"usually loaded": round(usual.median, 1), "unusual at and below": round(usual.below, 1)}
    many = f"{copies.height:,} of {loaded + copies.height:,}" if loaded else f"All {copies.height:,}"
    return Outcome(
        passed=copies.is_empty() or partition.category in spec.may_be_empty or (loaded > 0 and not few),
        figures=figures,
        sample=originals.sort("original_date", "original_category"),
        advice=f"{many} images of {partition.category} on {partition.date} are copies of what is loaded "
        f"under {some(days, 3)}, so {'little' if loaded else 'nothing'} new came: ask the supplier whether an old "
        "delivery was sent again, or whether whatever copies the files still runs. Of a category that need not have "
        "new ones on every day, say so in volume.may_be_empty.",
    )


@check("Everything that arrived on this day lies in a category of the dataset.", severity=WARN)
def all_is_in_a_category(subject: Subject) -> Outcome:
    """Names that are no categories; each is told once a day, in the category whose name is nearest."""
    day, names = subject.checked_partition.date, list(subject.dataset.categories)
    run = _runs_by_day(subject, [day]).get(day)
    here = {one: _nearest(one, names) for one in (run.unplaced if run else ())}
    told = [one for one, near in here.items() if (near or names[0]) == subject.checked_partition.category]
    said = ", ".join(f"{one} (did you mean {here[one]}?)" if here[one] else one for one in told)
    return Outcome(
        passed=not told,
        figures={"names": len(told)},
        sample=pl.DataFrame({"name": told, "nearest": [here[one] or "" for one in told]}, schema=_UNPLACED),
        advice=f"On {day} this arrived in no category and is not loaded: {said}. Rename the folders or add the "
        "categories to the dataset file, put files into a category's folder, and run the day again.",
    )


def _nearest(name: str, categories: Sequence[str]) -> str | None:
    folded = {one.lower(): one for one in categories}
    return next((folded[one] for one in get_close_matches(name.lower(), folded, n=1)), None)


def _states(subject: Subject, days: Sequence[dt.date]) -> dict[str, list[dt.date]]:
    """Days without files by what is known of their runs: each state wants something else of somebody."""
    runs = _runs_by_day(subject, days)
    states: dict[str, list[dt.date]] = {"not run": [], "run and failed": [], "run and empty": []}
    for day in days:
        run = runs.get(day)
        states["not run" if run is None else "run and failed" if run.listed is None else "run and empty"].append(day)
    return states


def _advice(category: str, states: Mapping[str, Sequence[dt.date]]) -> str:
    said = {
        "not run": f"{category} was never run on {{}}: run these days with `image-assets run --day`; "
        "`image-assets status` says whether files lie there.",
        "run and failed": f"The run of {category} failed on {{}}: look at its error, mend the cause and run these days "
        "again.",
        "run and empty": f"Nothing had arrived for {category} on {{}} when it was run: ask the supplier, then run "
        "these days again.",
    }
    return " ".join(said[state].format(", ".join(map(str, days))) for state, days in states.items() if days)


def _runs_by_day(subject: Subject, days: Sequence[dt.date]) -> dict[dt.date, DayRun]:
    book, category = DayBook(subject.store, subject.dataset.name), subject.checked_partition.category
    runs = {day: book.run_of(Partition(day, category)) for day in days}
    return {day: run for day, run in runs.items() if run is not None}


def _latest(counts: dict[dt.date, int], day: dt.date) -> pl.DataFrame:
    days = sorted((one for one in counts if one <= day), reverse=True)
    return pl.DataFrame(
        {"day": days, "files": [counts[one] for one in days]}, schema={"day": pl.Date, "files": pl.Int64}
    )


def as_wanted(one: Check, dataset: DatasetSpec) -> Check:
    """A check as the dataset wants it: an empty day is an ERROR, and blocks, where its file says so."""
    if one.name != day_is_not_empty.name or dataset.volume.empty_day == "warn":
        return one
    return replace(one, severity=ERROR, blocking=True)
