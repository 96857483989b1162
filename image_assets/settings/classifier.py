"""What the classifier is chosen from, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from image_assets.settings.promotion import Promotion
from image_assets.settings.section import SettingsSection
from image_assets.settings.split import Split

Share = Annotated[float, Field(ge=0, le=1)]
Transform = Literal["root", "none"]


class LogisticRegressionFamily(SettingsSection):
    """Multinomial logistic regression with an elastic-net penalty."""

    kind: Literal["logistic_regression"] = "logistic_regression"
    regularisation: tuple[PositiveFloat, ...] = Field(
        default=(0.0001, 0.001, 0.01),
        min_length=1,
        description="Strength of the penalty per training row: 1 / (C × rows) in scikit-learn's terms.",
    )
    l1_ratio: tuple[Share, ...] = Field(
        default=(0,), min_length=1, description="Share of the penalty that is L1: 0 ridge, 1 lasso."
    )
    max_iterations: PositiveInt = Field(default=1_000, description="Training stops after so many.")


class SupportVectorFamily(SettingsSection):
    """Support vector machine; probabilities by Platt scaling on folds of the training images."""

    kind: Literal["support_vector_machine"]
    c: tuple[PositiveFloat, ...] = Field(default=(1, 10), min_length=1, description="Cost of a violated margin.")
    gamma: tuple[PositiveFloat | Literal["scale", "auto"], ...] = Field(
        default=("scale",), min_length=1, description="Width of the radial kernel."
    )
    kernel: tuple[Literal["rbf", "linear", "poly"], ...] = Field(
        default=("rbf",), min_length=1, description="Radial, none, or polynomial of degree 3."
    )


class RandomForestFamily(SettingsSection):
    """Random forest."""

    kind: Literal["random_forest"]
    trees: tuple[PositiveInt, ...] = Field(default=(300,), min_length=1, description="How many trees.")
    max_depth: tuple[PositiveInt | None, ...] = Field(default=(None,), min_length=1, description="null: no limit.")
    max_features: tuple[Literal["sqrt", "log2"] | Share, ...] = Field(
        default=("sqrt",), min_length=1, description="Features that a split may choose from: a share, or a root."
    )
    min_leaf: tuple[PositiveInt, ...] = Field(default=(1,), min_length=1, description="Least images in a leaf.")


class GradientBoostingFamily(SettingsSection):
    """Gradient boosting on histograms of the features."""

    kind: Literal["gradient_boosting"]
    learning_rate: tuple[PositiveFloat, ...] = Field(
        default=(0.1,), min_length=1, description="How much of each tree is added."
    )
    rounds: tuple[PositiveInt, ...] = Field(default=(100,), min_length=1, description="How many trees per class.")
    leaves: tuple[PositiveInt, ...] = Field(default=(31,), min_length=1, description="Most leaves of a tree.")


class NeuralNetworkFamily(SettingsSection):
    """Multi-layer perceptron."""

    kind: Literal["neural_network"]
    hidden: tuple[tuple[PositiveInt, ...], ...] = Field(
        default=((100,),), min_length=1, description="Widths of the hidden layers."
    )
    activation: tuple[Literal["relu", "tanh"], ...] = Field(
        default=("relu",), min_length=1, description="What the neurons of the hidden layers compute."
    )
    alpha: tuple[PositiveFloat, ...] = Field(default=(0.0001,), min_length=1, description="L2 penalty.")
    learning_rate: tuple[PositiveFloat, ...] = Field(
        default=(0.001,), min_length=1, description="Size of the first steps; later ones adapt (Adam)."
    )
    max_iterations: PositiveInt = Field(default=300, description="Most passes over the training images.")


AnyFamily = Annotated[
    LogisticRegressionFamily | SupportVectorFamily | RandomForestFamily | GradientBoostingFamily | NeuralNetworkFamily,
    Field(discriminator="kind"),
]
Scoring = Literal["accuracy", "balanced_accuracy", "macro_f1"]


class ModelSelection(SettingsSection):
    """How the best candidate is found: folds of the training images, lookalikes kept together.

    They leave sources out, where images come from several and `by_sources` is enabled; else they are stratified.
    """

    folds: int = Field(default=5, ge=2, description="Folds of the cross-validation.")
    scoring: Scoring = Field(default="accuracy", description="What the best candidate is best in.")
    halving_above: PositiveInt = Field(
        default=24,
        description="With more candidates, they are first compared on few images; the best third goes on to three "
        "times as many (successive halving).",
    )
    max_rows: int = Field(
        default=20_000, ge=100, description="Of more training images a sample serves for the selection."
    )
    seed: int = Field(default=0, ge=0, description="Of folds, samples and candidates that draw lots.")


class BySources(SettingsSection):
    """How a linear classifier is to be strict and certain, where images come from several sources.

    Sources are left out of a training one after the other, and what judges them best is taken. Where images come from
    one source, nothing is chosen: a source that was seen says little of one that was not.
    """

    enabled: bool = Field(default=True, description="false: penalties are those of `candidates`, nothing is tempered.")
    regularisation: tuple[PositiveFloat, ...] = Field(
        default=(0.001, 0.01, 0.1),
        description="Penalties that a logistic regression gets where they are clearly better, by more than a standard "
        "error, than the best that `candidates` names; none: only its certainty is chosen.",
    )
    folds: int = Field(default=5, ge=2, description="Of more sources, several are left out at a time.")
    max_rows: int = Field(default=4_000, ge=100, description="Of more training images a sample serves.")


class Refinement(SettingsSection):
    """Between two full trainings, new days only update running totals, from which a linear discriminant is made.

    A full refit measures both on the same held-out images; the daily path is taken only as long as it does not fall
    short. Days are the data's: the latest day of arrival.
    """

    enabled: bool = Field(default=True, description="false: every day gets a full training.")
    from_rows: int = Field(
        default=20_000, ge=0, description="With fewer training images every day gets a full training: it is quick."
    )
    full_every_days: PositiveInt = Field(default=7, description="Days from one full refit to the next.")
    shrinkage: float = Field(
        default=0.05,
        gt=0,
        le=1,
        description="Of the discriminant's covariance: share of the mean variance. More where images are few.",
    )
    accuracy_margin: Share = Field(
        default=0.01, description="The daily path is trusted while its accuracy is at most so much below the full one."
    )
    log_loss_margin: float = Field(
        default=0.1, ge=0, description="And its log loss at most so much above that of the full one, nats."
    )
    evaluation_rows: int = Field(
        default=20_000,
        ge=100,
        description="Of more held-out images, the newest of every category serve to measure and to compare models.",
    )


class ModelReport(SettingsSection):
    """The page and the model card that are made of every model."""

    enabled: bool = Field(default=True, description="Whether they are made; without, a training ends sooner.")
    max_rows: int = Field(
        default=4_000,
        ge=100,
        description="Of more images a sample serves for the learning curve, the elimination of features, their "
        "importance, the calibration and the comparison of the two sides of the split.",
    )
    folds: int = Field(default=3, ge=2, description="Folds of the training images for all of these.")
    repeats: PositiveInt = Field(default=5, description="How often a group of features is shuffled.")
    pictures: PositiveInt = Field(default=24, description="Most pictures of a gallery.")
    seed: int = Field(default=0, ge=0, description="Of folds, samples and shufflings.")


class Baselines(SettingsSection):
    """What a model is held against, in the checks."""

    over_majority: Share = Field(
        default=0.1,
        description="Least share of the errors of always answering the most frequent category that a model avoids.",
    )
    over_colours: Share = Field(
        default=0.1, description="Least share of the errors of a model of colours alone that a model avoids."
    )
    calibration_error: Share = Field(
        default=0.1,
        description="Expected calibration error above which a warning is given; few images may err by more, as far as "
        "chance goes.",
    )
    max_rows: int = Field(default=2_000, ge=100, description="Of more images on a side, a sample serves to measure.")
    seed: int = Field(default=0, ge=0, description="Of samples and of the shuffling of labels.")


class Classifier(SettingsSection):
    """Tells the categories apart by the features."""

    candidates: tuple[AnyFamily, ...] = Field(
        default=(LogisticRegressionFamily(regularisation=(0.001,)),),
        min_length=1,
        description="Kinds of classifiers with their grids; of more than one combination the best is selected.",
    )
    transform: Transform = Field(
        default="root",
        description="What every candidate does with the features before it scales them. root: the square root, with "
        "the sign kept, so that a few large features do not decide; none: nothing.",
    )
    selection: ModelSelection = ModelSelection()
    max_fit_rows: int = Field(
        default=100_000,
        ge=100,
        description="With more training images, logistic_regression is fitted from disk, and of every other kind's a "
        "sample serves.",
    )
    by_sources: BySources = BySources()
    refinement: Refinement = Refinement()
    promotion: Promotion = Promotion()
    unknown_below: Share = Field(
        default=0.5,
        description="A prediction is `unknown` where its probability is below this. Below one half the model itself "
        "thinks it more likely wrong than right; between two categories that never happens: ask for more there.",
    )
    held_back: Share = Field(
        default=0.1,
        description="Share of the good images of sources that it never saw which a model holds back: of what looks as "
        "unlike to all that it was trained on as these do, it says `unknown`, however probable an answer is. 0: "
        "nothing is held back, and models keep nothing to tell it by.",
    )
    unknown_share: Share = Field(
        default=0.2, description="Share of a partition's images that may be unknown; more are warned of."
    )
    agreement_drop: Share = Field(
        default=0.05,
        description="A warning is given where fewer images of a partition than on the held-out images, by more than "
        "this and beyond chance, are taken for what they were delivered as.",
    )
    split: Split = Split()
    held_out: float = Field(default=0.25, gt=0, lt=1, description="Share of images kept for the evaluation.")
    report: ModelReport = ModelReport()
    baselines: Baselines = Baselines()
