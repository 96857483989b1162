"""What is shared: exact contents, the marks in them, and records of which no link can be made."""

from __future__ import annotations

import datetime as dt
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from image_assets.marks.record import Mark, keep_marks, marks_of
from image_assets.schema import RAW_IMAGES
from image_assets.shares.contents import Chosen, Contents, contents_of
from image_assets.shares.record import ShareBook
from image_assets.shares.share import ShareError
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import files_at

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@pytest.fixture(scope="module")
def contents(loaded_platform: Platform) -> Contents:
    return contents_of(loaded_platform.dataset, loaded_platform.store, Chosen())


def test_all_that_is_published_is_named_as_it_lies(loaded_platform: Platform, contents: Contents) -> None:
    folder = loaded_platform.files / "drawn"
    lying = [path for tree in ("feature_shards", "feature_shards_manifests") for path in (folder / tree).rglob("*.*")]
    assert {one.path for one in contents.files} == {str(path.relative_to(folder)) for path in lying}
    for one in contents.files:
        content = (folder / one.path).read_bytes()
        assert (one.bytes, one.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert contents.rows == 60


def test_days_and_categories_narrow_it(loaded_platform: Platform) -> None:
    def paths(*chosen) -> set[str]:
        found = contents_of(loaded_platform.dataset, loaded_platform.store, Chosen(*chosen)).files
        return {one.path.split("/", 1)[1].rpartition("/")[0] for one in found}

    assert paths([SECOND], ["plant", "human"]) == {f"date={SECOND}/category={name}" for name in ("plant", "human")}
    assert len(paths([FIRST])) == 3
    with pytest.raises(ShareError, match="there is no category 'owl'"):
        paths([], ["owl"])
    with pytest.raises(ShareError, match="nothing of this is published"):
        paths([dt.date(2026, 11, 5)])


def test_what_is_not_as_it_was_published_is_not_shared(damaged: Platform) -> None:
    file = sorted((damaged.files / "drawn/feature_shards").rglob("*.parquet"))[0]
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(ShareError, match=f"{file.name} is not as it was published"):
        contents_of(damaged.dataset, damaged.store, Chosen())
    file.unlink()
    with pytest.raises(ShareError, match=f"{file.name} is named by its manifest and not there"):
        contents_of(damaged.dataset, damaged.store, Chosen())


def test_marks_count_once_the_shards_follow_them(damaged: Platform) -> None:
    def marks():
        return contents_of(damaged.dataset, damaged.store, Chosen([FIRST], ["plant"])).marks

    assert "no marks" in str(marks())
    rows = damaged.rows(RAW_IMAGES, damaged.partition("plant")).sort("image_id")
    for what, number in (("exclude", 0), ("check", 1)):
        one = rows[number : number + 1].select("image_id", "category")
        mark = Mark(what, "ada")  # pyright: ignore[reportArgumentType]
        keep_marks(damaged.dataset, damaged.store, marks_of(damaged.dataset, damaged.store, one, mark, NOW))
    # That an image is right asks for no other shards.
    assert (marks().images, marks().not_yet) == (1, 1)
    assert "those of 1 more are not in it yet" in str(marks())
    damaged.load(FIRST, "plant")
    assert (marks().images, marks().not_yet) == (2, 0)
    latest = marks().latest
    assert latest is not None
    assert abs(latest - NOW) < dt.timedelta(seconds=1)
    assert "the marks of 2 images, the latest of 2026-11-21 12:00 UTC" in str(marks())


def test_a_share_is_found_by_its_token_alone_and_revoked_once(loaded_platform: Platform, contents, tmp_path) -> None:
    from image_assets.store.store import Store

    book = ShareBook(Store(str(tmp_path / "store")), "drawn")
    assert book.all() == []
    assert not files_at(tmp_path / "store").exists()
    made, token = book.make(contents, HOUR, "ada", "for the museum", NOW)
    other, _ = book.make(contents, HOUR, "ada", now=NOW + HOUR)
    assert book.of_token(token) == made
    assert book.of_token(made.id) is None
    assert book.of_token(token.swapcase()) is None
    assert [one.id for one in book.all()] == [other.id, made.id]
    assert [made.state(NOW + late) for late in (HOUR / 2, HOUR)] == ["open", "expired"]
    with ThreadPoolExecutor(4) as several:
        revoked = list(several.map(lambda late: book.revoke(made.id, NOW + late * HOUR), range(1, 5)))
    assert len({one.revoked for one in revoked}) == 1
    found = book.of_token(token)
    assert found is not None
    assert (found.state(NOW), found.revoked) == ("revoked", revoked[0].revoked)
    for wrong in ("", "g", "0" * 12):
        with pytest.raises(ShareError, match="no such share"):
            book.revoke(wrong)
    with pytest.raises(ShareError, match="lasts up to"):
        book.make(contents, dt.timedelta(days=4_000), "ada")
    assert [one.id for one in book.clear(NOW)] == [made.id]  # the other one is open
    assert [one.id for one in book.all()] == [other.id]
    assert book.of_token(token) is None
    assert book.clear(NOW) == []
    assert [one.id for one in book.clear(NOW + 2 * HOUR)] == [other.id]


def test_a_record_that_was_altered_is_told(contents: Contents, tmp_path) -> None:
    from image_assets.store.store import Store

    book = ShareBook(Store(str(tmp_path / "store")), "drawn")
    made, token = book.make(contents, HOUR, "ada")
    record = files_at(tmp_path / "store/drawn/shares") / f"{made.id}.json"
    record.write_text(record.read_text().replace("feature_shards/", "../", 1).replace('"format":1', '"format":1,"x":2'))
    record.write_text(record.read_text()[:-20])
    with pytest.raises(ShareError, match="is no share of format 1"):
        book.of_token(token)
