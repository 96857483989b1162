"""The assets that a dataset has, by name: what the declarations of the stages come to, said once for the tests."""

from image_assets.dataset import DatasetSpec
from image_assets.settings.annotated import AnnotatedSection

PARTITIONED = (
    "arrivals",
    "raw_images",
    "duplicates",
    "quarantine",
    "image_features",
    "predictions",
    "near_duplicates",
    "feature_shards",
)
"""The assets of a day and category, in the order of the flow."""
ANNOTATED, WITH_BOXES = ("image_labels",), ("image_boxes", "image_chips", "box_quarantine")
"""More assets of a day and category: of annotated datasets, and of those with boxes."""
LABELLED, LABELS_COUNTED = ("imagenet_predictions",), ("confident_labels",)
"""More assets of a day and category, and over the whole dataset, of datasets that want the labels of ImageNet."""
SELECTED = ("label_selection", "selected_images")
"""More assets over the whole dataset, of annotated datasets."""
NETWORKS = ("cnn_classifier", "denoising_autoencoder")
"""More assets over the whole dataset, of datasets that ask for networks."""
REFRESHED = ("duplicate_groups", "label_conflicts", "classifier", "embedding", "label_suspects")
"""The assets over the whole dataset, in the order of the flow."""
DECIDING = ("image_features", "near_duplicates")
"""The assets of a partition that those over the whole dataset wait for."""
REPORTS = ("accounting", "exploration", "health")
"""What is reported on the whole dataset, also on days that did not come through."""


def partitioned_assets(dataset: DatasetSpec) -> tuple[str, ...]:
    """All assets of a day and category that a dataset has."""
    source = dataset.source
    labelled = LABELLED if dataset.imagenet.wanted else ()
    if not isinstance(source, AnnotatedSection):
        return (*PARTITIONED, *labelled)
    return (*PARTITIONED, *ANNOTATED, *(WITH_BOXES if source.with_boxes else ()), *labelled)


def refreshed_assets(dataset: DatasetSpec) -> tuple[str, ...]:
    """All assets over the whole dataset that a dataset has, but for the reports."""
    selected = SELECTED if isinstance(dataset.source, AnnotatedSection) else ()
    networks = [name for name in NETWORKS if getattr(dataset.networks, name) is not None]
    return (*REFRESHED, *selected, *networks, *(LABELS_COUNTED if dataset.imagenet.wanted else ()))
