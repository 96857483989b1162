"""S2: no archive writes outside staging or beyond its caps, and what becomes of every one is listed."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from image_assets.ingest.archives import caps as caps_module
from tests.ingest.archive_attacks import ATTACKS, BOMBS, KINDS, MB, Attack, header, tar_entry, zeros
from tests.ingest.archives import Landed, tarred, zipped

OUTSIDE = Path("/nowhere-at-all")


def everything(folder: Path) -> dict[str, tuple[int, int]]:
    """All that is in a folder, with what changes when it is written to."""
    found = {}
    for top, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(top, name)
            status = os.lstat(path)
            found[path] = (status.st_mode, status.st_mtime_ns if name in files else 0)
    return found


@pytest.fixture(autouse=True)
def ratio_of_small_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of megabytes are found in the same way as bombs of gigabytes, but sooner."""
    monkeypatch.setattr(caps_module, "RATIO_FROM_BYTES", MB)


def land_attack(root: Path, attack: Attack) -> Landed:
    landed = Landed(root / "deep" / "in" / "a" / "folder", **attack.caps)
    landed.put(attack.file, attack.make())
    return landed


def test_there_are_as_many_attacks_as_were_promised() -> None:
    assert len(ATTACKS) >= 40
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_writes_nothing_outside_and_what_became_of_it_is_listed(tmp_path: Path, attack: Attack) -> None:
    landed = land_attack(tmp_path, attack)
    before = everything(tmp_path)
    good, bad, ignored = landed.outcome()
    after = everything(tmp_path)
    inside = os.path.join(landed.staging, "")
    changed = {path for path in after if before.get(path) != after[path]} | (before.keys() - after.keys())
    assert {path for path in changed if not path.startswith(inside) and path != str(landed.staging)} == set()
    assert not OUTSIDE.exists()
    own_names(landed)
    prefix = f"{attack.file}/"
    assert {
        name.removeprefix(prefix) if name != attack.file else "": reason for name, reason in bad.items()
    } == attack.bad
    if attack.good is not None:
        assert {name.removeprefix(prefix): content for name, content in good.items()} == attack.good
    assert ignored == attack.ignored
    staged = sum(path.stat().st_size for path in landed.staging.rglob("files/*/*"))
    assert staged <= min(attack.caps.get("bytes", 1 << 40), max(MB, landed.tree.caps.ratio * len(attack.make())))
    assert landed.outcome() == (good, bad, ignored)


def own_names(landed: Landed) -> None:
    """Every name in staging is one of ours, and everything is a plain file or folder."""
    for path in landed.staging.rglob("*"):
        assert not path.is_symlink()
        assert path.is_file() or path.is_dir()
        parts = path.relative_to(landed.staging).parts
        ours = set("0123456789abcdef")
        assert all(
            set(part.removesuffix(".json").removesuffix(".lock")) <= ours
            or part in ("archives", "files", "manifest", "end.json")
            for part in parts
        ), path


# What the safeguards are for: the same archives, unpacked without them.


@pytest.mark.parametrize("name", ["tar symbolic link out", "tar symbolic link ..", "tar pipe"])
def test_plain_extraction_makes_links_and_pipes(tmp_path: Path, name: str) -> None:
    (attack,) = [attack for attack in KINDS if attack.name == name]
    with tarfile.open(fileobj=io.BytesIO(attack.make())) as archive:
        archive.extractall(tmp_path, filter="fully_trusted")
    assert not (tmp_path / "evil.jpg").is_file()
    assert os.path.lexists(tmp_path / "evil.jpg")


@pytest.mark.parametrize("name", ["../../evil.jpg", "ABSOLUTE"])
def test_plain_extraction_of_a_tar_writes_outside_and_the_comparison_sees_it(tmp_path: Path, name: str) -> None:
    target = tmp_path / "a" / "b" / "target"
    target.mkdir(parents=True)
    member = str(tmp_path / "evil.jpg") if name == "ABSOLUTE" else name
    before = everything(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(tarred([(member, b"evil")]))) as archive:
        archive.extractall(target, filter="fully_trusted")
    new = everything(tmp_path).keys() - before.keys()
    assert [path for path in new if not path.startswith(str(target))], "the attack does nothing"


def test_plain_extraction_follows_a_link_out(tmp_path: Path) -> None:
    target, outside = tmp_path / "target", tmp_path / "outside"
    target.mkdir()
    outside.mkdir()
    entries = [(tar_entry(tarfile.SYMTYPE, "d", str(outside)), b""), ("d/evil.jpg", b"evil")]
    with tarfile.open(fileobj=io.BytesIO(tarred(entries))) as archive:
        archive.extractall(target, filter="fully_trusted")
    assert (outside / "evil.jpg").exists()


def test_names_joined_to_a_folder_as_they_are_lead_out_of_it(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    with zipfile.ZipFile(io.BytesIO(zipped([("../evil.jpg", b"evil")]))) as archive:
        for info in archive.infolist():
            (target / info.filename).write_bytes(archive.read(info))
    assert (tmp_path / "evil.jpg").exists()


def test_plain_extraction_keeps_one_of_several_members_of_a_name(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped([("a.jpg", b"1"), ("a.jpg", b"2")])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("attack", [a for a in BOMBS if a.caps and a.bad], ids=lambda attack: attack.name)
def test_without_its_cap_a_bomb_goes_off(tmp_path: Path, attack: Attack) -> None:
    landed = Landed(tmp_path, ratio=1e9)
    landed.put(attack.file, attack.make())
    good, bad, _ = landed.outcome()
    assert bad == {}
    exceeds = {
        "members": len(good) + 20 * (attack.name == "too many folders"),
        "bytes": sum(map(len, good.values())) + 3 * MB * ("ignored" in attack.name),
        "ratio": sum(map(len, good.values())) / len(attack.make()),
    }
    cap, limit = next(iter(attack.caps.items()))
    assert exceeds[cap] > limit


def test_the_librarys_own_walk_ends_without_a_word_at_a_damaged_header() -> None:
    (attack,) = [attack for attack in ATTACKS if attack.name == "tar damaged header"]
    with tarfile.open(fileobj=io.BytesIO(attack.make()), mode="r|") as archive:
        assert [member.name for member in archive] == ["good.jpg"]


def test_an_extended_header_is_not_read_into_memory_before_its_size_is_known() -> None:
    (attack,) = [attack for attack in ATTACKS if attack.name == "tar pax header of 8 GB"]
    assert len(attack.make()) < 10_000
    assert header("pax", 2**33, tarfile.XHDTYPE)


def test_memory_stays_bounded_whatever_grows(tmp_path: Path) -> None:
    """A bomb of each compression under a limit of memory that it would break at once if it were held whole."""
    import subprocess
    import sys

    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED):
        landed = Landed(tmp_path / str(method))
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", method) as made, made.open("bomb.jpg", "w") as member:
            for _ in range(60):
                member.write(bytes(MB))
        landed.put("a.zip", buffer.getvalue())
    program = (
        "import sys, tracemalloc; from pathlib import Path; from tests.ingest.archives import Landed\n"
        "tracemalloc.start()\n"
        "for folder in sorted(Path(sys.argv[1]).iterdir()): Landed(folder, ratio=1e9).fetch()\n"
        "print(tracemalloc.get_traced_memory()[1])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 25 * MB
    assert len(zeros("zip", MB)) < MB
