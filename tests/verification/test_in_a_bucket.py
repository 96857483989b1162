"""A store in a bucket is read, and what is damaged moved aside, as on a disk: on a real S3 server."""

from __future__ import annotations

import obstore
import pytest

from image_assets.store.store import Store
from image_assets.verification.finding import Part
from image_assets.verification.mending import mending_of, set_aside
from image_assets.verification.whole_store import verify_store
from tests.platform import FIRST, Platform
from tests.s3_server import S3Server
from tests.verification.now import NOW
from tests.verification.shown import nothing_shown


@pytest.mark.long
def test_a_damaged_file_in_a_bucket_is_named_and_moved_aside(loaded_platform: Platform, s3_server: S3Server) -> None:
    store = Store(f"s3://{s3_server.bucket()}/store", s3_server.storage_options)
    objects, root = store.objects("drawn"), loaded_platform.files / "drawn"
    for file in (path for path in root.rglob("*") if path.is_file()):
        obstore.put(objects, str(file.relative_to(root)), file.read_bytes())
    whole = verify_store(store, loaded_platform.dataset, nothing_shown)
    assert whole.is_sound
    assert whole.looked_at == verify_store(loaded_platform.store, loaded_platform.dataset, nothing_shown).looked_at

    (file,) = root.glob(f"image_features/date={FIRST}/category=plant/*.parquet")
    content, path = bytearray(file.read_bytes()), str(file.relative_to(root))
    content[len(content) // 2] ^= 1
    obstore.put(objects, path, bytes(content))
    found = verify_store(store, loaded_platform.dataset, nothing_shown)
    assert [(one.part, one.path) for one in found.findings] == [(Part.TABLES, path)]
    (moved,) = set_aside(objects, mending_of(found.findings, lambda _: False).aside, NOW)
    assert bytes(obstore.get(objects, moved).bytes()) == bytes(content)
    (missing,) = verify_store(store, loaded_platform.dataset, nothing_shown).findings
    assert missing.what == "is missing"
