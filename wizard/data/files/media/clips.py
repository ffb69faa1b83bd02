"""Videos and sounds by their headers: what they are, and whether all of them is there."""

from __future__ import annotations

from wizard.data.files.media.headers import BLOCKS, Bytes, Cut, Facts, Kind, Marked, Reader

PICTURE_BRANDS = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"avif", b"avis")
SOUND_BRANDS = (b"M4A ", b"M4B ")
UNSAID = (0, 0xFFFFFFFF)  # lengths of what was written while it was recorded


def mp4(data: Bytes) -> Facts:
    """Boxes one behind another: `moov` says where the frames are, `mdat` holds them."""
    kind: Kind = "audio" if data.at(8, 4) in SOUND_BRANDS else "video"
    place, size, held = 0, (-1, -1), False
    for _ in range(BLOCKS):
        if place >= data.size:
            break
        length, name, skip = _box(data, place)
        length = length or data.size - place
        if length < skip:
            raise Cut
        data.reach(place + length)
        if name == b"moov":
            size = max((0, 0), *_sizes(data, place + skip, place + length))
        held = held or name == b"mdat"
        place += length
    if size < (0, 0) or not held:
        raise Cut
    return Facts(kind=kind, type="mp4", width=size[0], height=size[1])


def _box(data: Bytes, place: int) -> tuple[int, bytes, int]:
    """(length, name, bytes before its insides)."""
    (length,) = data.numbers(">I", place)
    name = data.at(place + 4, 4)
    return (data.numbers(">Q", place + 8)[0], name, 16) if length == 1 else (length, name, 8)


def _sizes(data: Bytes, place: int, end: int) -> list[tuple[int, int]]:
    """Of the tracks: width and height stand at the end of each `tkhd`."""
    found = [(0, 0)]
    for _ in range(BLOCKS):
        if place + 8 > end:
            break
        length, name, skip = _box(data, place)
        if length < skip or place + length > end:
            raise Cut
        if name == b"tkhd":
            wide, high = data.numbers(">II", place + length - 8)
            found.append((wide >> 16, high >> 16))
        place += skip if name == b"trak" else length
    return found


def webm(data: Bytes) -> Facts:
    """EBML: a header, then one segment whose length says where it should end."""
    header, place = _length(data, 4)
    place += header or 0
    if data.at(place, 4) != b"\x18\x53\x80\x67":
        raise Cut
    length, start = _length(data, place + 4)
    data.reach(start + (length or 0))
    return Facts(kind="video", type="webm")


def _length(data: Bytes, place: int) -> tuple[int | None, int]:
    """(a number of one to eight bytes, None where it is left open; the place behind it)."""
    first = data.at(place, 1)[0]
    width = 9 - first.bit_length()
    if width > 8:
        raise Cut
    value = int.from_bytes(data.at(place, width), "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), place + width


def avi(data: Bytes) -> Facts:
    (length,) = data.numbers("<I", 4)
    data.reach(8 + (0 if length in UNSAID else length))
    width, height = data.numbers("<II", 64) if data.at(24, 4) == b"avih" else (0, 0)
    return Facts(kind="video", type="avi", width=width, height=height)


def wav(data: Bytes) -> Facts:
    place = 12
    for _ in range(BLOCKS):
        name, length = data.at(place, 4), data.numbers("<I", place + 4)[0]
        if name == b"data":
            data.reach(place + 8 + (0 if length in UNSAID else length))
            return Facts(kind="audio", type="wav")
        place += 8 + length + length % 2
    raise Cut


def mp3(data: Bytes) -> Facts:
    """A tag of known length, then frames; where it ends nothing says."""
    start = 0
    if data.at(0, 3) == b"ID3":
        tag = data.at(6, 4)
        start = 10 + sum((byte & 0x7F) << 7 * (3 - number) for number, byte in enumerate(tag))
    data.reach(start + 4)
    return Facts(kind="audio", type="mp3")


def flac(data: Bytes) -> Facts:
    place = 4
    for _ in range(BLOCKS):
        (head,) = data.numbers(">I", place)
        place += 4 + (head & 0xFFFFFF)
        data.reach(place)
        if head >> 31:
            data.reach(place + 2)
            return Facts(kind="audio", type="flac")
    raise Cut


def ogg(data: Bytes) -> Facts:
    """Pages; the last is marked so, and is where it says."""
    place, last = 0, 0
    for _ in range(BLOCKS):
        if place >= data.size:
            break
        if data.at(place, 4) != b"OggS":
            break  # more behind the end
        last, count = data.at(place + 5, 1)[0], data.at(place + 26, 1)[0]
        place += 27 + count + sum(data.at(place + 27, count))
        data.reach(place)
    if not last & 4:
        raise Cut
    return Facts(kind="audio", type="ogg")


CLIPS: tuple[tuple[Marked, Reader], ...] = (
    (lambda head: head[4:8] == b"ftyp" and head[8:12] not in PICTURE_BRANDS, mp4),
    (lambda head: head.startswith(b"\x1a\x45\xdf\xa3"), webm),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"AVI ", avi),
    (lambda head: head.startswith(b"RIFF") and head[8:12] == b"WAVE", wav),
    (lambda head: head.startswith(b"fLaC"), flac),
    (lambda head: head.startswith(b"OggS"), ogg),
    (lambda head: head.startswith(b"ID3") or (head[:1] == b"\xff" and head[1:2] > b"\xe1"), mp3),
)
