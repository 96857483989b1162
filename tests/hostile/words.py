"""Words that would do something where they are taken for more than words: names of files, texts in them, reasons."""

from __future__ import annotations

import io

from PIL import Image, PngImagePlugin

CANARY = "canary"
"""What a script of one of them sets on the page."""
ELSEWHERE = "elsewhere.invalid"
"""The host that one of them would have asked for something."""
WORDS = {
    "a tag": f'<img src="x" onerror="window.{CANARY}=1">',
    "a script": f"<script>window.{CANARY}=1</script>",
    "out of an attribute": f"\"'><svg onload=window.{CANARY}=1>",
    "out of a script": f"</script><script>window.{CANARY}=1</script>",
    "a template": f"${{window.{CANARY}=1}} {{{{ 1 + 1 }}}} {{% raw %}}",
    "a picture in Markdown": f"![x](http://{ELSEWHERE}/x.png)",
    "a link in Markdown": f"[x](http://{ELSEWHERE}/) <http://{ELSEWHERE}>",
    "a picture in HTML": f"<img src=http://{ELSEWHERE}/x.png>",
    "a cell in Markdown": "a | b ` c ``` d",
    "escapes": "\x1b[2J\x1b]0;title\x07\x1b[31m",
    "new lines": "one\r\nBcc: a@b.invalid\r\n\r\ntwo",
    "right to left": "photo\u202egnp.exe\u2066",
    "a formula": '=HYPERLINK("http://x","y")',
    "markup of the terminal": "[bold red]x[/] [link=http://x]y[/link]",
}
NAMES = [word.replace("/", "\u2215").replace("\x00", "") for word in WORDS.values()]
"""The same as names of files; a slash cannot be in one."""
FOLDERS = f"![x](http:/{ELSEWHERE}"
"""Folders that make a picture in Markdown of a path, together with a file `x.png)`."""


def with_texts(picture: bytes) -> bytes:
    """A PNG of the same picture with the words in its texts and its EXIF data."""
    texts = PngImagePlugin.PngInfo()
    for name, word in WORDS.items():
        texts.add_itxt(name, word)
    texts.add_itxt("XML:com.adobe.xmp", f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{WORDS['a script']}</x:xmpmeta>")
    with Image.open(io.BytesIO(picture)) as image:
        exif = image.getexif()
        exif[0x010E] = exif[0x013B] = WORDS["out of an attribute"]  # description and artist
        file = io.BytesIO()
        image.save(file, "PNG", pnginfo=texts, exif=exif)
    return file.getvalue()


def bad_signs(text: str) -> set[str]:
    """The signs of a text that a terminal or a reader of text would obey, but for new lines and tabs."""
    return {sign for sign in text if not (sign.isprintable() or sign in "\n\t ")}
