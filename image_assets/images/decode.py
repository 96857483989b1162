"""The door of the platform: decides whether bytes are an acceptable image, and decodes them."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import numpy as np
from PIL import Image

from image_assets.images import iso_boxes, jpeg, jpeg_outline, tiff_pages
from image_assets.images.convert import to_rgb
from image_assets.images.formats import ACCEPTED, RAW_HINT, ImageFormat, archive_kind, sniff
from image_assets.images.header import check_bytes, check_header, check_size
from image_assets.images.readers import open_image
from image_assets.images.reasons import Reason, Rejected
from image_assets.images.tags import orientation, orientation_in
from image_assets.settings.stages import Limits
from image_assets.wording import in_brief

__all__ = ["DecodedImage", "ImageFormat", "decode", "sniff"]


# What Pillow says of sound files of a kind that it lacks.
_NO_MEMORY = re.compile(r"out of memory|cannot allocate", re.IGNORECASE)
_LACKING = re.compile(
    r"bitfields layout|Unsupported (BMP compression|feature|codec)|codec? .*not available|decoder .*not available"
)
_UNKNOWN_SAMPLES = re.compile("unknown pixel mode")
_ENDS_EARLY = re.compile(r"truncated|unexpected end of file", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """An accepted image.

    Attributes:
        pixels: uint8 [height, width, 3], RGB, C-contiguous, read-only, upright.
        format: What the content was: one of `image_assets.images.formats.ACCEPTED`.
        orientation: The EXIF orientation, 1 to 8, that was applied.
    """

    pixels: np.ndarray
    format: str
    orientation: int = 1


def decode(content: bytes, limits: Limits) -> DecodedImage:
    """Decode an image file completely, or say why it is none that is accepted.

    Of animations and files of several pages, the first picture. How each kind of pixel becomes RGB is said in
    `image_assets.images.convert`.

    Args:
        content: The file.
        limits: Largest file, most pixels, longest and shortest side. Sizes are read from the header before anything
            is decoded. Whatever they say, Pillow reads no WebP or TIFF of more than 178,956,970 pixels.

    Raises:
        Rejected: for any content that is not an acceptable image; nothing else is raised, whatever the bytes.
    """
    if not content:
        raise Rejected(Reason.EMPTY, "the file has no bytes")
    check_bytes(len(content), limits)
    image_format = _accepted_format(content, limits)
    check_header(content, image_format, limits)
    if image_format is ImageFormat.JPEG:
        pixels, applied = _read_jpeg(content, limits)
    else:
        pixels, applied = _read(content, image_format, limits)
    return DecodedImage(pixels, image_format.value, applied)


def _accepted_format(content: bytes, limits: Limits) -> ImageFormat:
    found = sniff(content)
    allowed = ", ".join(ACCEPTED)
    if found is None and (kind := archive_kind(content)):
        raise Rejected(Reason.ARCHIVE_NOT_OPENED, f"the content is {kind}, under a name by which none is opened here")
    if found is None:
        raise Rejected(
            Reason.NOT_AN_IMAGE, f"the content begins with {content[:16]!r}, like no image; accepted: {allowed}"
        )
    if found not in ACCEPTED:
        hint = f"; {RAW_HINT}" if found.startswith("raw") else ""
        raise Rejected(Reason.UNSUPPORTED_FORMAT, f"{found} is not accepted; accepted: {allowed}{hint}")
    if found not in limits.formats:
        let_in = ", ".join(limits.formats)
        raise Rejected(Reason.FORMAT_NOT_LET_IN, f"{found} is not among limits.formats, which are {let_in}")
    return found


def _read_jpeg(content: bytes, limits: Limits) -> tuple[np.ndarray, int]:
    """The pixels, and the orientation that was applied."""
    read = _read_ordinary_jpeg(content, limits)
    if read is not None:
        return read
    # Something is out of the ordinary: it is looked at whether the picture is all there, whatever mark it ends in.
    found = jpeg_outline.outline(content)
    if found is not None and found.width and found.height:
        check_size((found.width, found.height), limits)
        content = jpeg_outline.whole(content)
        read = _read_ordinary_jpeg(content, limits)
    return _read(content, ImageFormat.JPEG, limits) if read is None else read


def _read_ordinary_jpeg(content: bytes, limits: Limits) -> tuple[np.ndarray, int] | None:
    frame = jpeg.ordinary_frame(content)
    if frame is None:
        return None
    check_size((frame.width, frame.height), limits)
    pixels = jpeg.read(content, frame)
    if pixels is None:
        return None
    pixels.flags.writeable = False
    return pixels, frame.orientation


def _read(content: bytes, image_format: ImageFormat, limits: Limits) -> tuple[np.ndarray, int]:
    try:
        image = open_image(content, image_format)
        check_size(image.size, limits)
        image.load()
        applied = _orientation(content, image_format, image)
        return np.asarray(to_rgb(image, applied)), applied
    except (Rejected, ImportError):  # a decoder that is not installed says nothing about the file
        raise
    except Image.DecompressionBombError as error:
        raise Rejected(Reason.TOO_MANY_PIXELS, f"{image_format}: {error}") from None
    except Exception as error:
        # Deliberately everything. On hostile bytes Pillow raises SyntaxError, OSError, EOFError, struct.error,
        # zlib.error, IndexError, KeyError, ValueError, OverflowError, MemoryError, AssertionError … with every release
        # another, and one such file must not end a run. The price is that a mistake of ours in these few lines would
        # look like a corrupt file; the tests decode every mode of every format to rule that out.
        raise _rejected(content, image_format, error) from error


def _orientation(content: bytes, image_format: ImageFormat, image: Image.Image) -> int:
    """Where browsers take it from, and from nowhere else: a TIFF's own tag, the first EXIF block of the others."""
    if image_format is ImageFormat.TIFF:
        pages = tiff_pages.pages_of(content)
        page = next(itertools.islice(pages, tiff_pages.picture_page(content), None), None)
        return orientation_in(page.tags) if page else 1
    if image_format in (ImageFormat.HEIC, ImageFormat.JPEG_XL):
        return 1  # their decoders have turned the picture as the file's own properties say, and EXIF does not count
    exif = image.info.get("exif")
    return orientation(exif) if isinstance(exif, bytes) else 1


