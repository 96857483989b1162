"""Somebody in a real browser: a page of the console, what its scripts complain of, and whom it asks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.console.served import TOKEN


class Visit:
    """A page of the console in a context of its own.

    Args:
        browser: A browser of Playwright.
        client: Of the console.
        screen: What a context is told: `viewport`, `color_scheme` …

    Attributes:
        page: The page.
        address: Of the console, without a slash at its end.
        complaints: Errors and warnings of scripts.
        hosts: That were asked for anything.
    """

    def __init__(self, browser: Any, client: httpx.Client, **screen: object) -> None:
        self.context = browser.new_context(locale="en-US", **screen)
        self.page = self.context.new_page()
        self.address = str(client.base_url).rstrip("/")
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self.hosts.add(urlsplit(asked.url).hostname or ""))

    def open(self, address: str) -> Any:
        """Go to a page as somebody who only reads."""
        self.page.goto(f"{self.address}{address}")
        return self.page

    def enter(self, to: str = "/gallery") -> Any:
        """Go to a page by the link that has the token."""
        return self.open(f"/enter?token={TOKEN}&to={to.replace('&', '%26')}")

    def see_that_no_click_is_lost(self, to: str) -> None:
        """See that a page's buttons cannot be clicked before its script is there, which would do nothing."""
        context = self.context.browser.new_context(java_script_enabled=False)
        page = context.new_page()
        page.goto(f"{self.address}/enter?token={TOKEN}&to={to}")
        assert page.locator("button").count()
        deaf = page.locator("button:visible:enabled:not(form[action] button):not([inert] button)")
        assert deaf.all_inner_texts() == []
        context.close()

    def leave(self) -> None:
        """See that nothing was complained of and nobody else was asked."""
        assert not self.complaints, self.complaints
        assert self.hosts <= {"127.0.0.1", ""}
        self.context.close()
