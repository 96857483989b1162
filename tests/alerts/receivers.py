"""Real receivers of alerts on this machine: a webhook and a mail server, which can be down."""

from __future__ import annotations

import json
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


def reserved_port() -> socket.socket:
    """A port of its own: nobody else gets it, who connects is refused, and the owner may listen on it later."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


@dataclass(frozen=True)
class Received:
    """A message as it arrived."""

    title: str
    body: str
    kind: str
    at: float


class Webhook:
    """Takes JSON by HTTP, while it is `up`; the port stays the same.

    Attributes:
        status: What it answers; a message that is not answered by 200 is not kept.
        asked: How many requests came.
        delay: Seconds until it answers.
    """

    def __init__(self) -> None:
        self._reserved = reserved_port()
        self.port: int = self._reserved.getsockname()[1]
        self.received: list[Received] = []
        self.status = 200
        self.asked = 0
        self.delay = 0.0

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"

    @contextmanager
    def up(self) -> Iterator[Webhook]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the name that http.server calls
                hook.asked += 1
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(hook.delay)
                if hook.status == 200:
                    hook.received.append(Received(content["title"], content["message"], content["type"], time.time()))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the tests' output is not the place."""

        with ThreadingHTTPServer(("127.0.0.1", self.port), Handler) as server:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            try:
                yield self
            finally:
                server.shutdown()


class MailServer:
    """An SMTP server that wants a user and a password, and keeps what it gets."""

    user, password = "alerts", "p4ss-w0rd-of-the-test"

    def __init__(self) -> None:
        self._reserved = reserved_port()
        self.port: int = self._reserved.getsockname()[1]
        self.received: list[EmailMessage] = []

    @property
    def url(self) -> str:
        where = f"mailto://{self.user}:{self.password}@127.0.0.1:{self.port}"
        return f"{where}?smtp=127.0.0.1&mode=insecure&from=dagster@example.org&to=team@example.org"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.received.append(cast("EmailMessage", message))
        return "250 OK"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=data == LoginPassword(self.user.encode(), self.password.encode()))

    @contextmanager
    def up(self) -> Iterator[MailServer]:
        controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self._authenticate,
            auth_required=True,
            auth_require_tls=False,
        )
        with warnings.catch_warnings():
            # A password without TLS is nothing to warn of on this machine; and a word of the server on its own past.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="aiosmtpd")
            controller.start()
            try:
                yield self
            finally:
                controller.stop()
