"""Finds everything in a page by which a browser would ask for something elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_ADDRESSES = {
    "action",
    "background",
    "cite",
    "data",
    "formaction",
    "href",
    "manifest",
    "ping",
    "poster",
    "src",
    "srcset",
}
_FETCHING = {"base", "embed", "frame", "iframe", "link", "object", "script"}
_STYLED = re.compile(r"url\(\s*['\"]?([^)'\"]*)|@import\s+['\"]?([^;'\"]*)", re.IGNORECASE)


class _Finder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        if tag in _FETCHING:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            text = value or ""
            if name.split(":")[-1] in _ADDRESSES and not text.startswith(("#", "data:")):
                self.found.append(f"{name}={text}")
            if name.startswith("on") or text.strip().lower().startswith("javascript:"):
                self.found.append(f"{name}={text}")
            if name == "http-equiv" and text.lower() == "refresh":
                self.found.append("refresh")
            if name == "style" or "url(" in text:
                self._style(text)

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self._style(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False

    def _style(self, text: str) -> None:
        for address in _STYLED.findall(text):
            if not "".join(address).startswith(("#", "data:")):
                self.found.append(f"style {''.join(address)}")


def references(page: str) -> list[str]:
    """Addresses outside of the page, scripts, and elements that fetch."""
    finder = _Finder()
    finder.feed(page)
    return finder.found
