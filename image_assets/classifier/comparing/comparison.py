"""The families of classifiers that a dataset names, compared on what its store holds, beside colours alone.

Colour features are the yardstick that any other extractor has to beat: if 18 colour statistics do as well, a model
that has seen ImageNet is of no use here, or the categories differ by how they were photographed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from image_assets.classifier.comparing.nested import Comparison, FamilyResult, nested
from image_assets.classifier.training.families import candidates_of
from image_assets.classifier.training.row_index import row_index
from image_assets.classifier.training.score_book import StoredScores
from image_assets.classifier.training.selection import TrainingRows, sampled_rows
from image_assets.classifier.training.train import NotTrainableError
from image_assets.classifier.training.training_rows import streamed_rows
from image_assets.dataset import DatasetSpec
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.features.pipeline import extract_rows
from image_assets.features.table import feature_matrix
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.schema import DUPLICATE_GROUPS, IMAGE_FEATURES, LABEL_CONFLICTS, RAW_IMAGES
from image_assets.settings.stages import ColourStatistics
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.workers import Progress, no_progress

_READ_ROWS = 256


def compare_families(
    dataset: DatasetSpec, store: Store, how: Comparison, progress: Progress = no_progress
) -> dict[str, list[FamilyResult]]:
    """Judge every family among the dataset's candidates by nested cross-validation.

    Scores are kept in the store, so that a comparison that was killed goes on where it was.

    Args:
        dataset: Its candidates, and how they are compared.
        store: Where its images and features are.
        how: Folds, and what takes part.
        progress: Told the candidates that are done.

    Returns:
        Name of the features → families as `nested` gives them. The same images and folds for both.

    Raises:
        NotTrainableError: there are no images, or too few of a class for the folds.
        MixedExtractors: features of another extractor than the dataset's.
    """
    spec, extractor = dataset.classifier, shared_extractor(dataset.extractor)
    ids, rows = _rows(dataset, store, extractor, with_held_out=how.with_held_out)
    features = {extractor.name: rows}
    colour = shared_extractor(ColourStatistics(kind="colour_statistics"))
    if how.colours and extractor.digest != colour.digest:
        vectors = stored_features(store.table(dataset.name, RAW_IMAGES), ids, colour)
        features[colour.name] = TrainingRows(vectors, rows.labels, rows.groups, rows.source_sets)
    book = StoredScores(store.objects(), f"{dataset.name}/comparison-scores")
    candidates = candidates_of(spec.candidates, spec.transform)
    found: dict[str, list[FamilyResult]] = {}
    for number, (name, part) in enumerate(features.items()):

        def share(done: int, total: int, number: int = number) -> None:
            progress(number * total + done, len(features) * total)

        found[name] = nested(candidates, part, spec.selection, how, book, share)
    book.forget_the_rest()
    return found


def stored_features(raw_images: PartitionedTable, image_ids: pl.Series, extractor: Extractor) -> np.ndarray:
    """Features of stored images by any extractor; they are kept nowhere.

    Args:
        raw_images: The table of that name; it is read file by file, so memory does not grow with it.
        image_ids: N ids, each of them in the table.
        extractor: What makes the features.

    Returns:
        float32 [N, D], in the order of `image_ids`.

    Raises:
        KeyError: an image is not in the table; the message names the first.
    """
    wanted = pa.array(image_ids.to_list(), pa.string())
    batches = [pl.DataFrame(rows) for rows in extract_rows(_images(raw_images, wanted), extractor)]
    made = (
        pl.concat(batches) if batches else pl.DataFrame(schema={"image_id": pl.String, "features": pl.List(pl.Float32)})
    )
    absent = image_ids.filter(~image_ids.is_in(made["image_id"].to_list()))
    if len(absent):
        raise KeyError(
            f"{len(absent)} of {len(image_ids)} images are not in {raw_images.url}, the first is {absent[0]}"
        )
    order = image_ids.to_frame("image_id").join(made, on="image_id", how="left", maintain_order="left")
    return feature_matrix(order)


def _rows(
    dataset: DatasetSpec, store: Store, extractor: Extractor, *, with_held_out: bool
) -> tuple[pl.Series, TrainingRows]:
    """Ids and rows of the images that are compared on, at most `selection.max_rows` of them."""
    features, conflicts, groups, images = (
        store.table(dataset.name, schema).scan()
        for schema in (IMAGE_FEATURES, LABEL_CONFLICTS, DUPLICATE_GROUPS, RAW_IMAGES)
    )
    decisions = decisions_of(dataset, store)
    wanted, doubted = decisions.applied(features), in_doubt(conflicts, decisions)
    index = row_index(wanted, doubted, groups, extractor.digest, dataset.classifier, images)
    if not len(index):
        raise NotTrainableError(f"there are no features of {dataset.name} in {store.url}: run a day first")
    used, selection = index if with_held_out else index.training(), dataset.classifier.selection
    chosen = used.take(sampled_rows(used.labels, used.groups, selection.max_rows, selection.seed))
    with streamed_rows(features, chosen, extractor.width) as matrix:
        return chosen.image_ids, TrainingRows(matrix.whole(), chosen.labels, chosen.groups, chosen.source_sets)


def _images(raw_images: PartitionedTable, wanted: pa.Array) -> Iterator[pa.RecordBatch]:
    for partition in raw_images.partitions():
        for file in raw_images.partition_files(partition):
            for batch in raw_images.files.read(file.path, ["image_id", "label", "content"], _READ_ROWS):
                chosen = batch.filter(pc.call_function("is_in", [batch["image_id"]], pc.SetLookupOptions(wanted)))
                if chosen.num_rows:
                    yield chosen
