"""The models: every file against its manifest, and that what names the champion names one that is there."""

from __future__ import annotations

from obstore.store import ObjectStore
from pydantic import ValidationError

from image_assets.settings.section import faults_of
from image_assets.store.models.model import FORMATS
from image_assets.store.models.model_champion import CHAMPION
from image_assets.store.models.model_files import manifest_name, manifest_of, model_content, model_digests
from image_assets.store.models.model_history import HISTORY, Decision
from image_assets.store.models.model_store import ModelMissingError, ModelRefusedError, champion_manifest
from image_assets.store.objects import content_of, sizes_below
from image_assets.verification.finding import Finding, LookedAt, Part, Remedy
from image_assets.workers import Progress


def verify_models(objects: ObjectStore, folder: str, progress: Progress) -> tuple[LookedAt, list[Finding]]:
    """Read the models in a folder. None is loaded: of a file that is not as it was written nothing is to be run.

    Args:
        objects: The object store rooted at the dataset's folder.
        folder: The models' folder below it.
        progress: Told after every model.
    """
    sizes = sizes_below(objects, f"{folder}/")
    findings = list[Finding]()

    def found(name: str, error: Exception | str, remedy: Remedy = Remedy.WHOLE) -> None:
        findings.append(Finding(Part.MODELS, f"{folder}/{name}", f"cannot be used: {error}", remedy))

    digests = model_digests(objects, folder)
    for done, digits in enumerate(digests, 1):
        try:
            model_content(objects, folder, manifest_of(objects, folder, digits))
        except (ModelMissingError, ModelRefusedError) as error:
            found(manifest_name(digits), error)
        progress(done, len(digests))
    if sizes:
        try:
            champion_manifest(objects, folder)
        except (ModelMissingError, ModelRefusedError) as error:
            found(CHAMPION, error)
    for path in sizes:
        name = path.removeprefix(f"{folder}/")
        if name.startswith(f"{HISTORY}/"):
            try:
                Decision.model_validate_json(content_of(objects, path) or b"")
            except ValidationError as error:
                found(name, faults_of(error), Remedy.ASIDE)
        elif name.endswith(FORMATS) and f"{path.rpartition('.')[0]}.json" not in sizes:
            found(name, "it has no manifest", Remedy.ASIDE)
    return LookedAt(len(sizes), sum(sizes.values())), findings
