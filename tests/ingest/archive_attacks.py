"""Archives made to do harm, S2 of the reliability tables: each with what must become of it.

None names a file that exists outside of a test's folder, so that one that succeeded would do no harm either.
"""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.ingest.archives import compressed, tarred, zipped

GOOD = ("good.jpg", b"good")
MB = 1_000_000


@dataclass(frozen=True)
class Attack:
    """An archive and its outcome.

    Attributes:
        file: Its name in the landing zone.
        make: Makes it.
        good: Members that are loaded, by name, with their contents; None: any.
        bad: Reason codes by member name, `""` for the archive itself.
        caps: Other limits than the usual ones.
        ignored: How many entries are left out.
    """

    name: str
    file: str
    make: Callable[[], bytes]
    good: dict[str, bytes] | None = field(default_factory=dict)
    bad: dict[str, str] = field(default_factory=dict)
    caps: dict[str, float] = field(default_factory=dict)
    ignored: int = 0


def named(*names: str) -> dict[str, bytes]:
    return dict.fromkeys(names, b"content")


def zip_of(*names: str) -> Callable[[], bytes]:
    return lambda: raw_zip([(name.encode("utf-8", "surrogateescape"), b"content", {}) for name in names])


def tar_of(*names: str, form: str = "tar") -> Callable[[], bytes]:
    return lambda: compressed(form, tarred([(name, b"content") for name in names]))


def raw_zip(entries: list[tuple[bytes, bytes, dict[str, int]]], tail: bytes = b"") -> bytes:
    """A zip of stored entries, byte by byte; a dict may lie: size, packed, crc, flags, method, mode, position."""
    body, directory = b"", b""
    for name, content, lies in entries:
        crc, packed, size = lies.get("crc", zlib.crc32(content)), lies.get("packed", len(content)), len(content)
        size, flags, method = lies.get("size", size), lies.get("flags", 0x800), lies.get("method", 0)
        position = lies.get("position", len(body))
        figures = (20, flags, method, 0, 0, crc, packed, size, len(name), 0)
        directory += struct.pack(
            "<4s2B5H3L5H2L", b"PK\1\2", 20, 3, *figures, 0, 0, 0, lies.get("mode", 0) << 16, position
        )
        directory += name
        body += struct.pack("<4s5H3L2H", b"PK\3\4", *figures) + name + content
    count = len(entries)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end + tail


