"""Looks through pages in a real browser for what hostile words did there: run, ask somebody, or hide."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tests.hostile.words import CANARY, bad_signs

_READ_BY_PEOPLE = ("title", "alt", "aria-label", "placeholder", "value")
# What a script that came with the words would have left, or would do later, and all that a person can read.
_LOOK = """([canary, read]) => { const every = [...document.querySelectorAll('*')];
    return {
        ran: canary in window,
        waiting: every.flatMap(one => one.getAttributeNames().filter(name => name.startsWith('on'))
            .map(name => `<${one.localName} ${name}>`)),
        texts: [document.title, document.body.innerText, document.body.textContent,
            ...every.flatMap(one => read.map(name => one.getAttribute(name)).filter(Boolean)),
            ...every.filter(one => one.localName === 'title' || one.localName === 'text').map(one => one.textContent)],
    } }"""


class Sweep:
    """A browser without the policies that pages give it: what does not escape is seen, whatever else would stop it.

    Args:
        browser: A browser of Playwright.
        origin: That pages come from and may ask: `http://127.0.0.1:1234`, or `file://`.

    Attributes:
        page: The page that is looked at.
        faults: What was found, each with the address that it was found at.
        shown: All texts that people were shown.
    """

    def __init__(self, browser: Any, origin: str) -> None:
        self._context = browser.new_context(bypass_csp=True, accept_downloads=True)
        self._origin = origin
        self.page = self._context.new_page()
        self.faults: list[str] = []
        self.shown: list[str] = []
        self.page.on("dialog", self._dialog)
        self.page.on("popup", lambda other: self.faults.append(f"{self.page.url}: opened {other.url}"))
        self._context.on("request", self._request)

    def open(self, address: str) -> Any:
        """Go to a page and look at it; the page."""
        self.page.goto(address, wait_until="load")
        self.look()
        return self.page

    def look(self) -> None:
        """Look at the page as it is now."""
        for frame in self.page.frames:
            seen = frame.evaluate(_LOOK, [CANARY, [*_READ_BY_PEOPLE]])
            if seen["ran"]:
                self.faults.append(f"{frame.url}: a script of the words ran")
            self.faults += [f"{frame.url}: {one}" for one in seen["waiting"]]
            self.shown += seen["texts"]
            hidden = {sign for text in seen["texts"] for sign in bad_signs(text)}
            if hidden:
                self.faults.append(f"{frame.url}: signs that do not print: {sorted(hidden)!a}")

    def close(self) -> list[str]:
        """End; the faults."""
        self._context.close()
        return [*dict.fromkeys(self.faults)]

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"{self.page.url}: a dialog says {dialog.message!r}")
        dialog.dismiss()

    def _request(self, asked: Any) -> None:
        parts = urlsplit(asked.url)
        if parts.scheme in ("data", "blob", "about"):
            return
        if not asked.url.startswith(f"{self._origin}/"):
            self.faults.append(f"{self.page.url}: asked {parts.scheme}://{parts.netloc}")
