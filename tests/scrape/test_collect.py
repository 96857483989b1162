"""Gallery pages, served here, in a real browser."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_assets.cli import main
from image_assets.ingest.folder import LocalTree
from image_assets.ingest.urls.source import UrlLists
from image_assets.settings.sources import UrlListSource
from tests.browser import npm_chromium
from tests.ingest.urls.downloading import FIRST
from tests.ingest.urls.web import Site, content, running, status
from tests.pictures import picture

# Twelve images at a time are added when the end comes into sight, after a moment, until there are `most` of them.
ENDLESS = """<!doctype html><base href="/photos/"><body><script>
const most = %d; let made = 0, busy = false;
function more() {
  for (let i = 0; i < 12 && made < most; i++, made++) {
    const image = document.createElement("img");
    image.src = `${made}.png`; image.alt = `photo ${made}`; image.style = "display:block;height:200px;width:200px";
    document.body.append(image);
  }
}
more();
addEventListener("scroll", () => {
  if (busy || innerHeight + scrollY < document.body.scrollHeight - 300) return;
  busy = true; setTimeout(() => { more(); busy = false; }, 60);
});
</script>"""
KINDS = """<!doctype html><body>
<img src="/plain.png" alt="a  plain\n one"><img src="/plain.png#again">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<img src="/s.png" srcset="/s-320.png 320w, /s-1280.png 1280w, /s-640.png 640w" alt="set">
<img src="/d.png" srcset="/d-1.png, /d-3.png 3x, /d-2.png 2x">
<picture><source srcset="/p-2000.webp 2000w"><img src="/p.png" srcset="/p-500.png 500w"></picture>
<img src="/placeholder.png" data-src="lazy.png?a=1&amp;b=2"><img data-srcset="/l-1.png 100w, /l-2.png 200w">
<div style="background: url('/background.png'); height: 9px"></div><img src="http://["><img>
</body>"""


@pytest.fixture
def site() -> Iterator[Site]:
    def photo(path: str) -> object:
        return content(picture(0, 1, 8)) if path.endswith(".png") else None

    with running(Site(fallback=photo)) as one:  # pyright: ignore[reportArgumentType]
        yield one


@pytest.fixture(autouse=True)
def browser(chromium: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CHROMIUM", chromium)


def collected(out: Path, *arguments: str) -> tuple[int, list[dict[str, str]]]:
    code = main(["collect", *arguments, "--out", str(out), "--category", "cat", "--no-sandbox"])
    if not out.exists():
        return code, []
    with out.open(newline="", encoding="utf-8") as file:
        return code, list(csv.DictReader(file))


def test_an_infinite_gallery_is_scrolled_to_its_end(site: Site, tmp_path: Path) -> None:
    site.pages["/gallery"] = content((ENDLESS % 100).encode(), Content_Type="text/html")
    code, rows = collected(tmp_path / "list.csv", site.url("/gallery"))
    assert code == 0
    assert [row["url"] for row in rows] == [site.url(f"/photos/{i}.png") for i in range(100)]
    assert rows[7] == {
        "url": site.url("/photos/7.png"),
        "category": "cat",
        "page": site.url("/gallery"),
        "width": "8",
        "height": "8",
        "alt": "photo 7",
    }
    assert os.listdir(tmp_path) == ["list.csv"]


@pytest.mark.parametrize(
    ("cap", "stopped"),
    [
        (["--max-images", "50"], "stopped after 50 images"),
        (["--max-scrolls", "4"], "stopped after 4 scrolls"),
        (["--max-seconds", "2"], "stopped after 2 seconds"),
    ],
    ids=["images", "scrolls", "seconds"],
)
def test_a_page_that_never_ends_is_left(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str], cap: list[str], stopped: str
) -> None:
    site.pages["/gallery"] = content((ENDLESS % 10**9).encode(), Content_Type="text/html")
    code, rows = collected(tmp_path / "list.csv", site.url("/gallery"), *cap)
    assert code == 0
    assert rows
    assert len({row["url"] for row in rows}) == len(rows)
    assert "images" not in cap[0] or len(rows) == 50
    assert stopped in capsys.readouterr().out


def test_the_largest_of_every_kind_of_image_is_taken_once(site: Site, tmp_path: Path) -> None:
    site.pages["/folder/page"] = content(KINDS.encode(), Content_Type="text/html")
    _, rows = collected(tmp_path / "list.csv", site.url("/folder/page"))
    expected = {
        "/plain.png",
        "/s-1280.png",
        "/d-3.png",
        "/p-2000.webp",
        "/folder/lazy.png?a=1&b=2",
        "/l-2.png",
    }
    assert {row["url"] for row in rows} == {site.url(path) for path in expected}
    assert {row["alt"] for row in rows} == {"a plain one", "set", ""}
    _, rows = collected(tmp_path / "list.csv", site.url("/folder/page"), "--backgrounds")
    assert {row["url"] for row in rows} == {site.url(path) for path in (*expected, "/background.png")}


def test_a_page_that_fails_is_named_and_the_others_are_collected(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.pages = {"/a": content((ENDLESS % 5).encode(), Content_Type="text/html"), "/gone": status(410)}
    code, rows = collected(
        tmp_path / "list.csv", site.url("/gone"), "http://127.0.0.1:9/", site.url("/a"), site.url("/a?again")
    )
    assert (code, len(rows)) == (1, 5)
    said = capsys.readouterr().err
    assert f"failed: {site.url('/gone')}: the server answered 410" in said
    assert "failed: http://127.0.0.1:9/: net::ERR_" in said


def test_where_no_page_opens_a_list_that_is_there_stays(site: Site, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("url\nmine\n")
    assert collected(tmp_path / "list.csv", site.url("/none")) == (1, [{"url": "mine"}])


def test_the_list_is_what_the_source_takes(site: Site, tmp_path: Path) -> None:
    site.pages["/gallery"] = content((ENDLESS % 14).encode(), Content_Type="text/html")
    day = tmp_path / str(FIRST)
    day.mkdir()
    collected(day / "list.csv", site.url("/gallery"))
    spec = UrlListSource(kind="url_list")
    source = UrlLists(LocalTree(tmp_path), spec, tmp_path / ".staging", 1000)
    assert source.categories(FIRST) == ["cat"]
    assert len(source.list_files(FIRST, "cat").files) == 14


@pytest.mark.parametrize(
    ("variable", "path", "message"),
    [("/nowhere/chromium", None, "no such program"), (None, "/nowhere", "no Chromium: looked for chromium")],
)
def test_without_a_browser_it_says_what_to_do(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    path: str | None,
    message: str,
) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CHROMIUM", variable or "")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    if path:
        monkeypatch.setenv("PATH", path)
    assert collected(tmp_path / "list.csv", "http://127.0.0.1:9/")[0] == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_what_cannot_be_asked_is_bad_usage(tmp_path: Path) -> None:
    out = str(tmp_path / "list.csv")
    assert main(["collect", "http://127.0.0.1:9/", "--out", out, "--category", "no name!"]) == 2
    assert main(["collect", "http://127.0.0.1:9/", "--out", str(tmp_path / "no" / "x.csv"), "--category", "a"]) == 2


def test_the_browser_from_npm_runs(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ASSETS_CHROMIUM", npm_chromium())
    site.pages["/gallery"] = content((ENDLESS % 30).encode(), Content_Type="text/html")
    code, rows = collected(tmp_path / "list.csv", site.url("/gallery"))
    assert (code, len(rows)) == (0, 30), json.dumps(rows)
