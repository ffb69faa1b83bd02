"""Examples with pictures, made ready for one model: fetched, checked, upright, of its size, places in its own words.

`ready_all(source.examples(), Shelf(...))` is all that the prepare stage calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from wizard.contract import Rejected
from wizard.data.files.media.checking import checked, named
from wizard.data.files.media.fetching import Cache
from wizard.data.files.media.pictures import prepared
from wizard.data.files.media.references import Address, Roots, find, shown
from wizard.data.shape.example import Converted, Example
from wizard.data.shape.fault import reject
from wizard.data.shape.grounding import grounded
from wizard.data.shape.pieces import PLACES
from wizard.data.shape.seeing import Size
from wizard.data.shape.sight import UNKNOWN, sight_of

AT_ONCE = 8
BATCH = 64  # rows looked at together

Numbered = tuple[int, Converted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """`family`: of the catalogue, or sight.family_of(config.json). `store`: where changed copies of pictures go."""

    roots: Roots
    cache: Cache
    store: Path
    family: str


def ready_all(examples: Iterable[Numbered], shelf: Shelf) -> Iterator[Numbered]:
    """Each in its order; what cannot be used is Rejected with its line. Several pictures are worked on at once."""
    waiting = iter(examples)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while batch := list(islice(waiting, BATCH)):
            yield from pool.map(partial(_ready, shelf), batch) if any(map(_has_media, batch)) else batch


def made_ready(example: Example, shelf: Shelf) -> Example | Rejected:
    """Its `images` become paths of files, its turns say places as the model does."""
    example = _videos_of_pictures(example)
    if example.audios:
        return reject("media-audio")
    if example.videos:
        return reject("media-video")
    if example.images and sight_of(shelf.family) is UNKNOWN:
        return reject("media-unseen", family=shelf.family)
    paths, sizes = [], []
    for number, reference in enumerate(example.images, 1):
        done = _picture(reference, shelf)
        if isinstance(done, Rejected):
            return named(done, "image", number)
        paths.append(str(done[0].absolute()))
        sizes.append(done[1])
    return grounded(replace(example, images=paths), shelf.family, sizes)


def _picture(reference: Any, shelf: Shelf) -> tuple[Path, Size] | Rejected:
    """(the file that the model gets, width and height of what it was made of)."""
    ref, found = shown(reference), find(reference, shelf.roots)
    if isinstance(found, Address):
        found = shelf.cache.get(found.url)
    if isinstance(found, Rejected):
        return found
    facts = checked(found, "image", ref)
    if isinstance(facts, Rejected):
        return facts
    path = prepared(found, sight_of(shelf.family).rule.file, shelf.store, ref)
    return path if isinstance(path, Rejected) else (path, (facts.width, facts.height))


def _ready(shelf: Shelf, numbered: Numbered) -> Numbered:
    line, example = numbered
    if isinstance(example, Rejected) or not _has_media(numbered):
        return numbered
    done = made_ready(example, shelf)
    return line, replace(done, line=line) if isinstance(done, Rejected) else done


def _has_media(numbered: Numbered) -> bool:
    example = numbered[1]
    return isinstance(example, Example) and bool(example.images or example.videos or example.audios or example.objects)


def _videos_of_pictures(example: Example) -> Example:
    """A video given as a list of pictures is read as those pictures, where its `<video>` stands."""
    if not any(isinstance(video, (list, tuple)) for video in example.videos):
        return example
    images, videos = iter(example.images), iter(example.videos)
    seen: list[Any] = []
    left: list[Any] = []

    def place(found: Any) -> str:
        if found[1] == "image":
            seen.extend(islice(images, 1))
        elif found[1] == "video":
            video = next(videos, None)
            if isinstance(video, (list, tuple)):
                seen.extend(video)
                return "<image>" * len(video)
            left.extend([] if video is None else [video])
        return str(found[0])

    messages = [{**turn, "content": PLACES.sub(place, turn["content"] or "")} for turn in example.messages]
    return replace(example, messages=messages, images=[*seen, *images], videos=[*left, *videos])
