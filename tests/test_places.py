"""What a text means as a place, and that what means none is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from image_assets.places import Place, PlaceError, folder_of, make_folder, place_of

# Signs of a path that mean something in URLs, patterns, shells or quoting, among plain ones.
NAMES = st.text(st.sampled_from("ab #?%~[]*{}=&+:;|\\'\"<>$@é日 \t\n2050"), min_size=1, max_size=12)


@pytest.mark.local_store(reason="what the names of places mean, which the run on S3 changes")
@given(NAMES)
@example("%20")
@example("%2F")
@example("...")
def test_a_path_means_itself_and_a_url_of_it_means_the_same(name: str) -> None:
    path = Path("/data", name)
    assert place_of(str(path), "store") == place_of(path.as_uri(), "store") == Place(path)
    assert place_of(f"./{name}", "store").folder == Path.cwd() / name


@given(st.text(max_size=30))
@example("file:///a%00b")
@example("s3://a/\x00")
@example("~\x1f")
def test_any_text_is_a_place_or_refused_in_one_line(text: str) -> None:
    said = ""
    try:
        place = place_of(text, "store")
    except PlaceError as error:
        said = str(error)
    else:
        assert (place.folder is None) == bool(place.bucket)
        assert place.folder is None or place.folder.is_absolute()
        assert place_of(place.url, "store") == place
    assert said == "" or (said.startswith("store ") and said.isprintable())


@pytest.mark.local_store(reason="what the names of places mean, which the run on S3 changes")
@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("//data//new/", "/data/new"),
        ("file:/data", "/data"),
        ("FILE://localhost/my%20data", "/my data"),
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/a b/é%20/", "s3://bucket/a b/é%20"),
    ],
)
def test_each_place_has_one_spelling(text: str, means: str) -> None:
    assert place_of(text, "store").url == means


@pytest.mark.local_store(reason="what the names of places mean, which the run on S3 changes")
def test_the_home_folder_is_meant_by_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folder_of("~/data", "store") == tmp_path / "data"
    assert folder_of(Path("~"), "store") == tmp_path
    assert folder_of("./~", "store") == Path.cwd() / "~"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this names nothing"),
        (" ", "this names nothing"),
        ("a\0b", "this names nothing"),
        ("~nobody-there/s", "there is no user 'nobody-there'; a folder that is called so is './~nobody-there/s'"),
        ("gs://bucket", "expected a folder, file:///… or s3://bucket/prefix"),
        ("s3:/bucket/prefix", "expected a folder, file:///… or s3://bucket/prefix"),
        (" s3://bucket", "blanks around a URL"),
        ("file://machine/data", "the machine 'machine' is not this one"),
        ("file:data", "with the whole path"),
        ("file:///data#new", "# is written %23"),
        ("s3://", "'' is no name of a bucket"),
        ("s3:///prefix", "'' is no name of a bucket"),
        ("s3://key:secret@bucket", "store 's3://…@bucket': '…@bucket' is no name of a bucket"),
        ("https://user:secret@host/a", "store 'https://…@host/a': expected a folder"),
        ("s3://bucket//prefix", "is s3://bucket/prefix meant?"),
        ("s3://bucket/a//b", "is s3://bucket/a/b meant?"),
        ("s3://bucket/a/../b", ". and .. are no folders"),
        ("s3://bucket/a?version=1", "'?' cannot be in the prefix"),
    ],
)
def test_what_means_no_place_is_refused_with_what_to_do(text: str, why: str) -> None:
    with pytest.raises(PlaceError) as refused:
        place_of(text, "store")
    assert why in str(refused.value)


def test_a_bucket_is_no_local_folder() -> None:
    with pytest.raises(PlaceError, match="'s3://bucket': expected a local folder"):
        folder_of("s3://bucket", "staging")


def test_missing_folders_are_made_and_what_is_in_their_way_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b", "store")
    make_folder(tmp_path / "a" / "b", "store")
    (tmp_path / "file").touch()
    os.symlink(tmp_path / "gone", tmp_path / "link")
    for name in ("file", "link"):
        with pytest.raises(PlaceError, match=f"/{name}' is a file; expected a folder"):
            make_folder(tmp_path / name / "store", "store")
        with pytest.raises(PlaceError, match="it is a file; expected a folder"):
            make_folder(tmp_path / name, "store")
    with pytest.raises(PlaceError, match="the folder cannot be made"):
        make_folder(Path("/proc/none/store"), "store")
    with pytest.raises(PlaceError, match="the folder cannot be made: File name too long"):
        make_folder(tmp_path / ("x" * 300), "store")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "file", "link"]


def test_a_folder_that_somebody_else_makes_meanwhile_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    is_there = os.path.lexists

    def made_meanwhile(path: str | os.PathLike[str]) -> bool:
        Path(path).mkdir(exist_ok=True)
        return is_there(path)

    monkeypatch.setattr(os.path, "lexists", made_meanwhile)
    make_folder(folder, "store")
    assert folder.is_dir()
