"""`image-assets similar`: what is like a file or a loaded image, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from image_assets.answers.neighbours import Asked, like_image, neighbours_as_json
from image_assets.cli import main
from image_assets.environment import CACHE
from image_assets.schema import RAW_IMAGES
from image_assets.search.search import ImageSearch
from tests.platform import Platform


def test_a_file_and_an_id_have_the_same_neighbours_and_what_is_neither_is_told(
    loaded_platform: Platform, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE.name, str(tmp_path / "cache"))
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    command = ["similar", "--dataset", f"{tmp_path}/drawn.yaml", "--store", loaded_platform.store.url, "--most", "3"]
    image_id, content = loaded_platform.rows(RAW_IMAGES).select("image_id", "content").row(2)
    (tmp_path / "same").write_bytes(content)
    search = ImageSearch(loaded_platform.dataset, loaded_platform.store)
    expected = neighbours_as_json(like_image(search, image_id, Asked(3)))
    for image in (image_id, str(tmp_path / "same")):
        assert main([*command, "--json", image]) == 0
        assert json.loads(capsys.readouterr().out) == {"image": image, "neighbours": expected}
    assert main([*command, image_id]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [one["image_id"] in line for one, line in zip(expected, lines[-4:-1], strict=True)] == [True] * 3

    assert main([*command, "nothing"]) == 2
    assert "no features of such an image, and there is no such file" in capsys.readouterr().err
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    assert main([*command, str(tmp_path / "page.jpg")]) == 2
    assert "page.jpg: not_an_image" in capsys.readouterr().err
