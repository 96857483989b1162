"""A unit of classification: one file of images or chips becomes one file of `imagenet_predictions`.

A unit's name is derived from the file it is made of, the classifier's digest and the number of labels: a finished one
is found again, and what another classifier said never takes its place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from image_assets.engines.engine import Engine, Unit, finished_or_made
from image_assets.engines.pieces import made_in_order, spans
from image_assets.features.decode import all_prepared
from image_assets.features.errors import check_same_everywhere
from image_assets.imagenet.classifiers import ImagenetClassifier, shared_classifier
from image_assets.imagenet.labels import imagenet_labels, top_classes
from image_assets.schema import IMAGENET_PREDICTIONS, Partition
from image_assets.settings.imagenet import Imagenet
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress, counted, no_progress, ordered_map

# As many as run through the model at a time, in one thread; see `features.pipeline`.
_BATCH_IMAGES = 32
_WAITING_PER_WORKER = 2


@dataclass(frozen=True)
class Pictures(PartitionFiles):
    """The pictures of a partition: its images, or its `chips`."""

    chips: bool

    @property
    def columns(self) -> list[str]:
        """What is read of them."""
        return ["image_id", "content", *(["chip_id", "label_name"] if self.chips else [])]


def classify_units(
    pictures: Pictures,
    predictions: PartitionedTable,
    partition: Partition,
    spec: Imagenet,
    engine: Engine,
    progress: Progress = no_progress,
) -> list[WrittenFile]:
    """Label every picture, file by file; finished files are not made again.

    Raises:
        ExtractorError: the classifier cannot be used, or is another one on the machine that a unit was sent to.
        DamagedFile: a file of pictures is not as it was written.
        UnitLost: as `Engine.run`.
    """
    work = _Work(pictures, predictions, partition, spec, shared_classifier(spec).digest)
    units = [
        Unit(f"the ImageNet labels of {file.path}", file.rows, partial(_classify_unit, work, file))
        for file in pictures.files
    ]
    finished = [predictions.find_file(partition, work.name_of(file)) for file in pictures.files]
    return finished_or_made(units, finished, engine, progress)


@dataclass(frozen=True)
class _Work:
    """What every unit of a partition is done with."""

    pictures: Pictures
    predictions: PartitionedTable
    partition: Partition
    spec: Imagenet
    digest: str

    def name_of(self, file: WrittenFile) -> str:
        return hashlib.sha256(f"{file.path} {self.digest} {self.spec.top}".encode()).hexdigest()[:32]


def _classify_unit(work: _Work, file: WrittenFile, threads: int, progress: Progress) -> WrittenFile:
    classifier = shared_classifier(work.spec)
    check_same_everywhere(f"{classifier.name} classifier", classifier.digest, work.digest)
    pieces = spans(file.rows, _BATCH_IMAGES, threads)
    with made_in_order(partial(_label_rows, work, file), pieces, threads) as steps:
        rows = counted((rows for rows, _ in steps), file.rows, progress)
        return work.predictions.write_file(work.partition, work.name_of(file), rows)


def _label_rows(work: _Work, file: WrittenFile, rows: range, threads: int) -> Iterator[tuple[pa.RecordBatch, None]]:
    classifier = shared_classifier(work.spec)
    label = partial(label_pictures, classifier=classifier, top=work.spec.top, delivered_as=work.partition.category)
    batches = work.pictures.table.files.read(file.path, work.pictures.columns, _BATCH_IMAGES, rows)
    return ((labelled, None) for labelled in ordered_map(label, batches, threads, _WAITING_PER_WORKER))


def label_pictures(
    pictures: pa.RecordBatch, classifier: ImagenetClassifier, top: int, delivered_as: str
) -> pa.RecordBatch:
    """Rows of `imagenet_predictions` for pictures, in their order.

    Args:
        pictures: Columns image_id and content, the image files; for chips also chip_id and label_name.
        classifier: What labels them.
        top: How many labels of each.
        delivered_as: Category of the images; chips are what their boxes say.
    """
    number = pictures.num_rows
    squares = all_prepared(pictures["content"].to_pylist(), classifier)
    classes, scores = top_classes(classifier.classify(squares), top)
    labels = imagenet_labels()
    chips = "chip_id" in pictures.schema.names
    columns = {
        "image_id": pictures["image_id"].to_pylist(),
        "chip_id": pictures["chip_id"].to_pylist() if chips else [None] * number,
        "delivered_as": pictures["label_name"].to_pylist() if chips else [delivered_as] * number,
        "imagenet_class": classes[:, 0],
        "imagenet_label": [labels[one] for one in classes[:, 0]],
        "score": scores[:, 0],
        "top_classes": classes.tolist(),
        "top_labels": [[labels[one] for one in row] for row in classes],
        "top_scores": scores.tolist(),
        "classifier": [classifier.digest] * number,
    }
    schema = IMAGENET_PREDICTIONS.file_schema
    return pa.RecordBatch.from_arrays([pa.array(columns[field.name], field.type) for field in schema], schema=schema)
