"""`image-assets predict`: an answer per file, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from image_assets.cli import main
from image_assets.predict.predictor import Predictor
from tests.pictures import picture
from tests.platform import Platform
from tests.store_files import files_at


@pytest.fixture(scope="module")
def asked(loaded_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    """The command without files, and a folder with a picture and a file that is none."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "drawn.yaml").write_text(yaml.safe_dump(loaded_platform.dataset.model_dump(mode="json")))
    (folder / "a [picture].png").write_bytes(picture(1, 70))
    (folder / "page.jpg").write_text("<html>404</html>")
    return ["predict", "--dataset", f"{folder}/drawn.yaml", "--store", loaded_platform.store.url], folder


def test_programs_get_every_answer_in_the_order_of_the_files(
    asked: tuple[list[str], Path], loaded_platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    command, folder = asked
    files = [str(folder / name) for name in ("page.jpg", "a [picture].png")]
    assert main([*command, "--json", *files]) == 1
    told = json.loads(capsys.readouterr().out)["answers"]
    predictor = Predictor(loaded_platform.dataset, loaded_platform.store)
    answers = predictor.answers(Path(file).read_bytes() for file in files)
    assert told == [{"file": file, **answer.as_json()} for file, answer in zip(files, answers, strict=True)]
    assert told[0]["reason"] == "not_an_image"
    assert told[1]["category"] == "animal"


def test_people_get_a_table_and_status_0_where_all_are_pictures(
    asked: tuple[list[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, folder = asked
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*command, "a [picture].png"]) == 0
    assert "a [picture].png animal" in " ".join(capsys.readouterr().out.split())
    assert main([*command, "page.jpg", "a [picture].png"]) == 1
    assert "page.jpg not_an_image: the content begins with" in " ".join(capsys.readouterr().out.split())


def test_a_file_that_is_not_there_and_a_store_without_a_model_are_one_line(
    asked: tuple[list[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, folder = asked
    assert main([*command, str(folder / "nothing.png")]) == 2
    assert "nothing.png" in capsys.readouterr().err
    files_at(tmp_path / "store").mkdir(exist_ok=True)
    assert main([*command[:-1], str(tmp_path / "store"), str(folder / "a [picture].png")]) == 2
    assert "there is no model; train one first" in capsys.readouterr().err
