"""What must hold of the network that tells categories apart by pixels: it is what its manifest says, and has learnt."""

from image_assets.asset_checks import trained_models as models
from image_assets.asset_checks.check import WARN, Outcome, Subject, check
from image_assets.networks.places import CNN_CLASSIFIER


@check(
    "The network can be loaded, its file is the one that its manifest describes, and it was trained for the dataset's "
    "present categories and the size and colour of its pictures. It is there, where there are images to train it on.",
)
def network_is_sound(subject: Subject) -> Outcome:
    """Load the network as a reader would."""
    return models.is_sound(subject, CNN_CLASSIFIER)


@check(
    "The current network was compared with the one before it took its place, or is the first there is.", severity=WARN
)
def network_compared_before_it_was_promoted(subject: Subject) -> Outcome:
    """What was decided when the current network was promoted."""
    return models.compared_before_promotion(
        subject, CNN_CLASSIFIER, "image-assets models rollback --model cnn_classifier"
    )


@check(
    "The newest network was trained on just the images that are not held out: none it is evaluated on, none missing.",
    not_blocking_because="Nothing is made of the network in its run, and the champion is chosen before.",
)
def network_trained_on_the_training_images(subject: Subject) -> Outcome:
    """The digest of the training ids against the tables as they are: of the network trained last."""
    return models.newest_trained_on_the_training_images(subject, CNN_CLASSIFIER)


@check(
    "On held-out images the network is better than always answering the most frequent category.",
    not_blocking_because="Nothing is made of the network in its run; a new one replaces only one that is worse.",
)
def network_better_than_the_majority(subject: Subject) -> Outcome:
    """Accuracy against the share of the largest class."""
    return models.better_than_the_majority(
        subject,
        CNN_CLASSIFIER,
        "It has learnt nothing: look at the plot of its training. Give it more epochs or images, another "
        "learning rate, or larger pictures.",
    )
