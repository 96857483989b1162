"""What a removal leaves behind in a store, and its going at once: earlier versions of tables, caches, kept maps, pages.

Earlier versions that do not hold a removed image stay, and go with `image-assets gc`, as always.
"""

from __future__ import annotations

from obstore.store import ObjectStore

from image_assets.embedding.kept_regions import FOLDER as MAP
from image_assets.health.check_book import CHECK_RESULTS
from image_assets.ingest.known_files import KNOWN_FILES
from image_assets.pages.places import PLOTS
from image_assets.removal.traces import Sought, traces
from image_assets.schema import TABLES
from image_assets.store.objects import remove, sizes_below
from image_assets.store.store import Store
from image_assets.store.tables.unlisted import REMOVED
from image_assets.verification.mending import ASIDE

_MADE_AGAIN = (KNOWN_FILES, CHECK_RESULTS, REMOVED, ASIDE)


def remove_leftovers(store: Store, dataset: str, sought: Sought) -> list[str]:
    """Remove what holds any of what is sought and is in no table, or was; what then still holds any, sorted.

    Indexes and plots go as a whole: what they are made of cannot be told from them, and they are made again.

    Args:
        store: Where the dataset is kept.
        dataset: Its name.
        sought: Ids of removed images, and what their files are called.
    """
    objects = store.objects(dataset)
    indexes = {f"{schema.name}_{name}" for schema in TABLES for name in ("index", "hash_index")}
    remove(objects, *(path for path in sizes_below(objects) if path.split("/")[0] in {*indexes, PLOTS}))
    found = traces(objects, sought)
    listed = _listed(store, dataset, found)
    gone: set[str] = set()
    for path in found:
        folder = path.split("/")[0]
        if folder == MAP:
            gone |= _of_fit(objects, path)
        elif folder in _MADE_AGAIN or (folder in _TABLES and "/_delta_log/" not in path and path not in listed):
            gone.add(path)
    remove(objects, *sorted(gone, key=lambda path: not path.endswith(".json")))  # a fit without a manifest is none
    return [path for path in found if path not in gone]


_TABLES = {schema.name for schema in TABLES}


def _listed(store: Store, dataset: str, found: list[str]) -> set[str]:
    """The paths of files that tables consist of, of those tables that anything was found in."""
    listed: set[str] = set()
    for schema in TABLES:
        if any(path.startswith(f"{schema.name}/") for path in found):
            files = store.table(dataset, schema).snapshot().files["path"]
            listed |= {f"{schema.name}/{path}" for path in files}
    return listed


def _of_fit(objects: ObjectStore, path: str) -> set[str]:
    """All files of the fit that a file of the map belongs to."""
    start = path.removesuffix(".npz").removesuffix(".json").removesuffix("-regions")
    return {one for one in sizes_below(objects, f"{MAP}/") if one.startswith(start)}
