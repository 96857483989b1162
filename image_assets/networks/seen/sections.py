"""The parts of a network's page on what it sees: where the reasons for its answers lie, and what its layers find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from image_assets.networks.cnn import TrainedCnn
from image_assets.networks.pixels import as_floats
from image_assets.networks.seen.heat import NoHeatError, heat_maps
from image_assets.networks.seen.layers import activations
from image_assets.networks.seen.pictures import activations_plot, jpeg_of, overlaid, said_of_heat
from image_assets.pages.figures import Plot
from image_assets.pages.page import Gallery, Picture, Section

_OF_EACH = 6
"""Right and wrong answers that are shown with heat."""
_LAYERS_OF_EACH = 2
"""Of these, so many with all layers."""
_SIDE = 144  # pixels of a shown picture


@dataclass(frozen=True)
class Example:
    """An image held out that a network was asked about.

    Attributes:
        image_id: Its id.
        picture: float32 [height, width, channels] in [0, 1].
        answer: Place of the answer among the classes.
        said: The answer and the truth, in words.
        right: Whether they are the same.
    """

    image_id: str
    picture: np.ndarray
    answer: int
    said: str
    right: bool


def examples_of(trained: TrainedCnn, most: int = _OF_EACH) -> tuple[list[Example], list[Example]]:
    """The right answers that a network is surest of, some of every category, and its surest wrong ones."""
    probabilities, classes = trained.probabilities, trained.model.classes
    answers, certainty = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = classes[answers] == trained.truth
    surest = np.argsort(-certainty, kind="stable")
    by_class = [surest[right[surest] & (trained.truth[surest] == label)] for label in np.unique(trained.truth)]
    turns = [rows[turn] for turn in range(most) for rows in by_class if turn < len(rows)]
    pixels = trained.pixels[trained.aside]

    def example(row: int) -> Example:
        answer, truth = trained.names[int(classes[answers[row]])], trained.names[int(trained.truth[row])]
        said = f"{answer} {certainty[row]:.1%}, {'and is' if right[row] else 'but is ' + truth}"
        picture = as_floats(pixels[np.array([row])].read())[0]
        return Example(
            str(trained.held_out["image_id"][row]),
            picture,
            int(answers[row]),
            said.removesuffix(", and is"),
            bool(right[row]),
        )

    return [example(int(row)) for row in turns[:most]], [example(int(row)) for row in surest[~right[surest]][:most]]


def seen_sections(trained: TrainedCnn) -> list[Section]:
    """What a network sees in pictures that were held out from it."""
    right, wrong = examples_of(trained)
    return [_heat_section(trained, right, wrong), _layers_section(trained, right, wrong)]


def _heat_section(trained: TrainedCnn, right: Sequence[Example], wrong: Sequence[Example]) -> Section:
    title = "What it looks at"
    try:
        galleries = [
            Gallery("Right", "Of every category the surest ones.", _with_heat(trained, right), large=True),
            Gallery("Wrong", "The surest first.", _with_heat(trained, wrong), large=True),
        ]
    except NoHeatError as error:
        return Section("looks_at", title, str(error))
    return Section(
        "looks_at",
        title,
        "Beside each picture: in bright colours the places that its answer rests on, by HiResCAM, which multiplies "
        "what the last layer that knows places finds there by how the answer changes with it. Alarming: heat on a "
        "border, a watermark or the background, again and again: it has learnt how pictures were taken, not what is on "
        "them.",
        galleries=[one for one in galleries if one.pictures],
    )


def _with_heat(trained: TrainedCnn, examples: Sequence[Example]) -> list[Picture]:
    if not examples:
        return []
    pictures = np.stack([one.picture for one in examples])
    heat = heat_maps(trained.model.network, pictures, np.array([one.answer for one in examples]))
    return [
        Picture(
            [jpeg_of(one.picture, _SIDE), jpeg_of(overlaid(one.picture, hot), _SIDE)],
            one.said,
            f"{said_of_heat(hot)}; {one.image_id[:12]}",
            ("the picture", "what its answer rests on"),
        )
        for one, hot in zip(examples, heat, strict=True)
    ]


def _layers_section(trained: TrainedCnn, right: Sequence[Example], wrong: Sequence[Example]) -> Section:
    shown = [*right[:_LAYERS_OF_EACH], *wrong[:_LAYERS_OF_EACH]]
    return Section(
        "layers",
        "What its layers find in a picture",
        "A row for each layer, from the picture to the answer: its channels that vary the most over the picture, "
        "with their numbers; dark where a channel finds nothing. The first layers see edges and colours, the last ones "
        "parts of things. Alarming: a layer whose channels are all alike or all dark.",
        [_layers(trained, number, one) for number, one in enumerate(shown)],
    )


def _layers(trained: TrainedCnn, number: int, one: Example) -> Plot:
    return activations_plot(
        f"layers_{number}",
        f"{'Right' if one.right else 'Wrong'}, layer by layer: {one.said}",
        f"Image {one.image_id[:12]}.",
        one.picture,
        activations(trained.model.network, one.picture),
    )
