"""Pillow's readers of the accepted formats, and those of two others, with what they would get wrong here put right.

The reader that fits the sniffed format opens the file; no other is ever tried.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from image_assets.images import jpeg_outline
from image_assets.images.formats import ImageFormat
from image_assets.images.png_chunks import lacks_samples, picture_alone
from image_assets.images.tiff_pages import picture_page

# Pillow warns of oddities in files through the process-wide warnings module. They are no fault of the program that
# reads the files, and silencing each call would change global state under other threads: once, on import.
warnings.filterwarnings("ignore", module=r"PIL\.")

_COMPRESSION = 259
_JPEG = 7
_PHOTOMETRIC = 262
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES, _JPEG_TABLES = 273, 279, 324, 325, 347
_BITS_PER_SAMPLE = 258
_SAMPLE_FORMAT = 339
_WHITE_IS_ZERO = 0
_UNSIGNED = (1,)


class JpegReader(JpegImagePlugin.JpegImageFile):
    """Reads the first picture of a JPEG file: what follows it (MPO, gain maps, trailing bytes) is not looked at."""

    def _read_dpi_from_exif(self) -> None:
        # Nobody asks for the resolution, and some broken EXIF blocks would make the file unreadable here.
        pass


class PngReader(PngImagePlugin.PngImageFile):
    """Reads PNG; of an animation, the default image."""

    def _open(self) -> None:
        super()._open()
        # The transparent colour comes in the file's own bit depth, the pixels are scaled to 8 bits.
        key, rawmode = self.info.get("transparency"), self.tile[0].args if self.tile else None
        if rawmode == "L;2" and isinstance(key, int):
            self.info["transparency"] = key * 85
        elif rawmode == "L;4" and isinstance(key, int):
            self.info["transparency"] = key * 17
        elif rawmode == "RGB;16B" and isinstance(key, tuple):
            self.info["transparency"] = tuple(value >> 8 for value in key)

    def load_end(self) -> None:
        """Called by Pillow when the samples are decoded."""
        super().load_end()
        if not isinstance(self.fp, BytesIO):
            return
        content = self.fp.getvalue()
        # Pillow forgives a file that is cut within the last bytes of the samples, before their checksum.
        if content.rfind(b"IEND") < 0:
            raise OSError("image file is truncated: it has no IEND chunk")
        # It also forgives samples that end in good order before the picture does, and leaves the rest 0. Counting
        # them takes a while, and they can lack only where one of the last two rows, of any pass, is 0.
        last_rows = np.asarray(self.crop((0, max(0, self.height - 2), self.width, self.height)))
        if not last_rows.reshape(len(last_rows), -1).any(axis=1).all() and lacks_samples(content):
            raise OSError("image file is truncated: its samples end before its last row")


class BmpReader(BmpImagePlugin.BmpImageFile):
    """Reads BMP; where nothing would be seen, its fourth byte is no alpha but room, as programs write it."""

    def load_end(self) -> None:
        """Called by Pillow when the samples are decoded."""
        super().load_end()
        if self.mode == "RGBA" and self.im.getband(3).getbbox() is None:
            opaque = Image.merge("RGB", self.split()[:3])
            self.im, self._mode = opaque.im, opaque.mode


class TiffReader(TiffImagePlugin.TiffImageFile):
    """Reads one page of a TIFF file."""

    def load_prepare(self) -> None:
        """Called by Pillow before the samples are decoded."""
        # Uncompressed strips or tiles that are not there would be left black without a word; libtiff minds.
        if not self.use_load_libtiff:
            width, height = self._tile_size
            planes = len(self.getbands()) if self._planar_configuration == 2 else 1
            there = sum(
                (x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (tile.extents for tile in self.tile if tile.extents)
            )
            if there < width * height * planes:
                raise OSError("image file is truncated: it has too few strips or tiles")
        if self.tag_v2.get(_COMPRESSION) == _JPEG and isinstance(self.fp, BytesIO):
            self._check_jpeg_parts(self.fp.getvalue())
        super().load_prepare()

    def _check_jpeg_parts(self, content: bytes) -> None:
        """Strips and tiles that are JPEGs end early as such files do: libtiff only warns, and leaves the rest grey."""
        places = self.tag_v2.get(_TILE_OFFSETS) or self.tag_v2.get(_STRIP_OFFSETS) or ()
        lengths = self.tag_v2.get(_TILE_BYTES) or self.tag_v2.get(_STRIP_BYTES) or ()
        tables = self.tag_v2.get(_JPEG_TABLES) or b""
        largest = max(*self.size, *self._tile_size)
        for at, length in zip(places, lengths, strict=False):
            part = content[at : at + length]
            found = jpeg_outline.outline(part)
            # A part that claims to be larger than the picture is for libtiff to refuse.
            if found is not None and max(found.width, found.height) <= largest:
                jpeg_outline.whole(tables[:-2] + part[2:] if tables else part)

    def load_end(self) -> None:
        """Called by Pillow when the samples are decoded."""
        # Pillow would turn the picture here, after reading EXIF directories that may be broken; it has already
        # swapped the size of one that lies on its side.
        self._size = self.im.size
        if self.mode.startswith("I;16"):
            self._widen_16_bit()
        elif self.mode == "I" and self.tag_v2.get(_SAMPLE_FORMAT, _UNSIGNED) == _UNSIGNED:
            self._fit_unsigned()

    def _widen_16_bit(self) -> None:
        """12-bit samples reach only 4095, and white-is-zero is not turned round as it is for 8 bits."""
        shift = 4 if self.tag_v2.get(_BITS_PER_SAMPLE) == (12,) else 0
        inverted = self.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
        if shift or inverted:
            values = np.asarray(self).astype(np.uint16) << shift
            self._replace(np.invert(values) if inverted else values)

    def _fit_unsigned(self) -> None:
        """Unsigned 32-bit samples above 2³¹ have become negative; half the value keeps their order."""
        values = np.asarray(self).view(np.uint32)
        if values.max() > np.iinfo(np.int32).max:
            self._replace((values >> 1).astype(np.int32))

    def _replace(self, values: np.ndarray) -> None:
        image = Image.fromarray(values)
        self.im, self._mode = image.im, image.mode


class JpegXlReader(ImageFile.ImageFile):
    """Reads JPEG XL; of an animation, the first frame."""

    def _open(self) -> None:
        import pylibjxl  # here, so that who has no such file does not wait for it

        found = pylibjxl.probe(self._content())
        self._size = found["width"], found["height"]
        self._mode = "RGB"  # until it is decoded
        self._decoded = False

    def _content(self) -> bytes:
        assert isinstance(self.fp, BytesIO)
        return self.fp.getvalue()

    def load(self) -> Image.core.PixelAccess | None:
        """Called by Pillow wherever pixels are needed."""
        import pylibjxl

        if not self._decoded:
            image = Image.fromarray(pylibjxl.decode(self._content()))
            self.im, self._mode, self._decoded = image.im, image.mode, True
        return super().load()


def _heic(file: BytesIO) -> ImageFile.ImageFile:
    # The reader alone: Pillow is not told, so that it opens elsewhere what it opened before.
    from pi_heif import HeifImageFile

    return HeifImageFile(file)


_READERS: dict[ImageFormat, Callable[[BytesIO], ImageFile.ImageFile]] = {
    ImageFormat.JPEG: JpegReader,
    ImageFormat.PNG: PngReader,
    ImageFormat.WEBP: WebPImagePlugin.WebPImageFile,
    ImageFormat.GIF: GifImagePlugin.GifImageFile,
    ImageFormat.BMP: BmpReader,
    ImageFormat.TIFF: TiffReader,
    ImageFormat.AVIF: AvifImagePlugin.AvifImageFile,
    ImageFormat.HEIC: _heic,
    ImageFormat.JPEG_XL: JpegXlReader,
}


def open_image(content: bytes, image_format: ImageFormat) -> ImageFile.ImageFile:
    """Read the header of an accepted format; pixels are decoded by the image's `load`.

    Raises:
        Exception: whatever Pillow makes of a broken file; there is no list of it.
    """
    if image_format is ImageFormat.PNG:
        content = picture_alone(content)
    image = _READERS[image_format](BytesIO(content))
    if image_format is ImageFormat.TIFF and (page := picture_page(content)):
        image.seek(page)
    return image
