"""Pictures, videos and sounds made here: real files, by Pillow where it can, else as their formats say."""

from __future__ import annotations

import io
import struct
import wave
from typing import Any

from PIL import Image

ORIENTATION = 0x0112


def made(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **settings: Any) -> bytes:
    file = io.BytesIO()
    image = Image.new("RGB", size, (200, 30, 60)).convert(mode)
    image.save(file, kind, **settings)
    return file.getvalue()


def turned(kind: str, orientation: int = 6, size: tuple[int, int] = (40, 30)) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return made(kind, size, exif=exif.tobytes())


def moving(kind: str) -> bytes:
    file = io.BytesIO()
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few bytes that claims 3.6 thousand million pixels."""
    whole = made("PNG", (1, 1))
    return whole[:16] + struct.pack(">II", width, height) + whole[24:]


PICTURES = {
    "png": made("PNG"),
    "jpeg": made("JPEG"),
    "progressive": made("JPEG", progressive=True),
    "cmyk": made("JPEG", mode="CMYK"),
    "gif": made("GIF"),
    "webp": made("WEBP"),
    "lossless": made("WEBP", lossless=True),
    "bmp": made("BMP"),
    "grey": made("PNG", mode="L"),
    "deep": made("PNG", mode="I;16"),
    "palette": made("PNG", mode="P"),
    "alpha": made("PNG", mode="RGBA"),
    "two": made("PNG", mode="1"),
    "animated": moving("GIF"),
    "animated-webp": moving("WEBP"),
    "with-exif": turned("JPEG", 1),
}


def box(name: bytes, inside: bytes) -> bytes:
    return struct.pack(">I", 8 + len(inside)) + name + inside


def mp4(width: int = 640, height: int = 360) -> bytes:
    track = bytes(76) + struct.pack(">II", width << 16, height << 16)
    return (
        box(b"ftyp", b"isom\0\0\0\0isom")
        + box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", box(b"tkhd", track)))
        + box(b"mdat", bytes(50))
    )


def wav() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(400))
    return file.getvalue()


def avi() -> bytes:
    header = struct.pack("<10I", 0, 0, 0, 0, 10, 0, 1, 0, 320, 240)
    inside = (
        b"AVI LIST" + struct.pack("<I", 4 + 8 + len(header)) + b"hdrlavih" + struct.pack("<I", len(header)) + header
    )
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def ogg() -> bytes:
    def page(flags: int, body: bytes) -> bytes:
        return b"OggS\0" + bytes([flags]) + bytes(20) + bytes([1, len(body)]) + body

    return page(2, b"\x01vorbis" + bytes(23)) + page(0, bytes(100)) + page(4, bytes(50))


CLIPS = {
    "mp4": ("video", mp4()),
    "avi": ("video", avi()),
    "webm": ("video", b"\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01\x18\x53\x80\x67\x88" + bytes(8)),
    "wav": ("audio", wav()),
    "mp3": ("audio", b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + b"\xff\xfb\x90\0" + bytes(400)),
    "flac": ("audio", b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff\xf8" + bytes(50)),
    "ogg": ("audio", ogg()),
}
