"""A platform into which hostile words came by every door that takes words, and that was really run."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import yaml

from image_assets.alerts.ledger import Entry, Ledger
from image_assets.alerts.run_report import CheckOutcome
from image_assets.alerts.text import Links, text_of_check
from image_assets.cli import main
from image_assets.health.acknowledged import CAN_BE_ACKNOWLEDGED, Acknowledgements
from image_assets.health.check_book import CheckBook, CheckStatus
from image_assets.marks.record import Mark, keep_marks, marks_of
from image_assets.schema import RAW_IMAGES, Partition
from image_assets.shares.contents import Chosen, contents_of
from image_assets.shares.record import ShareBook
from tests.hostile.words import FOLDERS, NAMES, WORDS, with_texts
from tests.ingest.annotated.stand_ins import write_coco
from tests.ingest.urls.downloading import LOOPBACK, QUICK, write_list
from tests.ingest.urls.web import Site, content, running
from tests.pictures import picture
from tests.platform import FIRST, Platform, small_dataset

HOUR = dt.timedelta(hours=1)
_QUICK = {"kind": "colour_statistics"}
_KINDS = {"plant": 0, "animal": 1, "human": 2}


def write_dataset(platform: Platform) -> None:
    """The dataset's file and the project's, for commands that are given in the platform's folder."""
    platform.root.mkdir(parents=True, exist_ok=True)
    (platform.root / "drawn.yaml").write_text(yaml.safe_dump(platform.dataset.model_dump(mode="json")))
    (platform.root / "image-assets.yaml").write_text("dataset: drawn.yaml\nlanding: landing\nstore: store\n")


def said_by(platform: Platform, *words: str) -> tuple[int, str, str]:
    """A command given in the platform's folder: its exit status, what it printed and what it said besides."""
    out, besides, here = io.StringIO(), io.StringIO(), Path.cwd()
    os.chdir(platform.root)
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(besides),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.delenv("DAGSTER_HOME", raising=False)  # a demo in this process sets it
            status = main([*words])
    finally:
        os.chdir(here)
    return status, out.getvalue(), besides.getvalue()


@contextlib.contextmanager
def planted(how: str, root: Path) -> Iterator[Platform]:
    """A platform whose images came in `folders`, with `annotations` or by `urls`, not run yet."""
    match how:
        case "folders":
            yield planted_in_folders(root)
        case "annotations":
            yield planted_in_annotations(root)
        case _:
            with running(Site()) as site:
                yield planted_in_urls(root, site)


def planted_in_folders(root: Path) -> Platform:
    """Files whose names, texts and folders are hostile: pictures, copies, what is none, archives and their members."""
    rules = {"limits": {"quarantine_rate": 0.9}, "label_conflicts": {"limit": 0.5}}
    platform = Platform(small_dataset(extractor=_QUICK, classifier={}, **rules), root)
    write_dataset(platform)
    for category, kind in _KINDS.items():
        folder = platform.landing / str(FIRST) / category
        deep = folder / FOLDERS
        deep.mkdir(parents=True)
        (deep / "x.png)").write_bytes(picture(kind, 99))
        for number, name in enumerate(NAMES):
            (folder / name).write_bytes(with_texts(picture(kind, number)))
            (folder / f"broken {name}").write_text(f"<html>{WORDS['a script']}</html>")
            (folder / f"copy {name}").write_bytes(with_texts(picture(kind, number)))
            (folder / f"{name}.txt").write_text(WORDS["a script"])
        _archives(folder, kind)
    for name in NAMES:  # folders of no category, and of no day
        strange = platform.landing / str(FIRST) / name
        strange.mkdir()
        (strange / name).write_bytes(picture(0, 200))
    (platform.landing / f"{FIRST} {NAMES[1]}").mkdir()
    (platform.landing / "2026_11_05").mkdir()  # somebody meant a day
    # One picture under two categories.
    other = platform.landing / str(FIRST) / "animal" / f"twice {NAMES[0]}"
    other.write_bytes((platform.landing / str(FIRST) / "plant" / NAMES[0]).read_bytes())
    return platform


def _archives(folder: Path, kind: int) -> None:
    with zipfile.ZipFile(folder / f"{NAMES[0]}.zip", "w") as file:
        for number, word in enumerate(WORDS.values()):
            file.writestr(word, picture(kind, 300 + number))
    with tarfile.open(folder / f"{NAMES[3]}.tar", "w") as file:
        for number, word in enumerate(WORDS.values()):
            content = picture(kind, 400 + number) if number % 2 else word.encode()
            member = tarfile.TarInfo(word)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))


