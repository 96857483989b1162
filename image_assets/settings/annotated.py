"""Sources whose annotation files decide an image's category: Open Images, and JSON of COCO's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from image_assets.settings.arrivals import ArrivalsWithArchives
from image_assets.settings.section import Name

Several = Literal["drop", "own_category", "multi_label"]
Label = Annotated[str, Field(min_length=1)]


class AnnotatedSection(ArrivalsWithArchives):
    """What such sources have in common: images anywhere below `LANDING/<day>/`, annotations beside the days."""

    lists_all_labels: ClassVar[bool] = False
    """Whether a label that the annotations have and do not list is a mistake in them."""

    annotations: str | None = Field(
        default=None, description="Local folder of the annotation files, at any depth; default: `LANDING/annotations`."
    )
    categories_from: dict[Name, Annotated[tuple[Label, ...], Field(min_length=1)]] = Field(
        min_length=1, description="Category → labels whose images it takes, each by its name or its code."
    )
    confidence: float = Field(
        default=1.0, gt=0, le=1, description="Confidence (COCO: `score`) from which a label counts; 0 is negative."
    )
    absent_labels: Literal["error", "ignore"] = Field(
        default="error",
        description="What a label that the annotations do not know is; a category of which none is known is an error.",
    )
    several: Several = Field(
        default="drop",
        description="Where an image with labels of several categories goes: nowhere, into `several_category`, or into "
        "the first of its categories in the order of `categories_from`, all of its labels kept in `selected_images`.",
    )
    several_category: Name | None = Field(
        default=None, description="Category of images of several categories, for `several: own_category`."
    )
    with_boxes: bool = Field(
        default=True, description="Whether the annotations have boxes, to be cut out: image_boxes and image_chips."
    )
    boxes_of: Literal["selected", "all"] = Field(
        default="selected", description="Which boxes of a loaded image: of the categories' labels, or of all labels."
    )
    missing_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share of the selected images without a file above which a warning is given.",
    )
    memory_mb: int = Field(
        default=500, ge=100, description="Memory for reading annotations; what needs more goes by way of the disk."
    )

    @model_validator(mode="after")
    def _several_has_a_place(self) -> Self:
        if (self.several == "own_category") != (self.several_category is not None):
            raise ValueError("several_category goes with several: own_category; give both or neither")
        if self.several_category in self.categories_from:
            raise ValueError(f"several_category {self.several_category!r} has labels of its own; name another one")
        return self

    def check_categories(self, categories: Mapping[str, int]) -> None:
        """Compare with the dataset's categories. Raises `ValueError` where they are not the same."""
        known = {*self.categories_from, *([self.several_category] if self.several_category else [])}
        if known != set(categories):
            raise ValueError(
                f"source.categories_from{' with several_category' if self.several_category else ''} says where "
                f"{', '.join(sorted(known))} come from; the dataset's categories are {', '.join(sorted(categories))}"
            )


class OpenImagesSource(AnnotatedSection):
    """Images under `LANDING/<day>/**`, whose image labels in the files of Open Images decide the category."""

    kind: Literal["open_images"]
    with_children: bool = Field(
        default=True, description="Whether a label stands for those below it in the label hierarchy too."
    )
    label_sources: tuple[Label, ...] = Field(
        default=(),
        description="Only image labels of these sources, such as verification, crowdsource-verification and machine.",
    )
    classes: tuple[str, ...] = Field(
        default=("*class-descriptions*.csv",), description="File names (shell patterns) of the class descriptions."
    )
    hierarchy: tuple[str, ...] = Field(
        default=("*hierarchy*.json",), description="File names of the label hierarchy; there need not be one."
    )
    image_labels: tuple[str, ...] = Field(
        default=("*imagelabels*.csv", "*imagelabels*.csv.gz"), description="File names of the image labels."
    )
    boxes: tuple[str, ...] = Field(
        default=("*annotations-bbox*.csv", "*annotations-bbox*.csv.gz"), description="File names of the boxes."
    )


class CocoSource(AnnotatedSection):
    """Images under `LANDING/<day>/**`, whose annotations in JSON of COCO's form decide the category."""

    lists_all_labels: ClassVar[bool] = True

    kind: Literal["coco"]
    instances: tuple[str, ...] = Field(
        default=("*.json",), description="File names (shell patterns) of the annotations."
    )
    names: str | None = Field(
        default=None,
        description="Name of a JSON file whose list of categories replaces that of the annotations: iNaturalist 2019 "
        "gave the names later.",
    )
    fields: tuple[Label, ...] = Field(
        default=("name", "supercategory"),
        min_length=1,
        description="Fields of a category that labels are looked for in, such as family or genus.",
    )
