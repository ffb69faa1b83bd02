"""Pictures by their headers: what they are, how large, and whether their end is there. Standard library only."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

Kind = Literal["image", "video", "audio"]
TAIL = 64 << 10
BLOCKS = 200_000  # more parts than any sound file has


class Cut(Exception):
    """The file ends, or stops making sense, before it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Pixels as they are shown: turned upright where the picture says so; 0 where they were not looked for."""

    kind: Kind
    type: str
    width: int = 0
    height: int = 0


@dataclass(slots=True)
class Bytes:
    """Reading by place: what is not there is a Cut."""

    file: BinaryIO
    size: int

    def at(self, place: int, count: int) -> bytes:
        self.file.seek(place)
        found = self.file.read(count)
        if len(found) < count:
            raise Cut
        return found

    def numbers(self, pattern: str, place: int) -> tuple[int, ...]:
        return struct.unpack(pattern, self.at(place, struct.calcsize(pattern)))

    def reach(self, end: int) -> None:
        if end > self.size:
            raise Cut


def png(data: Bytes) -> Facts:
    if data.at(12, 4) != b"IHDR":
        raise Cut
    width, height = data.numbers(">II", 16)
    place, turned = 8, False
    for _ in range(BLOCKS):
        (length,) = data.numbers(">I", place)
        name = data.at(place + 4, 4)
        data.reach(place + 12 + length)
        if name == b"eXIf":
            turned = lies_on_its_side(data.at(place + 8, min(length, TAIL)))
        if name == b"IEND":
            return picture("png", width, height, turned)
        place += 12 + length
    raise Cut


NO_SIZE = (0xC4, 0xC8, 0xCC)  # of the markers C0 to CF, those that are no frame


def jpeg(data: Bytes) -> Facts:
    place, size, turned = 2, (0, 0), False
    for _ in range(BLOCKS):
        fill, marker = data.numbers("BB", place)
        if fill != 0xFF:
            raise Cut
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD8:  # filling, and markers that stand alone
            place += 1 if marker == 0xFF else 2
            continue
        (length,) = data.numbers(">H", place + 2)
        if 0xC0 <= marker <= 0xCF and marker not in NO_SIZE:
            height, width = data.numbers(">HH", place + 5)
            size = (width, height)
        elif marker == 0xE1 and data.at(place + 4, min(6, length)) == b"Exif\0\0":
            turned = lies_on_its_side(data.at(place + 10, max(0, length - 8)))
        elif marker == 0xDA:
            _end_of_jpeg(data, place + 2 + length)
            return picture("jpeg", *size, turned)
        elif marker == 0xD9:
            raise Cut
        place += 2 + length
    raise Cut


def _end_of_jpeg(data: Bytes, start: int) -> None:
    """No pixel is written as FF D9, so that is an end wherever it stands; cameras put more behind it."""
    data.reach(start)
    for place in (max(start, data.size - TAIL), start):
        data.file.seek(place)
        if b"\xff\xd9" in data.file.read():
            return
    raise Cut


def gif(data: Bytes) -> Facts:
    width, height = data.numbers("<HH", 6)
    data.file.seek(max(13, data.size - TAIL))
    if not data.file.read().rstrip(b"\0\r\n").endswith(b";"):
        raise Cut
    return picture("gif", width, height)


def webp(data: Bytes) -> Facts:
    (length,) = data.numbers("<I", 4)
    data.reach(8 + length)
    name = data.at(12, 4)
    turned = False
    if name == b"VP8X":
        low, high, lower, higher = data.numbers("<HBHB", 24)
        size = (1 + low + (high << 16), 1 + lower + (higher << 16))
        turned = lies_on_its_side(_exif_of_webp(data, 8 + length))
    elif name == b"VP8L":
        (bits,) = data.numbers("<I", 21)
        size = (1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    elif name == b"VP8 ":
        wide, high = data.numbers("<HH", 26)
        size = (wide & 0x3FFF, high & 0x3FFF)
    else:
        raise Cut
    return picture("webp", *size, turned)


def _exif_of_webp(data: Bytes, end: int) -> bytes:
    place = 12
    for _ in range(BLOCKS):
        if place + 8 > end:
            break
        name, length = data.at(place, 4), data.numbers("<I", place + 4)[0]
        if name == b"EXIF":
            return data.at(place + 8, min(length, TAIL))
        place += 8 + length + length % 2
    return b""


def bmp(data: Bytes) -> Facts:
    start, header = data.numbers("<II", 10)
    if header == 12:
        width, height, _, bits = data.numbers("<HHHH", 18)
        packed = 0
    else:
        width, height, _, bits, packed = data.numbers("<iiHHI", 18)
    if packed in (0, 3):  # rows of plain pixels, each filled up to four bytes
        data.reach(start + (width * bits + 31) // 32 * 4 * abs(height))
    return picture("bmp", width, abs(height))


def picture(kind: str, width: int, height: int, turned: bool = False) -> Facts:
    if width < 1 or height < 1:
        raise Cut
    wide, high = (height, width) if turned else (width, height)
    return Facts(kind="image", type=kind, width=wide, height=high)


def lies_on_its_side(exif: bytes) -> bool:
    """Whether EXIF's orientation exchanges width and height. A damaged EXIF says nothing, as for whoever decodes it."""
    exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    try:
        if order is None:
            return False
        (place,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, place)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place + 2 + 12 * number)
            if tag == 0x0112:
                return bool(5 <= value <= 8)
    except struct.error:
        pass
    return False


Marked = Callable[[bytes], bool]
Reader = Callable[[Bytes], Facts]
PICTURES: tuple[tuple[Marked, Reader], ...] = (
    (lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), png),
    (lambda head: head.startswith(b"\xff\xd8\xff"), jpeg),
    (lambda head: head.startswith((b"GIF87a", b"GIF89a")), gif),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"WEBP", webp),
    (lambda head: head.startswith(b"BM") and head[6:10] == b"\0\0\0\0", bmp),
)
