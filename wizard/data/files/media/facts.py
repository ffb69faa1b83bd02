"""What a file is, whatever its name says: a picture, a video or a sound, how large, and whether its end is there."""

from __future__ import annotations

from typing import BinaryIO

from wizard.data.files.media.clips import CLIPS
from wizard.data.files.media.headers import PICTURES, Bytes, Facts

READABLE = "png, jpeg, gif, webp, bmp, mp4, webm, avi, wav, mp3, flac, ogg"


def facts_of(file: BinaryIO, size: int) -> Facts | None:
    """None: of no type that is known here. Raises Cut where its end is missing or its insides contradict themselves."""
    file.seek(0)
    head = file.read(64)
    for marked, read in (*PICTURES, *CLIPS):
        if marked(head):
            return read(Bytes(file, size))
    return None
