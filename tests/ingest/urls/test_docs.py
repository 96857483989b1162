"""Every command and example of the page on lists of URLs is run, on a gallery that is served here."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from image_assets.schema import RAW_IMAGES
from image_assets.store.store import Store
from tests.ingest.urls.web import Site, content
from tests.pictures import picture
from tests.test_docs import ROOT, blocks

ELSEWHERE = "https://gallery.example"


@pytest.mark.long
def test_the_page_on_lists_of_urls_works(
    site: Site,
    tmp_path: Path,
    chromium: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site.pages = {
        f"/{name}/{i}.png": content(picture(k, i)) for k, name in enumerate(("owls", "ducks")) for i in (1, 2)
    }
    site.pages["/owls"] = content(b'<img src="/owls/1.png"><img src="/owls/2.png">', Content_Type="text/html")
    monkeypatch.setenv("IMAGE_ASSETS_CHROMIUM", chromium)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    ran = 0
    for language, more, example in blocks(ROOT / "docs" / "url-lists.md"):
        text = example.replace(ELSEWHERE, site.url(""))
        if language == "yaml":
            dataset = yaml.safe_load(text)
            dataset["source"] |= {"ports": [site.port], "allow_addresses": ["127.0.0.1/32"]}
            text = yaml.safe_dump(dataset)
        if more.startswith("file="):
            (tmp_path / more.removeprefix("file=")).write_text(text)
        else:
            done = subprocess.run(["bash", "-euc", text], cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran == 2
    loaded = Store(str(tmp_path / "store")).table("birds", RAW_IMAGES).scan(None).select("category").collect()
    assert loaded["category"].value_counts().sort("category").rows() == [("duck", 2), ("owl", 1)]
    with (tmp_path / "owls.csv").open(newline="") as file:
        assert [row["url"] for row in csv.DictReader(file)] == [site.url("/owls/1.png"), site.url("/owls/2.png")]
