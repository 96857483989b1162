"""The parts of a report's page on the model's mistakes: the most certain ones, and where there are most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from image_assets.classifier.report.mistakes import FEW_IMAGES, FIRST, Mistake, Mistakes, Part, clearly_worse
from image_assets.pages.page import Gallery, Picture, Section, Table
from image_assets.wording import some

_TITLE = "Its most certain mistakes"
_EXAMPLES = 6
_NAMED = 8


def pictures_of_mistakes(found: Mistakes) -> set[str]:
    """Ids of all images that these parts show."""
    certain = {image for one in found.most_certain for image in (one.image_id, one.like)}
    return (certain | {part.example for parts in _shown_parts(found) for part in parts}) - {""}


def certain_section(found: Mistakes, pictures: Mapping[str, bytes]) -> Section:
    """The mistakes that the model is surest of, ten first."""
    if not found.mistakes:
        return Section("mistakes", _TITLE, f"None: all {found.images:,} images held out are right.")
    some_first, more = found.most_certain[:FIRST], found.most_certain[FIRST:]
    galleries = [
        Gallery(f"The {len(some_first)} most certain", "The surest first.", _pictures(some_first, pictures)),
        Gallery("The next ones", "In the same order.", _pictures(more, pictures)),
    ]
    return Section(
        "mistakes",
        _TITLE,
        f"{found.mistakes:,} of {found.images:,} images held out are taken for something else. Beside each picture "
        "stands the one of the model's answer that it is most like. Many a certain mistake is one of the label: "
        "compare the picture with what it was delivered as.",
        galleries=[one for one in galleries if one.pictures],
    )


def parts_section(found: Mistakes, pictures: Mapping[str, bytes]) -> Section:
    """How often it is mistaken, by source, by what is wrong with the picture, and by size."""
    ways = (
        ("By source", "source", found.by_source, _sources_text(found)),
        ("By what is wrong with the picture", "flag", found.by_flag, "An image may have several flags."),
        ("By size", "shorter side, pixels", found.by_size, "What is small is enlarged before its features are taken."),
    )
    tables, galleries = [], []
    for (title, what, parts, text), examples in zip(ways, _shown_parts(found), strict=True):
        worse = clearly_worse(parts, found)
        said = f"Clearly more mistakes than over all: {some(worse, _NAMED)}." if worse else _NOT_WORSE
        header = (what, "images", "mistakes", "share wrong", "95 % interval")
        tables.append(Table(title, header, [_row(part) for part in parts], f"{text} {said}"))
        shown = [
            Picture([pictures[part.example]], part.title, f"{part.mistakes:,} of {part.images:,} wrong")
            for part in examples
            if part.example in pictures
        ]
        if shown:
            galleries.append(Gallery(f"{title}: an example of each", "The most certain mistake.", shown))
    return Section(
        "mistake_parts",
        "Where it is mistaken",
        f"Of the {found.images:,} images held out {_share(found.mistakes / max(found.images, 1))} are mistakes. Of "
        f"fewer than {FEW_IMAGES} images no share is given. Alarming: a part with far more mistakes than that; it "
        "wants images of its kind to learn from, or a look at its labels.",
        tables=tables,
        galleries=galleries,
    )


_NOT_WORSE = "None has more mistakes than over all, as far as so few images can tell."


def _sources_text(found: Mistakes) -> str:
    if found.sources < 2:
        return "All images held out come from one source."
    return "The worst first."


def _shown_parts(found: Mistakes) -> Iterator[list[Part]]:
    """Of every table the parts that an example is shown of."""
    for parts in (found.by_source, found.by_flag, found.by_size):
        with_mistakes = sorted((part for part in parts if part.mistakes), key=lambda part: -part.interval.low)
        yield with_mistakes[:_EXAMPLES]


def _row(part: Part) -> tuple[str, int, int, str, str]:
    if part.share is None:
        return part.title, part.images, part.mistakes, "too few images" if part.images else "no image", ""
    low, high = part.interval
    return part.title, part.images, part.mistakes, _share(part.share), f"{low:.1%} – {high:.1%}"


def _share(share: float) -> str:
    return f"{share:.1%}"


def _pictures(shown: Sequence[Mistake], pictures: Mapping[str, bytes]) -> list[Picture]:
    return [
        Picture(
            [pictures[image] for image in (one.image_id, one.like) if image in pictures],
            f"{one.answer} {one.probability:.1%}, but is {one.category}",
            f"{one.second} {one.second_probability:.1%}; {_size(one)}; {', '.join(one.flags) or 'no quality flag'}; "
            f"{one.date}; {one.image_id[:12]}; {one.source or 'not loaded any more'}",
        )
        for one in shown
        if one.image_id in pictures
    ]


def _size(one: Mistake) -> str:
    return f"{one.width:,} × {one.height:,} pixels" if one.width and one.height else "size not known"
