"""The champion: switched in one conditional write, with a history; stores of before are taken over."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path

import obstore
import pytest
from obstore.store import LocalStore, MemoryStore, ObjectStore

from image_assets.store.conditional_put import ChangedMeanwhileError, put_if_unchanged, read_stored
from image_assets.store.models.model_champion import (
    Champion,
    SeenChampion,
    prune_models,
    read_champion,
    see_champion,
    switch,
)
from image_assets.store.models.model_files import (
    ModelMissingError,
    load_model_of,
    model_digests,
    remove_model,
    store_model,
)
from image_assets.store.models.model_history import Decision, read_history, write_decision
from image_assets.store.models.model_store import champion_manifest, load_model
from image_assets.store.store import Store
from tests.s3_server import S3Server
from tests.store.kept_models import PREFIX, description, files, fitted
from tests.store.saving import save_model


@pytest.fixture(params=["memory", "local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "local":
        return LocalStore(tmp_path / "store", mkdir=True)
    server: S3Server = request.getfixturevalue("s3_server")
    return Store(f"s3://{server.bucket()}/store", server.storage_options).objects()


def of_day(day: int, seed: int, store: ObjectStore):
    return store_model(store, PREFIX, fitted(seed), description(partitions=[(dt.date(2026, 11, day), "plant")]))


def champion_of(sha256: str, **more: object) -> Champion:
    known = {"sha256": sha256, "since": dt.date(2026, 11, 1), "reason": "first", "latest": sha256}
    return Champion.model_validate({**known, **more})


def test_a_model_that_is_stored_is_not_the_champion_and_can_be_loaded_by_its_digest() -> None:
    store = MemoryStore()
    first = save_model(store, PREFIX, fitted(0), description())
    second = of_day(20, 1, store)
    assert champion_manifest(store, PREFIX) == first
    for name in (second.sha256, second.sha256[:12]):
        assert load_model_of(store, PREFIX, name)[1] == second
    assert model_digests(store, PREFIX) == sorted([first.sha256[:12], second.sha256[:12]])
    with pytest.raises(ModelMissingError, match="models list"):
        load_model_of(store, PREFIX, "0" * 64)


def test_of_two_switches_at_once_one_is_refused_and_nothing_is_lost(store: ObjectStore) -> None:
    first = save_model(store, PREFIX, fitted(0), description())
    seen = see_champion(store, PREFIX)
    challengers = [of_day(20, seed, store).sha256 for seed in (1, 2)]
    switch(store, PREFIX, seen, champion_of(challengers[0], replaced=first.sha256))
    with pytest.raises(ChangedMeanwhileError, match=r"champion\.json was replaced by another run"):
        switch(store, PREFIX, seen, champion_of(challengers[1], replaced=first.sha256))
    assert read_champion(store, PREFIX).sha256 == challengers[0]
    # What the loser should do: look again, and decide against the new one.
    switch(store, PREFIX, see_champion(store, PREFIX), champion_of(challengers[1], replaced=challengers[0]))
    assert read_champion(store, PREFIX).replaced == challengers[0]


def test_without_the_condition_the_first_of_two_switches_would_be_lost() -> None:
    """The negative control: a plain write, as every write without a condition is."""
    store = MemoryStore()
    for sha256 in ("1" * 64, "2" * 64):
        obstore.put(store, f"{PREFIX}/champion.json", champion_of(sha256, replaced="0" * 64).to_bytes())
    assert read_champion(store, PREFIX).replaced == "0" * 64


def test_the_first_of_all_champions_is_also_only_one(store: ObjectStore) -> None:
    nobody = see_champion(store, PREFIX)
    switch(store, PREFIX, nobody, champion_of("1" * 64))
    with pytest.raises(ChangedMeanwhileError):
        switch(store, PREFIX, nobody, champion_of("2" * 64))
    switch(store, PREFIX, see_champion(store, PREFIX), champion_of("1" * 64))
    assert read_champion(store, PREFIX).sha256 == "1" * 64


def test_threads_that_count_in_one_file_lose_no_count(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def count() -> None:
        done = 0
        while done < 20:
            before = read_stored(store, "n")
            number = int(before.content) if before else 0
            try:
                put_if_unchanged(store, "n", str(number + 1).encode(), before)
            except ChangedMeanwhileError:
                continue
            done += 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bytes(obstore.get(store, "n").bytes()) == b"80"


def test_a_store_of_before_is_read_and_taken_over_at_the_next_switch(store: ObjectStore) -> None:
    old = store_model(store, PREFIX, fitted(0), description())
    legacy(store, old.sha256)
    assert set(files(store)) == {old.file, "manifest.json"}
    assert champion_manifest(store, PREFIX) == old
    assert load_model(store, PREFIX, "abc123")[1] == old
    new = save_model(store, PREFIX, fitted(1), description())
    names = {name for one in (old, new) for name in (one.file, one.file.replace("skops", "json"))}
    assert set(files(store)) == {*names, "champion.json"}
    assert read_champion(store, PREFIX).replaced == old.sha256
    assert load_model_of(store, PREFIX, old.sha256)[1] == old


def test_the_same_model_trained_again_in_a_store_of_before_takes_it_over_too() -> None:
    store = MemoryStore()
    old = store_model(store, PREFIX, fitted(0), description())
    legacy(store, old.sha256)
    save_model(store, PREFIX, fitted(0), description())
    assert set(files(store)) == {old.file, old.file.replace("skops", "json"), "champion.json"}
    assert champion_manifest(store, PREFIX) == old


def legacy(store: ObjectStore, sha256: str) -> None:
    """Turn a store with one stored model into what it was before there was a history."""
    name = f"model-{sha256[:12]}.json"
    manifest = json.loads(files(store)[name])
    del manifest["seal"], manifest["model_format"]
    obstore.put(store, f"{PREFIX}/manifest.json", json.dumps(manifest, indent=2).encode())
    obstore.delete(store, f"{PREFIX}/{name}")


def test_the_newest_models_are_kept_and_always_champion_predecessor_and_latest() -> None:
    store = MemoryStore()
    models = [of_day(day, day, store).sha256 for day in range(1, 9)]
    champion = champion_of(models[1], replaced=models[0], latest=models[2])
    switch(store, PREFIX, SeenChampion(None), champion)
    assert prune_models(store, PREFIX, champion, 8) == []
    gone = prune_models(store, PREFIX, champion, 5)
    assert sorted(gone) == sorted(one[:12] for one in models[3:6])
    assert model_digests(store, PREFIX) == sorted(one[:12] for one in (*models[:3], *models[6:]))
    assert not any(one[:12] in name for one in models[3:6] for name in files(store))
    assert prune_models(store, PREFIX, champion, 2)
    assert len(model_digests(store, PREFIX)) == 3


def test_a_model_that_is_removed_twice_is_gone() -> None:
    store = MemoryStore()
    digest = of_day(1, 1, store).sha256
    for _ in range(2):
        remove_model(store, PREFIX, digest[:12])
    assert files(store) == {}


def decision(**changes: object) -> Decision:
    known = {
        "data_day": "2026-11-20",
        "challenger": "1" * 64,
        "champion": "0" * 64,
        "promoted": True,
        "reason": "better",
        "explanation": "better",
    }
    return Decision.model_validate({**known, **changes})


def test_records_are_in_order_and_the_same_decision_is_one_record() -> None:
    store = MemoryStore()
    late, early = decision(), decision(data_day="2026-11-19")
    by_hand = decision(reason="by hand", at=dt.datetime(2026, 11, 21, 9, tzinfo=dt.UTC))
    for one in (by_hand, late, early, late):
        write_decision(store, PREFIX, one)
    assert read_history(store, PREFIX) == [early, late, by_hand]
    obstore.put(store, f"{PREFIX}/history/2026-11-22-note.json", b"{}")
    assert len(read_history(store, PREFIX)) == 3


def test_training_the_champion_once_more_does_not_hide_its_promotion() -> None:
    store = MemoryStore()
    write_decision(store, PREFIX, decision())
    write_decision(store, PREFIX, decision(reason="same model", promoted=False))
    assert [one.reason for one in read_history(store, PREFIX)] == ["better"]
    write_decision(store, PREFIX, decision(data_day="2026-11-21", reason="same model", promoted=False))
    assert [one.reason for one in read_history(store, PREFIX)] == ["better", "same model"]
