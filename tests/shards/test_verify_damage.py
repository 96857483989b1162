"""Verification: damage of any kind at any place of any published file is found."""

from __future__ import annotations

from functools import cache

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from image_assets.shards.manifest import MANIFEST, path_of
from tests.shards.partition import PREFIX, publish_rows
from tests.shards.published import FORMATS, ROWS, content_of, names, problems_of, replace_content
from tests.torture.size import record, rounds_of

EXAMPLES = rounds_of("R7")


@cache
def published(file_format: str) -> tuple[MemoryStore, dict[str, bytes]]:
    store = MemoryStore()
    publish_rows(store, ROWS, file_format=file_format)
    return store, {name: content_of(store, name) for name in [*names(store), MANIFEST]}


def damage(store: MemoryStore, whole: dict[str, bytes], name: str, data: st.DataObject) -> set[str]:
    """Damage the partition at `name`; the files of which each must be named."""
    content = whole[name]
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["bit flip", "truncation", "deletion", "swap", "duplicate"]))
    if kind == "bit flip":
        flipped = content[place] ^ 1 << data.draw(st.integers(0, 7))
        replace_content(store, name, content[:place] + bytes([flipped]) + content[place + 1 :])
    elif kind == "truncation":
        replace_content(store, name, content[:place])
    elif kind == "deletion":
        store.delete(path_of(PREFIX, name))
    elif kind == "swap":
        other = data.draw(st.sampled_from(sorted(whole.keys() - {name})))
        replace_content(store, name, whole[other])
        replace_content(store, other, content)
        return {name, other}
    else:
        replace_content(store, f"copy-of-{name}", content)
        return {f"copy-of-{name}"}
    return {name}


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data())
def test_damage_at_any_place_is_found_and_named(data: st.DataObject) -> None:
    store, whole = published(data.draw(st.sampled_from(FORMATS)))
    try:
        assert problems_of(store) == []
        damaged = damage(store, whole, data.draw(st.sampled_from(sorted(whole))), data)
        named = {problem.file for problem in problems_of(store)}
        if MANIFEST in damaged:
            # Found, but where only an entry is altered it is that entry's file which is named.
            assert named
        else:
            assert damaged <= named
        record("R7", found=1, clean=1)
    finally:
        for path in [meta["path"] for page in store.list() for meta in page]:
            store.delete(path)
        for name, content in whole.items():
            replace_content(store, name, content)


def test_damage_over_which_polars_panics_is_found_and_named() -> None:
    store, whole = published("parquet")
    name, content = next(one for one in sorted(whole.items()) if one[0].endswith(".parquet"))
    # Somewhere in the footer, of which the last bytes but eight say how long it is.
    footer = int.from_bytes(content[-8:-4], "little")
    flipped = (
        content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        for place in range(len(content) - 8 - footer, len(content) - 8)
    )
    replace_content(store, name, next(one for one in flipped if polars_panics(one)))
    try:
        assert name in {problem.file for problem in problems_of(store)}
    finally:
        replace_content(store, name, content)


def polars_panics(content: bytes) -> bool:
    try:
        pl.read_parquet(content)
    except pl.exceptions.PanicException:
        return True
    except pl.exceptions.PolarsError:
        return False
    return False