def tar_entry(kind: bytes, name: str = "evil.jpg", link: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry


def with_entry(entry: tarfile.TarInfo) -> Callable[[], bytes]:
    return lambda: tarred([(entry, b""), GOOD])


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tar header that states any size."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.size = kind, size
    return entry.tobuf(tarfile.GNU_FORMAT)


def negative_size() -> bytes:
    block = bytearray(header("evil.jpg", 0))
    block[124:136] = (-512).to_bytes(12, "big", signed=True)
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


def pax(records: bytes, kind: bytes = tarfile.XHDTYPE) -> bytes:
    return header("pax", len(records), kind) + padded(records)


def pax_record(keyword: bytes, value: bytes) -> bytes:
    length = len(keyword) + len(value) + 3
    total = length + len(str(length + len(str(length))))
    return b"%d %s=%s\n" % (total, keyword, value)


def good_tar_then(block: bytes) -> bytes:
    return header("good.jpg", 4) + padded(b"good") + block


def zeros(form: str, size: int) -> bytes:
    if form == "zip":
        return zipped([GOOD, ("bomb.jpg", bytes(size)), ("after.jpg", b"after")])
    return compressed(form, tarred([GOOD, ("bomb.jpg", bytes(size)), ("after.jpg", b"after")]))


def nested(form: str, depth: int) -> bytes:
    content = compressed(form, tarred([GOOD])) if form != "zip" else zipped([GOOD])
    for _ in range(depth - 1):
        inner = [(f"in.{form}", content)]
        content = zipped(inner) if form == "zip" else compressed(form, tarred(inner))
    return content


def fanned_out() -> bytes:
    """What looks like an archive that holds itself: ten times an archive of ten times an archive of zeros."""
    content = zipped([("zeros.jpg", bytes(3 * MB))])
    for _ in range(2):
        content = zipped([(f"{n}.zip", content) for n in range(10)])
    return content


def overlapping() -> bytes:
    """Records that all mean the same bytes, as zip bombs of quoted files do."""
    content = bytes(range(256)) * 400
    entries = [(b"0.jpg", content, {})] + [(b"%d.jpg" % n, b"", {}) for n in range(1, 50)]
    made = raw_zip(entries)
    # Every record of the directory is turned to the first member.
    fields = struct.unpack_from("<3L", made, made.index(b"PK\1\2") + 16)
    for n in range(1, 50):
        at = made.index(b"%d.jpg" % n, made.index(b"PK\1\2")) - 46
        made = made[: at + 16] + struct.pack("<3L", *fields) + made[at + 28 : at + 42] + bytes(4) + made[at + 46 :]
    return made


def zip64() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in ("a.jpg", "b.jpg"):
            with made.open(name, "w", force_zip64=True) as member:
                member.write(b"content")
    return buffer.getvalue()


def streamed_zip(cut: int = 0) -> bytes:
    """As a pipe is written: sizes follow the members. Without its directory where `cut`."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.content = b""

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:  # pyright: ignore[reportArgumentType]
        for name in ("a.jpg", "b.jpg"):
            made.writestr(name, b"content")
    return pipe.content[: pipe.content.index(b"PK\1\2") + 10] if cut else pipe.content


def damaged(content: bytes, at: int, change: bytes = b"\xff\xff\xff\xff") -> bytes:
    at %= len(content)
    return content[:at] + change + content[at + len(change) :]


def truncated_tar_gz() -> bytes:
    noise = random.Random(1).randbytes(200_000)
    return compressed("tar.gz", tarred([GOOD, ("big.jpg", noise), ("after.jpg", b"after")]))[:100_000]


def truncated_tar_zst() -> bytes:
    noise = random.Random(1).randbytes(400_000)
    return compressed("tar.zst", tarred([GOOD, ("big.jpg", noise), ("after.jpg", b"after")]))[:300_000]


NUMBERED = [(f"{n}.jpg", b"%d" % n) for n in range(20)]
ONLY_GOOD = {"good.jpg": b"good"}
DAMAGED = {"": "archive_damaged"}
LONG = "x" * 5_000 + ".jpg"

NAMES = [
    Attack("zip ..", "a.zip", zip_of("../../evil.jpg"), named("../../evil.jpg")),
    Attack("zip deep ..", "a.zip", zip_of("a/b/../../../../evil.jpg"), named("a/b/../../../../evil.jpg")),
    Attack("zip absolute", "a.zip", zip_of("/nowhere-at-all/evil.jpg"), named("/nowhere-at-all/evil.jpg")),
    Attack("zip Windows drive", "a.zip", zip_of("C:\\evil.jpg", "C:/evil.jpg"), named("C:\\\\evil.jpg", "C:/evil.jpg")),
    Attack("zip backslashes", "a.zip", zip_of("a\\..\\..\\evil.jpg", "..\\evil.jpg"),
           named("a\\\\..\\\\..\\\\evil.jpg"), ignored=1),  # the other's name begins with a dot
    Attack("zip share", "a.zip", zip_of("\\\\host\\share\\evil.jpg", "//host/evil.jpg"),
           named("\\\\\\\\host\\\\share\\\\evil.jpg", "//host/evil.jpg")),
    Attack("zip NUL in a name", "a.zip", zip_of("evil.sh\0.jpg"), named("evil.sh\\x00.jpg")),
    Attack("zip empty name", "a.zip", zip_of(""), named("")),
    Attack("zip dots", "a.zip", zip_of(".", "..", "./..", "..."), named(".", "..", "./.."), ignored=1),
    Attack("zip very long name", "a.zip", zip_of(LONG, "/".join("y" * 300)), named(LONG, "/".join("y" * 300))),
    Attack("zip right to left", "a.zip", zip_of("evil\u202egpj.exe"), named("evil\\u202egpj.exe")),
    Attack("zip unicode that looks like ..", "a.zip", zip_of("․․/․․/evil.jpg", "a／..／evil.jpg"),
           named("․․/․․/evil.jpg", "a／..／evil.jpg")),
    Attack("zip not UTF-8 though it says so", "a.zip", zip_of("evil\udcff.jpg"), named("evil\\xff.jpg")),
    Attack("zip terminal escapes", "a.zip", zip_of("\x1b[2Jevil.jpg\n"), named("\\x1b[2Jevil.jpg\\x0a")),
    Attack("zip same name twice", "a.zip", zip_of("a.jpg", "a.jpg", "a.jpg"), named("a.jpg", "a.jpg\\#2", "a.jpg\\#3")),
    Attack("zip names that differ in case", "a.zip", zip_of("a.jpg", "A.JPG"), named("a.jpg", "A.JPG")),
    Attack("zip names that differ in composition", "a.zip", zip_of("é.jpg", "e\u0301.jpg"),
           named("é.jpg", "e\u0301.jpg")),
    Attack("zip a file where a folder is", "a.zip", zip_of("a", "a/b.jpg"), named("a", "a/b.jpg")),
    Attack("zip name of our own files", "a.zip", zip_of("../manifest/000000000000.json", "end.json"),
           named("../manifest/000000000000.json", "end.json")),
    Attack("nested name that clashes", "a.zip",
           lambda: zipped([("in.zip/x.jpg", b"outer"), ("in.zip", zipped([("x.jpg", b"inner")]))]),
           {"in.zip/x.jpg": b"outer", "in.zip/x.jpg\\#2": b"inner"}),
    Attack("tar ..", "a.tar", tar_of("../../evil.jpg"), named("../../evil.jpg")),
    Attack("tar.gz absolute", "a.tar.gz", tar_of("/nowhere-at-all/evil.jpg", form="tar.gz"),
           named("/nowhere-at-all/evil.jpg")),
    Attack("tar.zst ..", "a.tar.zst", tar_of("a/../../evil.jpg", form="tar.zst"), named("a/../../evil.jpg")),
    Attack("tar same name twice", "a.tar", tar_of("a.jpg", "a.jpg"), named("a.jpg", "a.jpg\\#2")),
    Attack("tar very long name", "a.tar", tar_of(LONG), named(LONG)),
    Attack("tar pax path ..", "a.tar",
           lambda: pax(pax_record(b"path", b"../../evil.jpg")) + tarred([("innocent.jpg", b"content")]),
           named("../../evil.jpg")),
    Attack("tar GNU long name ..", "a.tar",
           lambda: header("x", 15, tarfile.GNUTYPE_LONGNAME)
           + padded(b"../../evil.jpg\0") + tarred([("i.jpg", b"content")]),
           named("../../evil.jpg")),
]  # fmt: skip

KINDS = [
    *(
        Attack(f"tar {what}", "a.tar", with_entry(tar_entry(kind, link=link)), ONLY_GOOD,
               {"evil.jpg": "member_no_file"})
        for what, kind, link in [
            ("symbolic link out", tarfile.SYMTYPE, "/nowhere-at-all"),
            ("symbolic link ..", tarfile.SYMTYPE, "../../../.."),
            ("hard link out", tarfile.LNKTYPE, "/nowhere-at-all"),
            ("hard link within", tarfile.LNKTYPE, "good.jpg"),
            ("character device", tarfile.CHRTYPE, ""),
            ("block device", tarfile.BLKTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
            ("unknown type", b"Z", ""),
        ]
    ),
    Attack("tar link, then a file through it", "a.tar",
           lambda: tarred([(tar_entry(tarfile.SYMTYPE, "d", "../../../.."), b""), ("d/evil.jpg", b"content")]),
           named("d/evil.jpg"), {"d": "member_no_file"}),
    Attack("zip symbolic link", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"/nowhere-at-all", {"mode": 0o120777}), (b"good.jpg", b"good", {})]),
           ONLY_GOOD, {"evil.jpg": "member_no_file"}),
    Attack("zip device", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"", {"mode": 0o020666}), (b"good.jpg", b"good", {})]),
           ONLY_GOOD, {"evil.jpg": "member_no_file"}),
    Attack("tar old sparse file of 1 TB", "a.tar",
           lambda: header("evil.jpg", 0, tarfile.GNUTYPE_SPARSE) + tarred([GOOD]), ONLY_GOOD,
           {"evil.jpg": "member_unsupported"}),
    Attack("tar pax sparse file of 1 TB", "a.tar",
           lambda: pax(pax_record(b"GNU.sparse.major", b"1") + pax_record(b"GNU.sparse.realsize", b"1" + b"0" * 12))
           + tarred([("evil.jpg", b"1\n0\n512\n"), GOOD]), ONLY_GOOD, {"evil.jpg": "member_unsupported"}),
]  # fmt: skip

BOMB = {"good.jpg": b"good"}
BOMBS = [
    *(
        Attack(f"{form} that grows a thousandfold", f"a.{form}", lambda form=form: zeros(form, 3 * MB), BOMB,
               {"": "archive_ratio"}, {"ratio": 20})
        for form in ("zip", "tar.gz", "tgz", "tar.zst", "tzst")
    ),
    *(
        Attack(f"zip by {method} that grows", "a.zip",
               lambda method=method: zipped([GOOD, ("bomb.jpg", bytes(3 * MB))], getattr(zipfile, method)), BOMB,
               {"": "archive_ratio"}, {"ratio": 20})
        for method in ("ZIP_BZIP2", "ZIP_LZMA")
    ),
    *(
        Attack(f"{form} of too many bytes", f"a.{form}", lambda form=form: zeros(form, 3 * MB), BOMB,
               {"": "archive_too_many_bytes"}, {"bytes": 2 * MB, "ratio": 1e9})
        for form in ("zip", "tar", "tar.gz", "tar.zst")
    ),
    Attack("bombs in bombs", "a.zip", fanned_out, None, {"": "archive_ratio"}, {"ratio": 200}),
    Attack("archives that hold archives for ever", "a.tar.gz", lambda: nested("tar.gz", 6), {},
           {"in.tar.gz/in.tar.gz/in.tar.gz": "archive_nesting"}),
    Attack("nested as deep as allowed", "a.zip", lambda: nested("zip", 3), {"in.zip/in.zip/good.jpg": b"good"}),
    Attack("nested one deeper", "a.zip", lambda: nested("zip", 4), {}, {"in.zip/in.zip/in.zip": "archive_nesting"}),
    *(
        Attack(f"{form} of too many members", f"a.{form}",
               lambda form=form: zipped(NUMBERED) if form == "zip" else tarred(NUMBERED), dict(NUMBERED[:10]),
               {"": "archive_too_many_members"}, {"members": 10})
        for form in ("zip", "tar")
    ),
    Attack("too many folders", "a.tar",
           lambda: tarred([GOOD, *((tar_entry(tarfile.DIRTYPE, f"{n}"), b"") for n in range(20))]),
           ONLY_GOOD, {"": "archive_too_many_members"}, {"members": 10}),
    Attack("too many members, nested", "a.zip", lambda: zipped([("in.zip", zipped(NUMBERED))]),
           {f"in.zip/{name}": content for name, content in NUMBERED[:9]}, {"": "archive_too_many_members"},
           {"members": 10}),
    Attack("huge members that are ignored", "a.tar.gz",
           lambda: compressed("tar.gz", tarred([GOOD, (".x", bytes(3 * MB))])),
           BOMB, {"": "archive_too_many_bytes"}, {"bytes": 2 * MB, "ratio": 1e9}, ignored=1),
    Attack("zip with overlapping entries", "a.zip", overlapping, None, {"": "archive_damaged"}),
]  # fmt: skip

LIES = [
    Attack("zip size stated too small", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"size": 3}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip size stated as 4 GB", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"size": 2**32 - 2}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip packed size stated as 4 GB", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"packed": 2**32 - 2}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip member outside of the archive", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"position": 2**31}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip member that is another one", "a.zip",
           lambda: raw_zip([(b"good.jpg", b"good", {}), (b"evil.jpg", b"x", {"position": 0})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip wrong checksum", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"crc": 1}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_damaged"}),
    Attack("zip encrypted", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"flags": 0x801}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_encrypted"}),
    Attack("zip unknown compression", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"content", {"method": 97}), (b"good.jpg", b"good", {})]), ONLY_GOOD,
           {"evil.jpg": "member_unsupported"}),
    Attack("zip LZMA dictionary of 4 GB", "a.zip",
           lambda: raw_zip([(b"evil.jpg", b"\x09\x14\x05\0\x5d\xff\xff\xff\xff" + bytes(50), {"method": 14}),
                            (b"good.jpg", b"good", {})]), ONLY_GOOD, {"evil.jpg": "member_unsupported"}),
    Attack("zip64", "a.zip", zip64, named("a.jpg", "b.jpg")),
    Attack("zip sizes after members", "a.zip", streamed_zip, named("a.jpg", "b.jpg")),
    Attack("zip cut off, sizes after members", "a.zip", lambda: streamed_zip(cut=1), {}, DAMAGED),
    Attack("zip cut off in a member", "a.zip",
           lambda: raw_zip([(b"good.jpg", b"good", {}), (b"cut.jpg", bytes(range(256)), {})])[:200], {}, DAMAGED),
    Attack("zip damaged directory", "a.zip",
           lambda: damaged(zipped([GOOD, GOOD]), zipped([GOOD, GOOD]).rindex(b"PK\1\2")), ONLY_GOOD, DAMAGED),
    Attack("zip garbage behind it", "a.zip", lambda: zipped([GOOD]) + b"garbage" * 100, ONLY_GOOD),
    Attack("zip much garbage behind it", "a.zip", lambda: zipped([GOOD]) + b"garbage" * 20_000, {}, DAMAGED),
    Attack("zip garbage before it", "a.zip", lambda: b"garbage" * 100 + zipped([GOOD]), ONLY_GOOD),
    Attack("tar size below zero", "a.tar", lambda: good_tar_then(negative_size()), ONLY_GOOD, DAMAGED),
    Attack("tar size of 8 EB", "a.tar", lambda: good_tar_then(header("evil.jpg", 2**63 - 1)), ONLY_GOOD, DAMAGED),
    Attack("tar pax size below zero", "a.tar",
           lambda: good_tar_then(pax(pax_record(b"size", b"-512")) + tarred([("evil.jpg", b"x")])),
           ONLY_GOOD, DAMAGED),
    Attack("tar pax size of a thousand digits", "a.tar",
           lambda: good_tar_then(pax(pax_record(b"size", b"9" * 900)) + tarred([("evil.jpg", b"x")])),
           ONLY_GOOD, DAMAGED),
    Attack("tar pax header of 8 GB", "a.tar.gz",
           lambda: gzip.compress(good_tar_then(header("pax", 2**33, tarfile.XHDTYPE) + bytes(3 * MB))),
           ONLY_GOOD, DAMAGED),
    Attack("tar pax header of nonsense", "a.tar", lambda: good_tar_then(pax(b"99999 path=evil\n")), ONLY_GOOD, DAMAGED),
    Attack("tar long name of 8 GB", "a.tar",
           lambda: good_tar_then(header("x", 2**33, tarfile.GNUTYPE_LONGNAME) + bytes(512)), ONLY_GOOD, DAMAGED),
    Attack("tar damaged header", "a.tar",
           lambda: damaged(tarred([GOOD, ("x.jpg", b"x"), ("y.jpg", b"y")]), 1_024, b"\xff" * 100), ONLY_GOOD, DAMAGED),
    Attack("tar cut off in a member", "a.tar", lambda: tarred([GOOD, ("x.jpg", b"x" * 9_000)])[:4_000],
           ONLY_GOOD, DAMAGED),
    Attack("tar cut off between members", "a.tar", lambda: tarred([GOOD, ("x.jpg", b"x")])[:1_024], ONLY_GOOD, DAMAGED),
    Attack("tar.gz cut off", "a.tar.gz", truncated_tar_gz, ONLY_GOOD, DAMAGED),
    Attack("tar.zst cut off", "a.tar.zst", truncated_tar_zst, ONLY_GOOD, DAMAGED),
    Attack("tar.gz wrong checksum", "a.tar.gz", lambda: damaged(gzip.compress(tarred([GOOD])), -8, b"\1\2\3\4"),
           ONLY_GOOD, DAMAGED),
    Attack("tar garbage behind it", "a.tar", lambda: tarred([GOOD]) + b"garbage" * 100, ONLY_GOOD, DAMAGED),
    Attack("tar.gz garbage behind it", "a.tar.gz", lambda: gzip.compress(tarred([GOOD])) + b"garbage" * 100, ONLY_GOOD,
           DAMAGED),
    Attack("two tars, one behind the other", "a.tar", lambda: tarred([GOOD]) + tarred([("lost.jpg", b"x")]), ONLY_GOOD,
           DAMAGED),
    Attack("tar.gz in several gzip members", "a.tar.gz",
           lambda: b"".join(gzip.compress(part) for part in (tarred([GOOD])[:700], tarred([GOOD])[700:])), ONLY_GOOD),
    Attack("gzip of no tar", "a.tar.gz", lambda: gzip.compress(b"no tar" * 1_000), {}, DAMAGED),
    Attack("gzip of nothing", "a.tgz", lambda: gzip.compress(b""), {}, DAMAGED),
]  # fmt: skip

ATTACKS = [*NAMES, *KINDS, *BOMBS, *LIES]
