"""What must hold of boxes and chips: of loaded images only, none lost, none twice, each of its box's size."""

import polars as pl

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.asset_checks.raw_images import unaccounted
from image_assets.boxes.crop import BoxFlaw
from image_assets.schema import BOX_QUARANTINE, IMAGE_BOXES, IMAGE_CHIPS, IMAGE_LABELS, RAW_IMAGES, TableSchema

_BOX = ("image_id", "box")
_LIMIT = "limits.quarantine_rate"


def _without_image(subject: Subject, schema: TableSchema, key: tuple[str, ...]) -> Outcome:
    images = subject.rows(RAW_IMAGES).select("image_id")
    rows = subject.rows(schema).select("image_id", *key)
    strange = rows.join(images, on="image_id", how="anti").unique().sort("image_id", *key).collect()
    nameless = subject.rows(schema).filter(pl.col("label_name") == "").select(pl.len()).collect().item()
    return Outcome(
        passed=strange.is_empty() and nameless == 0,
        figures={
            "rows": rows.select(pl.len()).collect().item(),
            "of images that are not loaded": strange.height,
            "without a label": nameless,
        },
        sample=strange,
        advice=f"Materialise {schema.name} of this partition again; rows without a label come from the annotation "
        "files: fetch those anew.",
    )


@check("Every label is of an image that is loaded in this partition, and has a name.")
def labels_have_an_image(subject: Subject) -> Outcome:
    """No label of an image that is not here."""
    return _without_image(subject, IMAGE_LABELS, ("label_code",))


@check("Every box is of an image that is loaded in this partition, and has a label.")
def boxes_have_an_image(subject: Subject) -> Outcome:
    """No box of an image that is not here."""
    return _without_image(subject, IMAGE_BOXES, ("box",))


@check("Every box is a chip or in quarantine with a reason, and just one of these.")
def every_box_accounted_for(subject: Subject) -> Outcome:
    """Boxes = chips + quarantined, box by box."""
    boxes = subject.rows(IMAGE_BOXES).select(_BOX).collect()
    parts = {"chips": subject.rows(IMAGE_CHIPS), "quarantined": subject.rows(BOX_QUARANTINE)}
    faulty, counts = unaccounted(boxes, parts, [*_BOX])
    return Outcome(
        passed=faulty.is_empty(),
        figures={"boxes": boxes.height, **counts, "unaccounted": faulty.height},
        sample=faulty,
        advice="Materialise image_boxes and image_chips of this partition again.",
    )


@check("Every chip has an id of its own.")
def chip_ids_unique(subject: Subject) -> Outcome:
    """No chip id twice within the partition."""
    chips = subject.rows(IMAGE_CHIPS).select("chip_id", *_BOX).collect()
    twice = chips.filter(pl.col("chip_id").is_duplicated())
    return Outcome(
        passed=twice.is_empty(),
        figures={"chips": chips.height, "ids twice": twice["chip_id"].n_unique()},
        sample=twice.sort("chip_id"),
        advice="Materialise image_chips of this partition again.",
    )


