"""What must hold of the denoising network: it does better than nothing, and than a filter that learns nothing."""

from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.networks.denoising.record import read_record

_FEW = 20
_NONE = "there is no denoising network yet: there were too few images"


def _beside(subject: Subject, what: str, advice: str) -> Outcome:
    record = read_record(subject.store.objects(), subject.dataset.name)
    if record is None:
        return Outcome(passed=True, not_evaluated=_NONE)
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
