"""What the classifier is chosen from, and how."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt

from image_assets.settings.section import Section

Share = Annotated[float, Field(ge=0, le=1)]


class LogisticRegressionFamily(Section):
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


class SupportVectorFamily(Section):
    """Support vector machine; probabilities by Platt scaling on folds of the training images."""

    kind: Literal["support_vector_machine"]
    c: tuple[PositiveFloat, ...] = Field(default=(1, 10), min_length=1, description="Cost of a violated margin.")
    gamma: tuple[PositiveFloat | Literal["scale", "auto"], ...] = Field(
        default=("scale",), min_length=1, description="Width of the radial kernel."
    )
    kernel: tuple[Literal["rbf", "linear", "poly"], ...] = Field(
        default=("rbf",), min_length=1, description="Radial, none, or polynomial of degree 3."
    )


class RandomForestFamily(Section):
    """Random forest."""

    kind: Literal["random_forest"]
    trees: tuple[PositiveInt, ...] = Field(default=(300,), min_length=1, description="How many trees.")
    max_depth: tuple[PositiveInt | None, ...] = Field(default=(None,), min_length=1, description="null: no limit.")
    max_features: tuple[Literal["sqrt", "log2"] | Share, ...] = Field(
        default=("sqrt",), min_length=1, description="Features that a split may choose from: a share, or a root."
    )
    min_leaf: tuple[PositiveInt, ...] = Field(default=(1,), min_length=1, description="Least images in a leaf.")


class GradientBoostingFamily(Section):
    """Gradient boosting on histograms of the features."""

    kind: Literal["gradient_boosting"]
    learning_rate: tuple[PositiveFloat, ...] = Field(
        default=(0.1,), min_length=1, description="How much of each tree is added."
    )
    rounds: tuple[PositiveInt, ...] = Field(default=(100,), min_length=1, description="How many trees per class.")
    leaves: tuple[PositiveInt, ...] = Field(default=(31,), min_length=1, description="Most leaves of a tree.")


class NeuralNetworkFamily(Section):
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
FAMILIES = get_args(get_args(AnyFamily)[0])
Scoring = Literal["accuracy", "balanced_accuracy", "macro_f1"]


class Selection(Section):
    """How the best candidate is found: stratified folds of the training images, lookalikes kept together."""

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


class Classifier(Section):
    """Tells the categories apart by the features."""

    candidates: tuple[AnyFamily, ...] = Field(
        default=(LogisticRegressionFamily(regularisation=(0.001,)),),
        min_length=1,
        description="Kinds of classifiers with their grids; of more than one combination the best is selected.",
    )
    selection: Selection = Selection()
    held_out: float = Field(default=0.25, gt=0, lt=1, description="Share of images kept for the evaluation.")
