"""What the words on pages mean: every figure and term once, with its source.

What belongs here: terms that a page uses and that a reader may not know. Pages find those that they use by themselves,
and docs/glossary.md is written from here by `make docs`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Term:
    """A term.

    Attributes:
        name: As it is mostly written.
        meaning: A sentence or two on what it is, and how a value of it is read.
        source: Where it was first described; empty for what this platform calls so.
        also: What else it is called on pages.
        checks: Names of the checks that hold it against a limit.
    """

    name: str
    meaning: str
    source: str = ""
    also: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.name, *self.also)


GLOSSARY = (
    # The model's figures.
    Term(
        "held out",
        "Images that the model was not trained on and that nothing was chosen by: only these judge it. Lookalikes of "
        "an image are on the same side as it.",
        also=("held-out",),
    ),
    Term(
        "accuracy",
        "The share of images whose category the model says rightly. Compare it with always answering the most frequent "
        "category: of 95 % cats, 95 % is no achievement.",
        checks=("better_than_the_majority", "beats_the_majority_by_a_margin"),
    ),
    Term(
        "balanced accuracy",
        "The mean of the categories' recalls: every category counts the same, however many images it has.",
        "Brodersen et al., The Balanced Accuracy and Its Posterior Distribution, ICPR 2010",
    ),
    Term(
        "always the most frequent",
        "The accuracy of a model that knows nothing and answers the most frequent category of the images held out: "
        "what any model has to beat.",
        also=("the most frequent category",),
        checks=("better_than_the_majority", "beats_the_majority_by_a_margin"),
    ),
    Term(
        "sources it never saw",
        "Leave-one-source-out: every source, such as a supplier or a folder, is left out of a training once and judged "
        "by that model. What is to be expected of images from elsewhere; images held out at random come from sources "
        "that the model knows, and flatter it.",
        "Roberts et al., Cross-validation strategies for data with … hierarchical … structure, Ecography 40, 2017",
        also=("sources that it never saw", "leave-one-source-out"),
    ),
    Term(
        "unknown",
        "An image that the model does not vouch for: its highest probability is below classifier.unknown_below, or "
        "its familiarity below classifier.held_back.",
        also=("says unknown", "accuracy of the rest"),
        checks=("few_unknown",),
    ),
    Term(
        "familiarity",
        "How much an image looks like what the model was trained on: the share of good images, of sources that were "
        "left out of a training, that look less so. It is measured by the cosine to the nearest training images of the "
        "category that it is taken for, and by how much nearer these are than those of the next category. At 0.03, 97 "
        "of 100 good images of new sources look more familiar.",
        "Sun, Ming, Zhu, Li, Out-of-Distribution Detection with Deep Nearest Neighbors, ICML 2022",
        also=("familiar",),
    ),
    Term("precision", "Of the images that are called so, the share that are so.", also=("weighted precision",)),
    Term("recall", "Of the images that are so, the share that are called so: found.", also=("weighted recall",)),
    Term(
        "F1",
        "The harmonic mean of precision and recall: near 1 only where both are.",
        "van Rijsbergen, Information Retrieval, 1979, chapter 7",
    ),
    Term(
        "macro F1",
        "The mean of the categories' F1, each category counting the same: it falls where a small category is not found "
        "or is answered too often, which accuracy hides.",
        "Opitz and Burst, Macro F1 and Macro F1, arXiv 1911.03347, 2019 (there: averaged F1)",
    ),
    Term(
        "ROC curve",
        "How much of a category is found, against how much of all others is taken for it, as the probability that is "
        "asked for falls.",
        "Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27, 2006",
        also=("ROC curves",),
    ),
    Term(
        "AUC",
        "The area under a ROC curve: how often an image of a kind gets a higher probability of it than one of another "
        "kind. 1 always, 0.5 is chance. A classifier that is to tell two sets of images apart, and reaches more than "
        "chance allows, has found that they differ.",
        "Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982",
    ),
    Term(
        "log loss",
        "The mean negative logarithm of the probability that the model gave to the right category: 0 is perfect, and a "
        "wrong answer costs the more, the surer it was.",
        "Good, Rational Decisions, Journal of the Royal Statistical Society B 14, 1952",
    ),
    Term(
        "expected calibration error",
        "How far probabilities are from what comes true: answers are put into bins by their probability, and the "
        "distances between the mean probability and the share of right answers are averaged. 0 is perfect; at 0.05 a "
        "probability is off by 5 points on average.",
        "Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017, equation 3",
        also=("calibration error", "ECE"),
        checks=("probabilities_are_calibrated",),
    ),
    Term(
        "temperature",
        "One number that the model's scores are divided by before they become probabilities: above 1 makes it more "
        "modest. The order of the answers stays.",
        "Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks, ICML 2017",
    ),
    Term(
        "isotonic",
        "A correction of probabilities by a curve of steps that never falls.",
        "Zadrozny and Elkan, Transforming Classifier Scores into Accurate Multiclass Probability Estimates, KDD 2002",
    ),
    Term(
        "sigmoid",
        "A correction of probabilities by an S-shaped curve with two numbers.",
        "Platt, Probabilistic Outputs for Support Vector Machines, Advances in Large Margin Classifiers, 1999",
    ),
    Term(
        "95 % interval",
        "Where the figure may well lie, as far as so few images can tell: of a share Wilson's interval, of means over "
        "categories by drawing the images again and again. Figures whose intervals overlap may be the same.",
        "Wilson, Journal of the American Statistical Association 22, 1927; Efron, Annals of Statistics 7, 1979",
        also=("95 %", "95 % intervals", "Wilson's"),
    ),
    Term(
        "confusion matrix",
        "Of every true category, how many images are given which answer. Right answers are on the diagonal.",
        also=("which categories are taken for which",),
    ),
    Term(
        "folds",
        "Cross-validation: images are divided into parts, and each part is judged by a model of the others, so that "
        "all are judged by models that have not seen them.",
        "Stone, Cross-validatory Choice and Assessment of Statistical Predictions, JRSS B 36, 1974",
        also=("cross-validation", "cross-validated"),
    ),
    Term(
        "accuracy lost",
        "Permutation importance: how much accuracy falls on images held out when a feature, or a group of them, is "
        "shuffled among the images.",
        "Breiman, Random Forests, Machine Learning 45, 2001",
        also=("permutation importance", "features by themselves", "groups of features that go together"),
    ),
    Term(
        "one standard error",
        "The rule of the smallest size whose mean is within one standard error of the best: larger ones are not shown "
        "to be better.",
        "Breiman, Friedman, Olshen, Stone, Classification and Regression Trees, 1984, section 3.4.3",
    ),
    # Lookalikes, labels and days.
    Term(
        "lookalikes",
        "Images that show the same: their perceptual hashes differ in few of 64 bits, and their features agree. A "
        "group of them is kept on one side of training and judging; else the model would be asked what it was told.",
        also=("groups of lookalikes", "near-duplicates", "near_duplicates"),
    ),
    Term(
        "drift",
        "Images of a day come from another distribution than those of the days before, by PSI, KS or AUC, beyond a "
        "limit and beyond what chance gives once in 10,000.",
        "Gama et al., A Survey on Concept Drift Adaptation, ACM Computing Surveys 46, 2014",
        checks=("metrics_drift", "features_drift"),
    ),
    Term(
        "PSI",
        "Population stability index: how differently two sets of images fill ten bins of a number, the sum of "
        "(p − q) ln(p / q). 0 is the same; above 0.25 is mostly called a shift.",
        "Yurdakul and Naranjo, Statistical properties of the PSI, Journal of Risk Model Validation 14, 2020",
        also=("population stability index",),
    ),
    Term(
        "KS",
        "Kolmogorov and Smirnov's distance: how far two cumulative distributions are apart at most. 0 the same, 1 "
        "nothing in common.",
        "Massey, The Kolmogorov-Smirnov Test for Goodness of Fit, JASA 46, 1951",
    ),
    Term(
        "quarantine",
        "Where files are kept that were refused, each with a reason and nothing else done to it.",
        also=("files in quarantine",),
        checks=("quarantine_rate",),
    ),
    Term(
        "quality flag",
        "What is wrong with a picture by its metrics: dark, bright, blurred, low information, odd shape, odd size. The "
        "limits are in the dataset file's `quality`.",
        also=("quality flags", "by what is wrong with the picture"),
    ),
    # The map.
    Term(
        "t-SNE",
        "A map on which images are near each other whose features are. Only neighbourhoods mean something: distances "
        "between clusters, and their sizes, do not.",
        "van der Maaten and Hinton, Visualizing Data using t-SNE, JMLR 9, 2008",
    ),
    Term(
        "trustworthiness",
        "The share of a point's neighbours on the map that are neighbours among the features, weighed by how far off "
        "the others are: 1 is perfect, 0.5 is what a random map gets.",
        "Venna and Kaski, Neighborhood Preservation in Nonlinear Projection Methods, ICANN 2001",
        checks=("map_is_trustworthy",),
    ),
    # What is measured of a picture.
    Term(
        "brightness",
        "The mean luma of a picture, 0 black … 1 white; of its dark and bright pixels the 5th and 99th percentile.",
        "ITU-R BT.601",
    ),
    Term("contrast", "The standard deviation of a picture's luma: 0 even … 0.5 half black, half white."),
    Term(
        "sharpness",
        "The variance of the Laplacian of a picture's grey levels: edges make it large, blur makes it small.",
        "Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000",
    ),
    Term(
        "entropy",
        "How evenly the 256 grey levels are used: 0 bits where there is one, 8 where all are used alike.",
        "Shannon, A Mathematical Theory of Communication, 1948",
    ),
    Term(
        "colourfulness",
        "0 for grey, about 30 for ordinary photos, above 80 for vivid ones.",
        "Hasler and Süsstrunk, Measuring colourfulness in natural images, Human Vision and Electronic Imaging, 2003",
    ),
    Term(
        "median",
        "Half of the values are below it. A box holds the middle half of the values, a whisker goes to the 5th and "
        "95th percentile.",
        "Tukey, Exploratory Data Analysis, 1977",
    ),
    # Pictures that are restored.
    Term(
        "PSNR",
        "How close a picture is to the clean one: 10 log10(1 / mean squared difference), in dB, where black is 0 and "
        "white 1. Ten more are a tenth of the squared difference; at about 40 the eye sees none. 100 at most.",
        checks=("restored_is_closer_than_noisy", "restored_is_closer_than_the_median"),
    ),
    Term(
        "SSIM",
        "Structural similarity: how far brightness, contrast and structure around every pixel are those of the clean "
        "picture; 1 where they are the same. It sees what PSNR does not: detail that is smoothed away.",
        "Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE Transactions on "
        "Image Processing 13, 2004",
    ),
    Term(
        "median filter",
        "Every pixel becomes the median of the 3 × 3 around it: an old remedy for noise, which learns nothing. A "
        "network has to beat it.",
        "Tukey, Exploratory Data Analysis, 1977",
    ),
)

_BY_NAME = {name.lower(): term.name for term in GLOSSARY for name in term.names}
_LONGEST_FIRST = "|".join(re.escape(name) for name in sorted(_BY_NAME, key=len, reverse=True))
_ANY = re.compile(rf"(?<!\w)(?:{_LONGEST_FIRST})(?!\w)", re.IGNORECASE)


def terms_in(*texts: str) -> list[Term]:
    """The terms that texts use, in the order of the glossary.

    Of overlapping names the longer one counts: where all is said of macro F1, F1 is not explained too.
    """
    found: set[str] = set()
    for text in texts:
        found |= {_BY_NAME[name.lower()] for name in _ANY.findall(text)}
    return [term for term in GLOSSARY if term.name in found]


def explained(markdown: str) -> str:
    """What the terms mean that a text in Markdown uses, to stand at its end; nothing where it uses none."""
    lines = [f"- **{term.name}**: {term.meaning}{_source(term)}" for term in terms_in(markdown)]
    return "\n".join(["", "## What the words mean", "", *lines, ""]) if lines else ""


def _source(term: Term) -> str:
    return f" ({term.source})" if term.source else ""


def glossary_markdown(terms: Iterable[Term] = GLOSSARY) -> str:
    """The page docs/glossary.md."""
    parts = [
        "# Glossary",
        "Written by `make docs` from `image_assets/pages/glossary.py`; a test keeps it true. Pages explain the terms "
        "that they use in the same words, below the figure.",
    ]
    for term in sorted(terms, key=lambda term: term.name.lower()):
        parts.append(f"## {term.name}")
        if term.also:
            parts.append(f"Also: {', '.join(term.also)}.".replace("_", r"\_"))
        parts.append(term.meaning)
        if term.source:
            parts.append(f"Source: {term.source}.")
        if term.checks:
            named = ", ".join(f"`{check}`" for check in term.checks)
            parts.append(f"Held against a limit by {named}: see [the checks](checks.md).")
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(glossary_markdown(), encoding="utf-8")
