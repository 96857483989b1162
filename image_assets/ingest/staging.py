"""Where a source keeps what it has fetched or computed, under names of our own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from image_assets.features.model_cache import cache_folder
from image_assets.ingest.folder import local_path

STAGING_VARIABLE = "IMAGE_ASSETS_STAGING"


def staging_folder(spec_staging: str | None, landing: str) -> Path:
    """The staging folder of a source; it need not exist yet.

    Args:
        spec_staging: The setting `staging` of the source's section.
        landing: Its landing zone, a folder or a URL.
    """
    chosen = spec_staging or os.environ.get(STAGING_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    if "://" not in landing or landing.startswith("file://"):
        return local_path(landing).absolute() / ".staging"
    return cache_folder() / "staging" / hashlib.sha256(landing.encode()).hexdigest()[:16]
