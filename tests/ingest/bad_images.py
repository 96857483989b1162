"""What the door makes of the malformed files beside the project, where their manifest says otherwise or nothing."""

from __future__ import annotations

from typing import Literal

from image_assets.images.reasons import Reason

Verdict = Literal["accepted"] | Reason

# The manifest says yes or no, and the door says otherwise: file → what the door says, and why that is right or borne.
DIFFERENCES: dict[str, tuple[Verdict, str]] = {
    "pillow/ultrahdr.jpg": (
        Reason.TRUNCATED,
        "'yes', but the file itself ends right after the start-of-scan marker: there is not one sample in it",
    ),
    "pillow/apng__syntax_num_frames_zero.png": (
        Reason.CORRUPT,
        "'yes with warning', but it consists of IHDR, acTL and IEND: there is no picture in it",
    ),
    "pillow/truncated_jpeg.jpg": (
        "accepted",
        "'no (strict)', but it lacks only the last byte of its end mark: its ten scans are there to the last block",
    ),
    "pillow/hopper_16bit.pgm": (Reason.UNSUPPORTED_FORMAT, "'yes', but PNM is no accepted format"),
    "pillow/decompression_bomb_extents.gif": (
        "accepted",
        "'refuse', but the enormous frame is the second; the first, which alone is decoded, has 100 × 100 pixels",
    ),
    "pillow/bmp__b__badrle.bmp": (
        "accepted",
        "'no', but Pillow cuts runs that are too long for their row and shows a damaged picture",
    ),
    "pillow/crash-0da013a13571cc8eb457a39fee8db18f8a3c7127.tif": (
        "accepted",
        "'no', but it is a fax of 218 × 84 pixels with one bad code word, over which libtiff goes on as faxes do",
    ),
}

