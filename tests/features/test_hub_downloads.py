"""Where a TF Hub module that was downloaded is looked for: not where other users of the machine can put one."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest

from image_assets.features.errors import HubModuleError
from image_assets.features.hub_module import module_folder

URL = "http://127.0.0.1:9/module.tar.gz"  # nobody answers


def put(folder: Path) -> Path:
    """A module where tensorflow-hub keeps that URL's below a folder."""
    module = folder / "tfhub_modules" / hashlib.sha1(URL.encode(), usedforsecurity=False).hexdigest()
    module.mkdir(parents=True)
    (module / "saved_model.pb").write_bytes(b"a program")
    return module


def test_a_module_that_somebody_put_among_temporary_files_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("IMAGE_ASSETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "shared"))
    planted = put(tmp_path / "shared")
    assert Path(tempfile.gettempdir()) in planted.parents  # where tensorflow-hub by itself looks
    with pytest.raises(HubModuleError):
        module_folder(URL)
    kept = put(tmp_path / "cache")
    assert module_folder(URL) == kept
