"""What must hold of a selection by annotations: every step adds up, no image twice, and their files are there."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.ingest.annotated.selection_sql import Step
from image_assets.schema import IMAGE_LABELS, LABEL_SELECTION, SELECTED_IMAGES
from image_assets.settings.annotated import AnnotatedSection
from image_assets.wording import some

# What is on the left is split into what is on the right.
_SUMS = (
    (Step.READ, (Step.KNOWN, Step.UNKNOWN)),
    (Step.KNOWN, (Step.CHOSEN, Step.OTHER_SOURCES)),
    (Step.CHOSEN, (Step.WANTED, Step.UNWANTED)),
    (Step.WANTED, (Step.POSITIVE, Step.NEGATIVE, Step.UNSURE, Step.INVALID)),
    (Step.INVALID, (Step.NO_IMAGE, Step.NO_CONFIDENCE)),
    (Step.DISTINCT_IMAGES, (Step.OF_ONE, Step.OF_SEVERAL)),
    (Step.DISTINCT_IMAGES, (Step.SELECTED, Step.DROPPED)),
    (Step.SELECTED, (Step.WITH_FILE, Step.WITHOUT_FILE)),
)


@check("Every row of labels and every image is accounted for at every step of the selection.")
def steps_add_up(subject: Subject) -> Outcome:
    """Each step's count = the sum of what it is split into."""
    counts = dict(subject.rows(LABEL_SELECTION).group_by("step").agg(pl.col("rows").sum()).collect().iter_rows())
    lines = [
        (str(whole), counts.get(whole, 0), " + ".join(parts), sum(counts.get(part, 0) for part in parts))
        for whole, parts in _SUMS
    ]
    rows = pl.DataFrame(lines, schema=["step", "rows", "split into", "rows there"], orient="row")
    faulty = rows.filter(pl.col("rows") != pl.col("rows there"))
    return Outcome(
        passed=faulty.is_empty() and counts.get(Step.READ, 0) > 0,
        figures={str(step): counts.get(step, 0) for step in (Step.READ, Step.POSITIVE, Step.SELECTED, Step.DROPPED)},
        sample=faulty,
        advice="Rows were lost or counted twice, or there are none. Look whether the annotation files are whole, and "
        "materialise label_selection again.",
    )


@check("Every selected image is there once, under a category of the dataset, as often as the steps say.")
def images_selected_once(subject: Subject) -> Outcome:
    """No key twice; the categories' counts agree with those of label_selection."""
    images = subject.rows(SELECTED_IMAGES).select("image_key", "category").collect()
    twice = images.filter(pl.col("image_key").is_duplicated())
    unknown = images.filter(pl.col("category").is_in(list(subject.dataset.categories)).not_().fill_null(False))
    steps = subject.rows(LABEL_SELECTION).filter(pl.col("step") == str(Step.SELECTED)).collect()
    counted = dict(images.drop_nulls().group_by("category").len().iter_rows())
    wrong = [part for part, rows in steps.select("part", "rows").iter_rows() if counted.get(part, 0) != rows]
    return Outcome(
        passed=twice.is_empty() and unknown.is_empty() and not wrong,
        figures={
            "images": images.height,
            "twice": twice.height,
            "of no category of the dataset": unknown.height,
            "counted otherwise": ", ".join(wrong) or "none",
        },
        sample=twice if unknown.is_empty() else unknown,
        advice="Materialise label_selection again; if it stays, a table was changed by hand.",
    )


@check("The selected images have files; few are missing.", severity=WARN, key="source.missing_share")
def selected_images_have_files(subject: Subject) -> Outcome:
    """Selected images without a file ÷ selected images against `source.missing_share`."""
    source = subject.dataset.source
    limit = source.missing_share if isinstance(source, AnnotatedSection) else 0.0
    selected = subject.rows(SELECTED_IMAGES).filter(pl.col("category").is_not_null())
    missing = selected.filter(pl.col("files") == 0).select("image_key", "category", "annotation_file").collect()
    number = selected.select(pl.len()).collect().item()
    share = missing.height / number if number else 0.0
    return Outcome(
        passed=share <= limit,
        figures={"share": round(share, 4), "limit": limit, "without a file": missing.height, "selected": number},
        sample=missing.sort("image_key"),
        advice="Their files never arrived: fetch them and land them under a day, or, where they are not to come, raise "
        "missing_share in the source section.",
    )