# The manifest leaves it open: (what the door says, why, the files).
JUDGEMENTS: list[tuple[Verdict, str, list[str]]] = [
    (Reason.TRUNCATED, "'yes/partial': cut within its last chunk; strict", ["pillow/truncated_end_chunk.png"]),
    ("accepted", "'header only': a complete scan of 10 × 10 pixels follows its header", ["pillow/icc-after-SOF.jpg"]),
    ("accepted", "'?': an odd APP13 segment concerns nobody", ["pillow/app13.jpg"]),
    ("accepted", "'default frame': the default image is whole, only frames lack", ["pillow/apng__chunk_no_fdat.png"]),
    (
        "accepted",
        "'yes if AVIF support': there is",
        ["pillow/avif__icc_profile_none.avif", "pillow/avif__rot1mir1.avif"],
    ),
    (
        Reason.TRUNCATED,
        "'decodes with visible damage or error': after the damage there are too few samples for the blocks that follow",
        ["made/jpeg_corrupt_middle.jpg"],
    ),
    (Reason.TOO_MANY_PIXELS, "'refuse or warn': 144 million pixels are refused", ["made/bomb_12000x12000_1bit.png"]),
    (
        "accepted",
        "'see image-rs tests': a sound file of an accepted format, of an unusual kind",
        [
            *(f"image-rs/bmp__images__{n}.bmp" for n in ("rgb16-565", "rgb16")),
            *(
                f"image-rs/gif__anim__{n}.gif"
                for n in (
                    "any-disposal",
                    "border_touching_layers",
                    "interlaced",
                    "issue_1455_undersized",
                    "large-gif-anim-combine",
                    "large-gif-anim-full-frame-replace",
                    "mixed-disposal",
                    "oob",
                )
            ),
            *(f"image-rs/jpg__{n}.jpg" for n in ("exif-xmp-metadata", "iptc")),
            *(f"image-rs/jpg__progressive__{n}.jpg" for n in ("3", "cat", "test")),
            *(f"image-rs/png__16bpc__{n}.png" for n in ("basi0g16", "basn2c16", "basn6a16")),
            *(f"image-rs/png__apng__{n}.png" for n in ("rgba16", "wpt__fcTL-blend-source-transparent")),
            *(
                f"image-rs/png__bugfixes__{n}.png"
                for n in ("debug_triangle_corners_widescreen", "issue#2026", "issue#403")
            ),
            *(f"image-rs/png__{n}.png" for n in ("interlaced__basi2c08", "iptc")),
            *(
                f"image-rs/png__transparency__{n}.png"
                for n in ("acid2", "tbbn0g04", "tbbn3p08", "tbgn3p08", "tbrn2c08", "tbwn3p08", "tbyn3p08", "tm3n3p02")
            ),
            *(
                f"image-rs/png__transparency__{n}.png"
                for n in ("tp0n0g08", "tp0n2c08", "tp0n3p08", "tp1n3p08", "tp1n3p08_xmp")
            ),
            *(f"image-rs/tiff__testsuite__cmyk_u8_{n}_case.tif" for n in ("edge", "trunc")),
            "image-rs/tiff__testsuite__rgb-3c-16b.tiff",
            "image-rs/webp__extended_images__anim.webp",
            *(f"image-rs/webp__lossless_images__{n}.webp" for n in ("2-color", "multi-color", "simple", "simple_xmp")),
        ],
    ),
    (
        "accepted",
        "'see image-rs tests': one wrong number that no sample depends on",
        [
            "image-rs/bmp__images__lenient__badplanes.bmp",
            "image-rs/bmp__images__lenient__V5_A8_R8_G8_B8_Rgb_BadMask.bmp",
        ],
    ),
    (
        "accepted",
        "'see image-rs tests': colours beyond the palette are black, too long runs are cut; damaged but there",
        ["image-rs/bmp__images__pal8badindex.bmp", "image-rs/bmp__images__lenient__badrle.bmp"],
    ),
    (
        Reason.UNSUPPORTED_FORMAT,
        "'see image-rs tests': Pillow lacks 16-bit BMPs with other than 5-5-5 and 5-6-5 bits",
        [
            "image-rs/bmp__images__lenient__rgb16-880.bmp",
            "image-rs/bmp__images__rgb16-231.bmp",
            "image-rs/bmp__images__rgba16-1924.bmp",
        ],
    ),
    (
        Reason.CORRUPT,
        "'see image-rs tests': claims a palette of 305,402,420 colours",
        ["image-rs/bmp__images__lenient__badpalettesize.bmp"],
    ),
    (Reason.NOT_AN_IMAGE, "'mostly no': a text", ["image-rs/bad__tests__bad__README.md"]),
    (
        Reason.CORRUPT,
        "'mostly no': 30,000 bits a pixel, 4 billion colours, or a GIF without a frame",
        [
            "image-rs/bad__tests__bad__bmp__Bad_badbitcount.bmp",
            "image-rs/bad__tests__bad__bmp__Bad_clrsUsed.bmp",
            "image-rs/bad__tests__regression__gif__zero-loop-count.gif",
        ],
    ),
    (
        Reason.UNSUPPORTED_FORMAT,
        "'mostly no': CMYK with alpha, which Pillow lacks in a TIFF; nothing is wrong with its tags",
        ["image-rs/bad__tests__bad__tiff__TODO hpredict_cmyk.tiff"],
    ),
    (
        Reason.TOO_MANY_PIXELS,
        "'mostly no': enormous by its header",
        [
            *(f"image-rs/bad__tests__bad__bmp__Bad_{n}.bmp" for n in ("height", "reallybig", "width")),
            "image-rs/bad__tests__bad__bmp__Bad_unusual_extend_buffer_usage.bmp",
        ],
    ),
    (Reason.TRUNCATED, "'mostly no': its rows end early", ["image-rs/bad__tests__bad__bmp__Bad_shortfile.bmp"]),
    (
        Reason.SIDE_TOO_LONG,
        "'mostly no': 3 × 62,728 pixels by its header",
        ["image-rs/bad__tests__regression__jpg__oss-fuzz-36829.jpeg"],
    ),
    (
        Reason.UNSUPPORTED_FORMAT,
        "'mostly no': ICO is no accepted format",
        [
            "image-rs/bad__tests__bad__ico__Bad_smile-incorrect-image-length.ico",
            *(
                f"image-rs/bad__tests__regression__ico__{n}.ico"
                for n in (
                    "crash-981fee302fe0fc543ee48292cc3d6ace7e97e633",
                    "oom-0d0085eb7f66ea55d9119206235cd29e089b9140",
                    "oom-ff076e7064c13ec1f8e2c5bbbfb7a77a08db2361",
                )
            ),
        ],
    ),
    (
        Reason.NOT_AN_IMAGE,
        "'mostly no': TGA is no accepted format and has no first bytes to know it by",
        [
            f"image-rs/bad__tests__regression__tga__{n}.tga"
            for n in (
                "bad-color-map",
                "flip-zero-height",
                "flip-zero-height2",
                "orientation-zero-width",
                "overfull-image",
                "sixteen-bit-gray-colormap",
                "sixteen-bit-gray-colormap2",
                "slice-copy-length",
            )
        ],
    ),
    (
        "accepted",
        "'mostly no', but these are sound pictures on which something else once failed",
        [
            "image-rs/bad__tests__regression__image__resize-with-alpha-original-half-size.png",
            "image-rs/bad__tests__regression__image__resize-with-alpha-original.png",
            "image-rs/bad__tests__regression__webp__panic.webp",
        ],
    ),
    (
        Reason.TRUNCATED,
        "'mostly no': the JPEG within lacks samples, so that its colours are damaged at the lower edge",
        [
            "image-rs/bad__tests__regression__tiff__"
            "clusterfuzz-testcase-minimized-fuzzer_script_tiff-5026894169374720.tif"
        ],
    ),
]
