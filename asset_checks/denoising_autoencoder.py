"""What must hold of the denoising network: it does better than nothing, and than a filter that learns nothing.

Where there are images to train it on and there is none, that is told too.
"""

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.networks.denoising.images import Tables, sides_of
from image_assets.networks.denoising.record import DENOISING, RecordRefusedError, read_record
from image_assets.networks.errors import UnfitDataError
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES

_FEW = 20
_AGAIN = f"Materialise {DENOISING} again."


def _without_network(subject: Subject) -> Outcome:
    """Where there is none: rightly, of too few images; or it should be there."""
    spec = subject.dataset.networks.denoising_autoencoder
    assert spec is not None
    named = (IMAGE_FEATURES, DUPLICATE_GROUPS, LABEL_CONFLICTS, RAW_IMAGES)
    tables = Tables(*(subject.rows(schema) for schema in named))
    try:
        sides = sides_of(subject.dataset, subject.store, tables, spec.validation, spec.judged)
    except UnfitDataError as reason:
        return Outcome(passed=True, not_evaluated=f"there is no denoising network yet: {reason}")
    return Outcome(
        passed=False,
        figures={"images to learn from": sides.learnt.height, "problem": "there is no denoising network"},
        advice=f"There are enough images, and none was kept: the log of {DENOISING} says why. {_AGAIN}",
    )


def _beside(subject: Subject, what: str, advice: str) -> Outcome:
    try:
        record = read_record(subject.store.objects(), subject.dataset.name)
    except RecordRefusedError as error:
        return Outcome(passed=False, figures={"problem": str(error)}, advice=_AGAIN)
    if record is None:
        return subject.shared("without a denoising network", lambda: _without_network(subject))
    figures = record.figures
    other = figures.noisy if what == "noisy" else figures.median
    found = {"images": figures.images, "restored, dB": figures.restored.psnr, f"{what}, dB": other.psnr}
    if figures.images < _FEW:
        said = f"{figures.images} held-out images say little; there are to be {_FEW}"
        return Outcome(passed=True, figures=found, not_evaluated=said)
    return Outcome(passed=figures.restored.psnr > other.psnr, figures=found, advice=advice)


@check("Restored pictures are closer to the clean ones than the noisy pictures.", severity=WARN)
def restored_is_closer_than_noisy(subject: Subject) -> Outcome:
    """Mean PSNR of the images held out, restored against noisy."""
    return _beside(
        subject,
        "noisy",
        "The network does harm: look at the page's pictures, then give it more passes "
        "(networks.denoising_autoencoder.epochs), more images, or the preset residual.",
    )


@check(
    "Restored pictures are closer to the clean ones than what a median filter makes of the noisy ones.", severity=WARN
)
def restored_is_closer_than_the_median(subject: Subject) -> Outcome:
    """Mean PSNR of the images held out, restored against a median filter of 3 × 3 pixels."""
    return _beside(
        subject,
        "median",
        "A filter that learns nothing does better: use that one, or give the network more passes "
        "(networks.denoising_autoencoder.epochs), more images, or the preset residual.",
    )