@check(
    "Every loaded image is one that the annotations still select, under the category that it is loaded under.",
    severity=WARN,
)
def loaded_images_are_selected(subject: Subject) -> Outcome:
    """The images that labels were joined to when their day was run, against the selection as it is now."""
    loaded = subject.rows(IMAGE_LABELS).select("image_key", "image_id", "date", "category").unique()
    now = subject.rows(SELECTED_IMAGES).select("image_key", selected="category")
    joined = loaded.join(now, on="image_key", how="left").collect()
    others = joined.filter(pl.col("selected").ne_missing(pl.col("category")))
    days = some(others["date"].unique().sort(), 3)
    gone = others["selected"].null_count()
    return Outcome(
        passed=others.is_empty(),
        figures={"images": joined.height, "selected no more": gone, "otherwise": others.height - gone},
        sample=others.sort("date", "category", "image_key"),
        advice=f"{others.height:,} images of {days} are loaded, and the annotations select them no more, or under "
        "another category. Is the annotation file whole? Else put the whole one back; if it is, run these days again, "
        "with --allow-loss where most of a day is to go.",
    )


@check(
    "Every row of labels can be used: it has a category that is listed, an image, and a confidence from 0 to 1.",
    severity=WARN,
)
def label_rows_can_be_used(subject: Subject) -> Outcome:
    """Rows of labels that were refused, by annotation file and reason."""
    refused = [str(Step.NO_CATEGORY), str(Step.NO_IMAGE), str(Step.NO_CONFIDENCE)]
    rows = subject.rows(LABEL_SELECTION).filter(pl.col("step").is_in(refused)).collect()
    counts = {step: int(rows.filter(pl.col("step") == step)["rows"].sum()) for step in refused}
    files = ", ".join(f"{part}: {count:,}" for _, part, count in rows.select("step", "part", "rows").iter_rows())
    return Outcome(
        passed=not sum(counts.values()),
        figures={"rows refused": sum(counts.values()), **counts},
        sample=rows.select("part", "step", "rows"),
        advice="Rows of labels were left out, and images with them, as their category or their image is not in the "
        f"file, or their confidence is no number from 0 to 1: {files}. Export the annotations anew; percent are read "
        "as such only where a whole file has them.",
    )


@check(
    "In every annotation file some labels of a category reach the confidence.", severity=WARN, key="source.confidence"
)
def files_reach_the_confidence(subject: Subject) -> Outcome:
    """Rows of labels in files of which none counts, as all are below `source.confidence`, by file."""
    source = subject.dataset.source
    limit = source.confidence if isinstance(source, AnnotatedSection) else 1.0
    rows = subject.rows(LABEL_SELECTION).filter(pl.col("step") == str(Step.NONE_SURE)).collect()
    files = ", ".join(f"{part}: {count:,}" for part, count in rows.select("part", "rows").iter_rows())
    return Outcome(
        passed=rows.is_empty(),
        figures={"confidence": limit, "files": rows.height, "rows": int(rows["rows"].sum())},
        sample=rows.select("part", "rows"),
        advice=f"No label of these files counts, as the confidence of each is below {limit:g}: {files}. If they are "
        "what a model found, lower `confidence` in the source section to what it may be believed from, and run the "
        "days again; if they are not to count, take them out of the folder of annotations.",
    )


@check("Every image that the annotations name is one picture, on whatever day its file came.", severity=WARN)
def names_are_of_one_picture(subject: Subject) -> Outcome:
    """Loaded images whose files answer to the name of one image of the annotations, by their content."""
    rows = subject.rows(IMAGE_LABELS).select("image_key", "image_id", "date", "category").unique()
    pictures = rows.group_by("image_key").agg(
        pl.col("image_id").n_unique().alias("pictures"),
        pl.col("date").min().alias("first"),
        pl.col("date").max().alias("last"),
    )
    several = pictures.filter(pl.col("pictures") > 1).sort("image_key").collect()
    return Outcome(
        passed=several.is_empty(),
        figures={"names": several.height},
        sample=several,
        advice="Different pictures came under one name, and all have its labels; those of all but one may be wrong. "
        "Give each picture a name of its own, in the files and in the annotations, and run the days again.",
    )