def say_of_it(platform: Platform) -> None:
    """What people say with hostile words: marks, acknowledgements, notes of links, advice of checks, suspects."""
    dataset, store = platform.dataset, platform.store
    rows = platform.rows(RAW_IMAGES).sort("image_id")
    for number, word in enumerate(WORDS.values()):
        one, now = rows[number : number + 1].select("image_id", "category"), dt.datetime.now(dt.UTC)
        keep_marks(dataset, store, marks_of(dataset, store, one, Mark("exclude", word), now))
    ledger = Ledger(platform.root / "alerts.sqlite")
    for number, word in enumerate(WORDS.values()):
        outcome = CheckOutcome(
            dataset="drawn",
            asset="raw_images",
            check=f"check_{number}",
            partition=f"{FIRST} plant",
            run_id=f"run-{number}",
            at=0.0,
            passed=False,
            severity="WARN",
            advice=word,
            figures={"for example": word},
        )
        ledger.record([Entry("TEAM", outcome, text_of_check(outcome, Links(None)))])
    for waiting, word in zip(ledger.messages(), WORDS.values(), strict=True):
        ledger.mark_refused(waiting, word)
    made = contents_of(dataset, store, Chosen())
    for word in WORDS.values():
        ShareBook(store, dataset.name).make(made, HOUR, word, word)
    book = CheckBook(store, dataset.name)
    states = {
        one.check: (one.state, one.description) for one in book.states() if one.partition == Partition(FIRST, "plant")
    }
    planted: dict[str, tuple[CheckStatus, str]] = {
        name: ("failed", word) for name, word in zip(states, WORDS.values(), strict=False)
    }
    book.write("raw_images", Partition(FIRST, "plant"), planted, "run-1")
    said = Acknowledgements(store, dataset.name)
    failed = [one for one in CheckBook(store, dataset.name).states() if one.state in CAN_BE_ACKNOWLEDGED]
    for check, word in zip(failed, WORDS.values(), strict=False):
        said.say(check, f"is known: {word}", word)


def planted_in_annotations(root: Path) -> Platform:
    """Labels, names of images and of the annotations' own files are hostile, and boxes belong to them."""
    labels = [f"{word} {number}" for number, word in enumerate(WORDS.values())]
    source = {
        "kind": "coco",
        "categories_from": {"plant": labels[::2], "animal": labels[1::2]},
        "boxes_of": "all",
        "several": "multi_label",
    }
    changes = {"source": source, "categories": {"plant": 0, "animal": 1}, "extractor": _QUICK}
    platform = Platform(small_dataset(**changes, limits={"quarantine_rate": 0.9}), root)
    write_dataset(platform)
    images, annotations = [], []
    for number, name in enumerate([*NAMES, *(f"broken {name}" for name in NAMES)]):
        label = number % len(labels)
        file = platform.landing / str(FIRST) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"<html>404</html>" if number >= len(NAMES) else with_texts(picture(label % 2, number)))
        images.append({"id": number, "file_name": name, "width": 64, "height": 64})
        boxes = [[8, 16, 24, 30], [0, 0, 0, 5]]
        annotations += [{"image_id": number, "category_id": label, "bbox": box} for box in boxes]
        annotations.append({"image_id": number, "category_id": (label + 2) % len(labels), "bbox": [1, 1, 9, 9]})
    annotations = [{"id": number, **one} for number, one in enumerate(annotations)]
    named = [{"id": n, "name": label, "supercategory": label} for n, label in enumerate(labels)]
    write_coco(platform.landing / "annotations" / f"{NAMES[0]}.json", images, annotations, named)
    return platform


def planted_in_urls(root: Path, site: Site) -> Platform:
    """URLs, and the files that list them, are hostile; some lead to pictures, the others nowhere."""
    site.fallback = lambda path: content(picture(0, len(path))) if path.startswith("/good") else None
    words = [quote(word) for word in WORDS.values()]
    urls = [site.url(f"/good?{word}") for word in words] + [site.url(f"/gone/{word}") for word in words]
    urls += [f"javascript:{word}" for word in WORDS.values()] + [*WORDS.values()]
    source = QUICK | {"allow_addresses": LOOPBACK, "ports": [site.port], "retries": 0}
    rules = {"limits": {"quarantine_rate": 0.95}, "label_conflicts": {"limit": 0.5}}
    platform = Platform(small_dataset(source=source, extractor=_QUICK, **rules), root)
    write_dataset(platform)
    for number, name in enumerate(NAMES):
        write_list(platform.landing / str(FIRST) / f"{name}.csv", urls[number :: len(NAMES)], "plant")
    return platform
