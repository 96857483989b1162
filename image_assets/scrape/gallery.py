"""One gallery page: scrolled to its end, or to where it is enough, and the images that it shows on the way."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_assets.scrape.browser import CollectError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# What is new since the last call. Lists that drop what has been scrolled past are why this is asked at every step.
_NEW_IMAGES = r"""
(backgrounds) => {
  const seen = (window[Symbol.for("image-assets seen")] ??= new WeakMap());
  const found = [];
  const add = (element, address, width, height, alt) => {
    let url;
    try { url = new URL(address, document.baseURI); } catch { return; }
    if (!["http:", "https:"].includes(url.protocol)) return;
    url.hash = "";
    const state = `${url} ${width}`;
    if (seen.get(element) === state) return;
    seen.set(element, state);
    found.push({ url: String(url), width: width || 0, height: height || 0, alt: (alt || "").trim() });
  };
  const largest = (...sets) => {
    let best = null;
    for (const set of sets)
      for (const [, url, size, unit] of (set || "").matchAll(/\s*([^\s,]\S*[^\s,])(?:\s+([\d.]+)([wx]))?\s*(?:,|$)/g)) {
        const weight = Number(size || 1) * (unit === "w" ? 1 : 1e-3);
        if (!best || weight > best.weight) best = { url, weight, width: unit === "w" ? Number(size) : 0 };
      }
    return best;
  };
  for (const image of document.images) {
    const data = image.dataset;
    const picture = image.parentElement?.tagName === "PICTURE" ? image.parentElement : null;
    const sources = [...(picture?.querySelectorAll("source") ?? [])];
    const sets = sources.flatMap((source) => [source.getAttribute("srcset"), source.dataset.srcset]);
    const best = largest(image.getAttribute("srcset"), data.srcset, data.lazySrcset, ...sets);
    const address = best?.url ?? data.src ?? data.lazySrc ?? data.original ?? image.getAttribute("src");
    if (!address) continue;
    const width = image.naturalWidth || Number(image.getAttribute("width")) || 0;
    const height = image.naturalHeight || Number(image.getAttribute("height")) || 0;
    if (best?.width && width) add(image, address, best.width, Math.round((best.width * height) / width), image.alt);
    else add(image, address, best?.width || width, best?.width ? 0 : height, image.alt);
  }
  if (backgrounds)
    for (const element of document.body?.querySelectorAll("*") ?? []) {
      const [, , address] = getComputedStyle(element).backgroundImage.match(/url\((["']?)(.*?)\1\)/) ?? [];
      if (address) add(element, address, 0, 0, element.getAttribute("aria-label"));
    }
  return found;
}
"""
# The height of a page that is scrolled to its end, else 0: in one question, as the page may grow between two.
_HEIGHT_AT_END = """() => {
  const all = document.scrollingElement;
  return !all ? 1 : all.scrollTop + innerHeight >= all.scrollHeight - 2 ? all.scrollHeight : 0;
}"""
_SCROLL = "() => window.scrollBy({ top: innerHeight, behavior: 'instant' })"
# Pages that were busy when they were scrolled to the end have not noticed.
_NUDGE = """() => {
  window.scrollBy({ top: -innerHeight / 2, behavior: 'instant' });
  requestAnimationFrame(() => window.scrollBy({ top: innerHeight, behavior: 'instant' }));
}"""
_GROWN = "(height) => (document.scrollingElement?.scrollHeight ?? 0) > height"
_LOAD_SECONDS = 30


@dataclass(frozen=True)
class HowToCollect:
    """Which images of a page count, and where it is left, however much more there is.

    Attributes:
        images: Images of the page.
        scrolls: Screens scrolled down.
        seconds: From its opening.
        quiet_seconds: At the end of the page, wait so long for more.
        backgrounds: Whether CSS backgrounds count as images.
    """

    images: int = 10_000
    scrolls: int = 1_000
    seconds: float = 300
    quiet_seconds: float = 2
    backgrounds: bool = False


@dataclass(frozen=True)
class FoundImage:
    """An image of a page.

    Attributes:
        url: Absolute, http or https, without fragment: the largest that the page offers.
        page: The page's URL.
        width: Pixels, as far as the page tells; 0 where it does not.
        height: As `width`.
        alt: What the page says it shows.
    """

    url: str
    page: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class CollectedPage:
    """A page's images, each once, and the cap that ended the collecting; empty where the page ended by itself."""

    images: tuple[FoundImage, ...]
    stopped_by: str


def collect_page(
    browser: Browser, url: str, how: HowToCollect, progress: Callable[[int], None] | None = None
) -> CollectedPage:
    """Open a page, scroll until nothing new comes, and say which images there were.

    Args:
        browser: Of `open_browser`.
        url: Of the page.
        how: What counts, and where to stop.
        progress: Called with the number of images so far.

    Raises:
        CollectError: the page cannot be opened, or answers with an error, or goes away.
    """
    from playwright.sync_api import Error

    page = browser.new_page()
    try:
        end = time.monotonic() + how.seconds
        _open(page, url, min(_LOAD_SECONDS, how.seconds))
        return CollectedPage(*_scrolled(page, url, how, end, progress))
    except Error as error:
        raise CollectError(f"{url}: {_reason(error)}") from None
    finally:
        page.close()


def _open(page: Page, url: str, seconds: float) -> None:
    from playwright.sync_api import TimeoutError as Late

    try:
        response = page.goto(url, wait_until="domcontentloaded", timeout=1_000 * seconds)
    except Late:
        raise CollectError(f"{url}: did not open within {seconds:g} seconds") from None
    if response is not None and response.status >= 400:
        raise CollectError(f"{url}: the server answered {response.status} {response.status_text}".rstrip())
    with contextlib.suppress(Late):  # something on it is slow; what is there can be collected all the same
        page.wait_for_load_state("load", timeout=5_000)


def _scrolled(
    page: Page, url: str, how: HowToCollect, end: float, progress: Callable[[int], None] | None
) -> tuple[tuple[FoundImage, ...], str]:
    found: dict[str, FoundImage] = {}
    for scrolls in range(how.scrolls + 1):
        _gather(page, url, found, how.backgrounds)
        if progress:
            progress(len(found))
        if len(found) >= how.images:
            return tuple(found.values())[: how.images], f"{how.images:,} images"
        if time.monotonic() >= end:
            return tuple(found.values()), f"{how.seconds:g} seconds"
        height = page.evaluate(_HEIGHT_AT_END)
        if height and not _more_comes(page, height, how.quiet_seconds, end):
            _gather(page, url, found, how.backgrounds)
            return tuple(found.values())[: how.images], ""
        if scrolls < how.scrolls:
            page.evaluate(_SCROLL)
            page.wait_for_timeout(50)  # for the page's own listeners
    return tuple(found.values()), f"{how.scrolls:,} scrolls"


def _gather(page: Page, url: str, found: dict[str, FoundImage], backgrounds: bool) -> None:
    for one in page.evaluate(_NEW_IMAGES, backgrounds):
        image = FoundImage(one["url"], url, int(one["width"]), int(one["height"]), " ".join(one["alt"].split()))
        known = found.get(image.url)
        if known is None or image.width > known.width:
            found[image.url] = image


def _more_comes(page: Page, height: int, seconds: float, end: float) -> bool:
    """Whether the page, scrolled to its end, grows beyond `height` within so many seconds."""
    from playwright.sync_api import TimeoutError as Late

    for nudge in (False, True):
        if nudge:
            page.evaluate(_NUDGE)
        wait = max(0.05, min(seconds / 2, end - time.monotonic()))
        with contextlib.suppress(Late):
            page.wait_for_function(_GROWN, arg=height, timeout=1_000 * wait)
            return True
    return False


def _reason(error: Exception) -> str:
    """What Playwright says, without its prefix and its log of calls."""
    first = str(error).strip().splitlines()[0]
    return first.rpartition("Page.goto: ")[2].partition(" at http")[0]
