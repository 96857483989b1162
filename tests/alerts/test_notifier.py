"""Messages reach a real mail server and a real webhook; what goes wrong is told, and never with a secret."""

from __future__ import annotations

import logging
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.alerts.delivery import ChannelError
from image_assets.alerts.text import Text
from image_assets.resources.notifier import NotifierResource, _without_secrets
from image_assets.settings.alerts import AlertChannel
from tests.alerts.receivers import MailServer, Webhook

TEXT = Text("[drawn] ERROR: a check failed", "Look at it.\n\n- rate: 0.4\n\nCheck: <http://ui.example.org/checks?a=b>")
CHANNEL = AlertChannel(url_env="TEAM_URL")
SECRET = "xoxb-5ecret-70ken"


@pytest.fixture
def notifier() -> NotifierResource:
    return NotifierResource(timeout_seconds=3)


def refusal(notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch, url: str) -> str:
    monkeypatch.setenv("TEAM_URL", url)
    with pytest.raises(ChannelError) as caught:
        notifier.send(CHANNEL, TEXT, "failed")
    return str(caught.value)


def test_a_webhook_gets_the_message_once(notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch) -> None:
    with Webhook().up() as hook:
        monkeypatch.setenv("TEAM_URL", hook.url)
        notifier.send(CHANNEL, TEXT, "recovered")
    (got,) = hook.received
    assert (got.title, got.kind) == (TEXT.title, "success")
    assert "- rate: 0.4" in got.body
    assert hook.asked == 1


def test_a_mail_has_figures_and_a_link_for_readers_of_html_and_of_plain_text(
    notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MailServer().up() as server:
        monkeypatch.setenv("TEAM_URL", server.url)
        notifier.send(CHANNEL, TEXT, "failed")
    (mail,) = server.received
    assert mail["Subject"] == TEXT.title
    assert mail["To"] == "team@example.org"
    contents = {part.get_content_type(): part.get_content() for part in mail.walk() if not part.is_multipart()}
    assert "<li>rate: 0.4</li>" in contents["text/html"]
    assert 'href="http://ui.example.org/checks?a=b"' in contents["text/html"]
    assert "- rate: 0.4" in contents["text/plain"]
    assert "http://ui.example.org/checks?a=b" in contents["text/plain"]


def test_a_mail_server_that_does_not_take_the_password_refuses(
    notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MailServer().up() as server:
        said = refusal(notifier, monkeypatch, server.url.replace(server.password, SECRET))
    assert said.startswith("channel TEAM_URL did not accept the message")
    assert server.received == []
    assert SECRET not in said


def test_an_answer_that_is_an_error_is_a_refusal_with_its_number(
    notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Webhook().up() as hook:
        hook.status = 503
        said = refusal(notifier, monkeypatch, hook.url)
    assert "503" in said


def test_a_channel_that_does_not_answer_is_given_up(
    notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said = refusal(notifier, monkeypatch, f"json://127.0.0.1:{silent.getsockname()[1]}/hook")
    assert said.startswith("channel TEAM_URL did not accept the message")


def test_a_variable_that_is_not_set_is_named(notifier: NotifierResource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEAM_URL", raising=False)
    with pytest.raises(ChannelError, match="environment variable TEAM_URL is not set"):
        notifier.send(CHANNEL, TEXT, "failed")


@pytest.mark.parametrize(
    "url",
    [
        f"json://user:{SECRET}@127.0.0.1:9/hook/{SECRET}?token={SECRET}",
        f"mailto://user:{SECRET}@127.0.0.1:9?smtp=127.0.0.1&mode=insecure&from=a@example.org&to=b@example.org",
        f"slack://{SECRET}",
        f"nonsense://{SECRET}",
        SECRET,
        f"json://{SECRET}:not-a-port",
    ],
)
def test_no_secret_is_said_or_logged(
    notifier: NotifierResource,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    url: str,
) -> None:
    with caplog.at_level(logging.DEBUG):
        said = refusal(notifier, monkeypatch, url)
    printed = capfd.readouterr()
    assert "TEAM_URL" in said
    for text in (said, caplog.text, printed.out, printed.err):
        assert SECRET not in text
        assert SECRET.lower() not in text.lower()


@given(
    secret=st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=3),
    before=st.text(),
    after=st.text(),
)
def test_whatever_apprise_says_holds_no_part_of_the_url(secret: str, before: str, after: str) -> None:
    for url in (f"json://host/{secret}", f"slack://{secret}/b/c", f"mailto://user:{secret}@host", f"x://h?a={secret}"):
        assert secret.lower() not in _without_secrets(f"{before}{secret.upper()}{after}", url).lower()
