"""Lists of URLs as they arrive."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.ingest.folder import LocalTree
from image_assets.ingest.source import SourceError
from image_assets.ingest.urls import lists
from image_assets.ingest.urls.lists import NO_CATEGORY, shown
from image_assets.ingest.urls.source import UrlLists
from image_assets.settings.no_arrivals import no_arrivals
from image_assets.settings.sources import UrlListSource
from tests.ingest.urls.downloading import FIRST

CSV = 'url,category,title\nhttp://a.org/1,cat,"two\nlines, one field"\n http://a.org/2 , dog ,\n,cat,\nhttp://a.org/3,,x\n'


def source(landing: Path, **settings: object) -> UrlLists:
    spec = UrlListSource.model_validate({"kind": "url_list", **settings})
    return UrlLists(LocalTree(landing, no_arrivals(spec.ignore)), spec, landing / ".staging", 1000)


@pytest.fixture
def day(tmp_path: Path) -> Path:
    folder = tmp_path / str(FIRST)
    folder.mkdir()
    return folder


@pytest.mark.parametrize("name", ["list.csv", "deep/er/LIST.CSV", "list.csv.gz", "list.parquet"])
def test_rows_of_every_format(day: Path, name: str) -> None:
    path = day / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".parquet"):
        columns = {"url": ["http://a.org/1", " http://a.org/2 ", None, "http://a.org/3"], "n": [1, 2, 3, 4]}
        categories = pa.array(["cat", " dog ", "cat", None]).dictionary_encode()
        pq.write_table(pa.table(columns | {"category": categories}), path)
    else:
        path.write_bytes(gzip.compress(CSV.encode()) if name.endswith(".gz") else CSV.encode())
    found = source(day.parent)
    assert found.days() == [FIRST]
    nameless = f"{FIRST}/{name} (1 rows without a category, the first is row 4)"
    assert found.categories(FIRST) == [nameless, "cat", "dog"]
    listed = {category: found.list_files(FIRST, category).files for category in (NO_CATEGORY, "cat", "dog")}
    assert {category: [file.source for file in files] for category, files in listed.items()} == {
        "cat": [f"{FIRST}/{name} row 0000001: http://a.org/1", f"{FIRST}/{name} row 0000003: "],
        "dog": [f"{FIRST}/{name} row 0000002: http://a.org/2"],
        NO_CATEGORY: [f"{FIRST}/{name} row 0000004: http://a.org/3"],
    }


@pytest.mark.parametrize("name", ["list.csv", "list.csv.gz"])
def test_a_list_larger_than_any_buffer_is_read_row_by_row(day: Path, name: str) -> None:
    lines = [f'"http://a.org/{number}?a=1,2","c{number % 3}"' for number in range(60_000)]
    content = "\n".join(["url,category", *lines]).encode()
    (day / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    found = source(day.parent)
    for _ in range(3):
        assert found.categories(FIRST) == ["c0", "c1", "c2"]
    files = found.list_files(FIRST, "c1").files
    assert len(files) == 20_000
    assert files[-1].source.endswith("row 0059999: http://a.org/59998?a=1,2")


def test_columns_have_the_names_of_the_dataset_file(day: Path) -> None:
    (day / "list.csv").write_text("\ufeffimage_url,label,url\nhttp://a.org/1,cat,page\n")
    (file,) = source(day.parent, url_column="image_url", category_column="label").list_files(FIRST, "cat").files
    assert file.source.endswith("row 0000001: http://a.org/1")


def test_other_files_are_named_and_counted(day: Path) -> None:
    (day / "list.csv").write_text("url,category\n")
    (day / "list.tsv").write_text("url\tcategory\nhttp://a.org/1\tcat\n")
    (day / "more.csv").write_text("url,category\nhttp://a.org/1,cat\n")
    (day / ".hidden.csv").write_text("nonsense")
    found = source(day.parent)
    listing = found.list_files(FIRST, "cat")
    assert (len(listing.files), listing.ignored) == (1, 2)
    assert found.categories(FIRST) == [
        f"{FIRST}/list.csv (a list without rows)",
        f"{FIRST}/list.tsv (no list: .csv, .csv.gz, .parquet are read)",
        "cat",
    ]
    assert source(day.parent, ignore=["*.tsv", "list.csv"]).categories(FIRST) == ["cat"]


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=10)), max_size=30))
def test_every_row_that_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    landing = tmp_path_factory.mktemp("landing")
    (landing / str(FIRST)).mkdir()
    with (landing / str(FIRST) / "a.csv").open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("url", "category"), *((u.replace("\0", ""), c.replace("\0", "")) for u, c in rows)])
    found = source(landing)
    names = {
        row.category for listed in found._lists(FIRST)[0] for row in lists.rows(found.tree, listed, found.settings)
    }
    assert sum(len(found.list_files(FIRST, name).files) for name in names) == len(rows)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"link,category\nhttp://a.org,cat\n", "a.csv: no column 'url'; it has 'link', 'category'; name the"),
        ("a.csv", b"x,y\n1,2\n", "a.csv: no column 'url' and none 'category'; it has 'x', 'y'"),
        ("a.csv", b"", "a.csv: no column 'url' and none 'category'; it has none"),
        (
            "a.csv",
            b"url,category\nhttp://a.org\n",
            "a.csv: cannot be read .* line 2: 1 fields where the header has 2",
        ),
        ("a.csv", b"url,category\nx,cat\nhttp://a.org/\xff,cat\n", "a.csv: cannot be read .* line 3: no text in UTF-8"),
        ("a.csv", CSV.encode("utf-16"), "a.csv: cannot be read .* line 1: no text in UTF-8; save it as UTF-8"),
        ("a.csv", CSV.encode("utf-16-le"), "a.csv: cannot be read .* line 1: no text in UTF-8; save it as UTF-8"),
        ("a.csv", CSV.replace(",", ";").encode(), "its columns are parted by ';': save it with commas"),
        ("a.csv", CSV.replace(",", "\t").encode(), r"its columns are parted by '\\t': save it with commas"),
        (
            "a.csv",
            b"https://a.org/1.png?X-Amz-Signature=abc,cat\n",
            r"it has 'https://a\.org/1\.png\?X-Amz-Signature=…', 'cat'; its first line is a row already: .*,category",
        ),
        ("a.csv", b"url,category,url\nx,cat,y\n", "a.csv: the column 'url' is there twice"),
        (
            "a.csv",
            b'url,category,title\nx,cat,"5"" wide\ny,cat,\nz,cat,\n',
            "a.csv: .* line 4: .*: a quotation mark above never closes",
        ),
        ("a.csv", b'url,category,title\nx,cat,"5"" wide\ny,cat,"z"\n', "a.csv: .* line 3: ',' expected after '\"'"),
        ("a.csv.gz", b"no gzip", "a.csv.gz: cannot be read as a list of URLs: Not a gzipped file"),
        ("a.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-12], "a.csv.gz: cannot be read as a list of URLs"),
        ("a.parquet", b"PAR1 or not", "a.parquet: cannot be read as a list of URLs"),
    ],
    ids=[
        *(
            "one column",
            "no column",
            "empty",
            "ragged",
            "no text",
            "utf-16",
            "utf-16 without mark",
            "semicolons",
            "tabs",
            "no header",
        ),
        *("column twice", "open quote", "quote closed elsewhere", "no gzip", "cut gzip", "no parquet"),
    ],
)
def test_a_list_that_cannot_be_used_says_why(day: Path, name: str, content: bytes, message: str) -> None:
    (day / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        source(day.parent).categories(FIRST)


def test_a_parquet_list_without_the_column_says_what_it_has(day: Path) -> None:
    pq.write_table(pa.table({"link": ["x"], "category": ["cat"]}), day / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: no column 'url'; it has 'link', 'category'"):
        source(day.parent).list_files(FIRST, "cat")


def test_a_day_without_lists_is_empty_and_a_landing_zone_must_be_there(tmp_path: Path) -> None:
    assert source(tmp_path).categories(FIRST) == []
    assert source(tmp_path).list_files(FIRST, "cat").files == ()
    with pytest.raises(SourceError, match="no such folder"):
        source(tmp_path / "nowhere").days()


_SECRET = st.text(st.characters(categories=("L", "N")), min_size=8, max_size=20).map(lambda text: f"Zq{text}")


@given(_SECRET, st.sampled_from(["http", "https", "HTTP", "ftp"]), st.sampled_from(["", "/p", "/p?q=1", "?q=@x"]))
def test_user_names_and_passwords_are_never_shown(secret: str, scheme: str, rest: str) -> None:
    assert shown(f"{scheme}://{secret}:{secret}@a.org{rest}") == f"{scheme}://a.org{rest}"
    assert shown(f"{scheme}://{secret}@a.org{rest}") == f"{scheme}://a.org{rest}"
    assert shown(f"{scheme}://a.org/x?w=1&signature={secret}&b=2") == f"{scheme}://a.org/x?w=1&signature=…&b=2"


@given(st.text(max_size=1_200))
def test_anything_can_be_shown(text: str) -> None:
    found = shown(text)
    found.encode()
    assert "\n" not in found
