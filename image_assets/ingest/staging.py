"""Where sources keep what they bring near before it is read: downloads, members of archives."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from image_assets.features.model_cache import cache_folder
from image_assets.ingest.folder import local_path

STAGING_VARIABLE = "IMAGE_ASSETS_STAGING"


def staging_folder(spec_staging: str | None, landing: str) -> Path:
    """The folder for what a source brings near; it need not exist yet.

    Args:
        spec_staging: The setting `staging` of the dataset's source, which goes before all else.
        landing: The landing zone. Without a setting, and without a folder that `IMAGE_ASSETS_STAGING` names, the
            folder is `.staging` in a local landing zone and, for another, one of its own in the cache.
    """
    named = spec_staging or os.environ.get(STAGING_VARIABLE)
    if named:
        return Path(named).absolute()
    if "://" not in landing or landing.startswith("file://"):
        return local_path(landing).absolute() / ".staging"
    return cache_folder() / "staging" / hashlib.sha256(landing.encode()).hexdigest()[:16]
