"""Where is printed for people. Names of files, reasons and comments are what others wrote: no terminal obeys them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.segment import Segment

from image_assets.wording import printable_text


def terminal(stream: TextIO | None = None, *, stderr: bool = False, width: int | None = None) -> Console:
    """Where is printed for people; what does not print but for ends of lines and tabs is a mark there.

    Args:
        stream: Where to; default: what is stdout by then, or stderr.
        stderr: Whether it is no result.
        width: Columns; default: those of the terminal.
    """
    console = Console(file=stream, stderr=stderr, width=width)
    console.push_render_hook(_Marked())
    return console


class _Marked(RenderHook):
    """Has all that is printed go through `_OnlyText`."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_OnlyText(one) for one in renderables]


class _OnlyText:
    """Something that is printed, with a mark for every sign in it that a terminal would obey; styles are Rich's."""

    def __init__(self, whole: RenderableType) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        for one in console.render(self._whole, options):
            yield one if one.control else Segment(printable_text(one.text, kept="\n\t"), one.style)