def _rejected(content: bytes, image_format: ImageFormat, error: Exception) -> Rejected:
    lacking = image_format is ImageFormat.TIFF and _UNKNOWN_SAMPLES.search(str(error))
    samples = tiff_pages.samples_of(content) if lacking else None
    if samples:
        said = f"tiff with {samples} is not read: save it with whole ones of 8 or 16 bits, grey or RGB"
        return Rejected(Reason.UNSUPPORTED_FORMAT, said)
    said = f"{type(error).__name__}: {in_brief(error)}"
    return Rejected(_reason(content, image_format, error), f"{image_format} cannot be decoded: {said}")


def _reason(content: bytes, image_format: ImageFormat, error: Exception) -> Reason:
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return Reason.OUT_OF_MEMORY
    if _ends_early(content, image_format, error):
        return Reason.TRUNCATED
    return Reason.UNSUPPORTED_FORMAT if _LACKING.search(str(error)) else Reason.CORRUPT


def _ends_early(content: bytes, image_format: ImageFormat, error: Exception) -> bool:
    """Whether a file that cannot be decoded has lost its end: by the file's own account, or by Pillow's."""
    match image_format:
        case ImageFormat.JPEG if b"\xff\xd9" not in content:
            return True
        case ImageFormat.PNG if b"IEND" not in content:
            return True
        case ImageFormat.WEBP if int.from_bytes(content[4:8], "little") + 8 > len(content):
            return True
        case ImageFormat.BMP if int.from_bytes(content[2:6], "little") > len(content):
            return True
        case ImageFormat.AVIF | ImageFormat.HEIC if iso_boxes.end_of_boxes(content) > len(content):
            return True
        case ImageFormat.JPEG_XL if content[0] == 0 and iso_boxes.end_of_boxes(content) > len(content):
            return True  # a bare codestream, which begins with 255, does not tell its length
    return _ENDS_EARLY.search(str(error)) is not None