@check("Every chip is a PNG of the size of its box, and its box lies within its image.")
def chips_have_their_size(subject: Subject) -> Outcome:
    """Width and height as the PNG says = right - left, lower - upper; 0 ≤ left < right ≤ width of the image."""
    sizes = subject.rows(RAW_IMAGES).select("image_id", "width", "height")
    content = pl.col("content")
    # The first chunk of a PNG: width and height, big-endian, from byte 16.
    chips = (
        subject.rows(IMAGE_CHIPS)
        .select(
            "chip_id",
            "image_id",
            "left",
            "upper",
            "right",
            "lower",
            signature=content.bin.slice(0, 8) == b"\x89PNG\r\n\x1a\n",
            png_width=content.bin.slice(16, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big"),
            png_height=content.bin.slice(20, 4).bin.reinterpret(dtype=pl.UInt32, endianness="big"),
        )
        .join(sizes, on="image_id", how="left")
        .collect()
    )
    sound = (
        pl.col("signature")
        & (pl.col("png_width") == pl.col("right") - pl.col("left"))
        & (pl.col("png_height") == pl.col("lower") - pl.col("upper"))
        & (pl.col("left") >= 0)
        & (pl.col("upper") >= 0)
        & (pl.col("right") <= pl.col("width"))
        & (pl.col("lower") <= pl.col("height"))
    )
    faulty = chips.filter(~sound.fill_null(False)).drop("signature")
    return Outcome(
        passed=faulty.is_empty(),
        figures={"chips": chips.height, "of another size": faulty.height},
        sample=faulty.sort("chip_id"),
        advice="Materialise image_chips of this partition again.",
    )


@check("Every box was drawn on the picture as it was loaded: of its orientation, and of its shape.", severity=WARN)
def boxes_fit_their_picture(subject: Subject) -> Outcome:
    """Boxes in quarantine for the orientation or the size that the annotations give their image."""
    flaws = [str(BoxFlaw.ORIENTATION), str(BoxFlaw.OTHER_SIZE)]
    refused = subject.rows(BOX_QUARANTINE).filter(pl.col("reason").is_in(flaws))
    rows = refused.select(*_BOX, "reason", "detail").sort(_BOX).collect()
    counts = {f"of these {flaw}": rows.filter(pl.col("reason") == flaw).height for flaw in flaws}
    return Outcome(
        passed=rows.is_empty(),
        figures={"boxes": rows.height, "images": rows["image_id"].n_unique(), **counts},
        sample=rows,
        advice=f"{rows.height} boxes of {rows['image_id'].n_unique()} images were drawn on a picture of another "
        "orientation or shape than the file has, and no chips are cut by them: see box_quarantine. Turn the pictures "
        "upright and export their annotations anew, or land the files that were annotated.",
    )


@check("Few boxes lie beyond their picture, are empty, or have a side that is no number.", severity=WARN, key=_LIMIT)
def few_boxes_refused(subject: Subject) -> Outcome:
    """Boxes in quarantine for their sides ÷ boxes against `limits.quarantine_rate`; a repeated one is no loss."""
    flaws = [str(flaw) for flaw in (BoxFlaw.NOT_FINITE, BoxFlaw.OUTSIDE, BoxFlaw.EMPTY)]
    refused = subject.rows(BOX_QUARANTINE).filter(pl.col("reason").is_in(flaws))
    rows = refused.select(*_BOX, "reason", "detail").sort(_BOX).collect()
    boxes = subject.rows(IMAGE_BOXES).select(pl.len()).collect().item()
    rate, limit = rows.height / boxes if boxes else 0.0, subject.dataset.limits.quarantine_rate
    counts = {f"of these {flaw}": rows.filter(pl.col("reason") == flaw).height for flaw in flaws}
    return Outcome(
        passed=rate <= limit,
        figures={"rate": round(rate, 4), "limit": limit, "boxes": boxes, "refused": rows.height, **counts},
        sample=rows,
        advice=f"{rows.height} of {boxes} boxes are in box_quarantine, and no chips are cut by them. Look at the "
        "sides: Open Images gives fractions of the picture, COCO [x, y, width, height] in pixels and the picture's "
        "size. Where the annotations give something else, such as corners, export them anew.",
    )


@check("Where images are loaded, some of them have a box.", severity=WARN)
def loaded_images_have_boxes(subject: Subject) -> Outcome:
    """Boxes of the loaded images; a partition without any would else be green, with a table of chips that is empty."""
    images = subject.rows(RAW_IMAGES).select(pl.len()).collect().item()
    boxes = subject.rows(IMAGE_BOXES).select("image_id").collect()
    return Outcome(
        passed=images == 0 or boxes.height > 0,
        figures={"images": images, "boxes": boxes.height, "images with a box": boxes["image_id"].n_unique()},
        advice=f"None of the {images:,} loaded images has a box, so there are no chips. Is the file of boxes that of "
        "these images? COCO's boxes are the `bbox` of annotations: outlines in `segmentation` are not read. Where the "
        "annotations have none, say so with with_boxes: false in the source section.",
        not_evaluated="" if images else "no image is loaded",
    )
