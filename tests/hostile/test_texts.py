"""Hostile words in Markdown that others render, and in mails: nothing becomes a tag, a link or a picture."""

from __future__ import annotations

import re

import markdown
import polars as pl
import pytest

from image_assets.alerts.run_report import CheckOutcome
from image_assets.alerts.text import Links, text_of_check
from image_assets.asset_checks.check import sample_table
from image_assets.ingest.preview import quarantine_table, reason_table
from image_assets.markdown import markdown_image
from image_assets.resources.notifier import NotifierResource
from image_assets.schema import QUARANTINE
from image_assets.settings.alerts import AlertChannel
from tests.alerts.receivers import MailServer
from tests.hostile.words import ELSEWHERE, WORDS, bad_signs

_OF_TEXT = "p|h\\d|table|thead|tbody|tr|th|td|code|pre|ul|ol|li|br|em|strong"
_TAGS = re.compile(rf"<(?!/?(?:{_OF_TEXT})\b)[a-z/]")


def tags_in(text: str) -> list[str]:
    """Tags of the rendered Markdown that show more than text."""
    made = markdown.markdown(text, extensions=["tables"])
    return [made[one.start() : one.start() + 80] for one in _TAGS.finditer(made)]


@pytest.mark.parametrize("word", WORDS.values(), ids=[*WORDS])
def test_a_sample_of_a_check_is_text(word: str) -> None:
    assert tags_in(sample_table(pl.DataFrame({"source": [f"2026-11-03/plant/{word}", word], "rows": [1, 2]}))) == []


def test_these_words_would_be_more_than_text() -> None:
    table = "| source |\n|---|\n| {} |"
    would = {name for name, word in WORDS.items() if tags_in(table.format(word.replace("\n", " ")))}
    assert {"a tag", "a script", "a picture in Markdown", "a link in Markdown", "a picture in HTML"} <= would


def test_a_picture_of_ours_in_a_sample_is_shown() -> None:
    table = sample_table(pl.DataFrame({"picture": [markdown_image(b"\xff\xd8\xff")], "source": ["a.jpg"]}))
    (tag,) = tags_in(table)
    assert tag.startswith('<img alt="" src="data:image/jpeg;base64,')
    other = f"{markdown_image(b'x')}![x](http://{ELSEWHERE}/x.png)"
    assert tags_in(sample_table(pl.DataFrame({"source": [other]}))) == []


@pytest.mark.parametrize("word", WORDS.values(), ids=[*WORDS])
def test_what_is_said_of_files_in_quarantine_is_text(word: str) -> None:
    row = {"source": word, "bytes": 1, "image_id": None, "reason": "not_an_image", "detail": "the file is no image"}
    rows = pl.DataFrame([row], schema=QUARANTINE.no_rows().schema).lazy()
    assert tags_in(quarantine_table(rows)) == []
    assert tags_in(reason_table(rows)) == []


def test_a_mail_shows_them_as_text_and_asks_nobody_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in WORDS.values():
        outcome = CheckOutcome(
            dataset="drawn",
            asset="raw_images",
            check="quarantine_rate",
            partition="plant|2026-11-03",
            run_id="0b",
            at=0.0,
            passed=False,
            severity="ERROR",
            advice=f"look at {word}",
            figures={"for example": word},
        )
        text = text_of_check(outcome, Links(None))
        assert "\n" not in text.title
        assert bad_signs(text.title + text.body) == set()
        assert tags_in(text.body) == [], word
        with MailServer().up() as server:
            monkeypatch.setenv("TEAM", server.url)
            NotifierResource().send(AlertChannel(url_env="TEAM"), text, "failed")
        (mail,) = server.received
        assert mail["Bcc"] is None
        html = "".join(part.get_content() for part in mail.walk() if part.get_content_type() == "text/html")
        assert html
        assert not re.search(r"<(img|script|svg|a)\b", html), html
