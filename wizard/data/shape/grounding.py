"""Places in pictures: from pixels, 0-1 or 0-1000 to what a family of models says, and back for evaluation.

Rows are ms-swift's: `<ref-object>` and `<bbox>` in the turns, and objects {ref, bbox, bbox_type, image_id}.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from wizard.contract import Rejected
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import reject
from wizard.data.shape.seeing import Size
from wizard.data.shape.sight import LISTED, Places, sight_of

REF, BOX = "<ref-object>", "<bbox>"
PLACEHOLDER = re.compile(f"{REF}|{BOX}")
AS_JSON = re.compile(rf'"\s*:\s*\[?\s*{BOX}')
SIDES = {"real": 0, "norm1": 1, "norm1000": 1000}  # bbox_type: what a whole side counts as; 0: its pixels
LARGEST = 1e9  # nan is not
SLACK = 0.02  # of a side: annotators draw a little over the edge
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
LOCATION = re.compile(r"(?:<loc\d{4}>){2,}")
INNERMOST = re.compile(r"\[([^\[\]]*)\]")
Box = tuple[float, ...]  # x, y, x, y ... in pixels or parts


def grounded(example: Example, family: str, sizes: Sequence[Size]) -> Example | Rejected:
    """The example with its places written as the family writes them. `sizes`: (width, height) of its pictures, as
    they are in their files. In an answer that is JSON, places are lists of numbers and names are plain.
    """
    turns = "".join(message["content"] or "" for message in example.messages)
    if not example.objects and not (example.images and BOX in turns):
        return example
    sight = sight_of(family)
    refs, boxes = _column(example.objects, "ref"), _column(example.objects, "bbox")
    if wrong := _mismatch(turns, refs, boxes):
        return wrong
    parts = _parts(example.objects, boxes, sizes)
    if isinstance(parts, Rejected):
        return parts
    seen = [sight.rule.size(*size) for size in sizes]
    numbers = [_numbers(part, sight.places, seen[picture]) for picture, part in parts]
    listed = AS_JSON.search(turns) is not None
    places = replace(LISTED, scale=sight.places.scale) if listed else sight.places
    written = [_written(each, places) for each in numbers]
    named = [str(ref) if listed else places.ref.format(ref) for ref in refs]
    return replace(example, messages=_filled(example.messages, iter(named), iter(written)))


def boxes_in(text: str, family: str, size: Size) -> list[Box]:
    """The places a model's answer names, in pixels of the picture of `size`; points have two numbers, boxes four."""
    sight = sight_of(family)
    scale = sight.places.scale
    whole = (scale, scale) if scale else sight.rule.size(*size)
    found = []
    for numbers, down_first in _spoken(text, sight.places):
        sides = (whole[1], whole[0]) if down_first else whole
        across = [number / sides[place % 2] for place, number in enumerate(numbers)]
        found.append(tuple(part * size[place % 2] for place, part in enumerate(_turned(across, down_first))))
    return found


def _spoken(text: str, places: Places) -> Iterator[tuple[list[float], bool]]:
    located = LOCATION.findall(text)
    opening, _, closing = places.box.partition("{}")
    bracketed = text.replace(opening, "[").replace(closing, "]") if opening.strip("[") else text
    for group in located or INNERMOST.findall(bracketed):
        numbers = [float(number) for number in NUMBER.findall(group)]
        if len(numbers) in (2, 4) and (located or not re.search(r"[^\d\s.,()\-]", group)):
            yield numbers, bool(located)


def _column(objects: Mapping[str, Any], name: str) -> list[Any]:
    value = objects.get(name)
    return list(value) if isinstance(value, (list, tuple)) else []


def _mismatch(turns: str, refs: list[Any], boxes: list[Any]) -> Rejected | None:
    for placeholder, given in ((REF, refs), (BOX, boxes)):
        if turns.count(placeholder) != len(given):
            return reject("object-count", placeholder=placeholder, found=turns.count(placeholder), given=len(given))
    return None


def _parts(objects: Mapping[str, Any], boxes: list[Any], sizes: Sequence[Size]) -> list[tuple[int, Box]] | Rejected:
    """(picture, the box in parts of its sides) for each box."""
    kind = _kind(objects, boxes)
    if kind not in SIDES:
        return reject("box-type", found=kind[:40], known=", ".join(SIDES))
    pictures = _column(objects, "image_id")
    found = []
    for number, box in enumerate(boxes):
        picture = pictures[number] if number < len(pictures) else 0
        if not _is_box(box):
            return reject("box-shape", number=number + 1)
        if type(picture) is not int or not 0 <= picture < len(sizes):
            return reject("box-picture", picture=str(picture)[:20], pictures=len(sizes))
        sides = (SIDES[kind],) * 2 if SIDES[kind] else sizes[picture]
        parts = [value / sides[place % 2] for place, value in enumerate(box)]
        if any(not -SLACK <= part <= 1 + SLACK for part in parts):
            return reject("box-outside", box=json.dumps(box), width=sides[0], height=sides[1])
        if len(parts) == 4 and (parts[0] > parts[2] or parts[1] > parts[3]):
            return reject("box-backwards", box=json.dumps(box))
        found.append((picture, tuple(min(1.0, max(0.0, part)) for part in parts)))
    return found


def _kind(objects: Mapping[str, Any], boxes: list[Any]) -> str:
    """As the row says; else parts of 1 where all numbers are, and some broken, and else pixels."""
    if named := objects.get("bbox_type"):
        return str(named)
    numbers = [value for box in boxes if _is_box(box) for value in box]
    fractions = numbers and all(0 <= value <= 1 for value in numbers) and any(value % 1 for value in numbers)
    return "norm1" if fractions else "real"


def _is_box(box: Any) -> bool:
    """A point or corners: x and y in turn."""
    return (
        isinstance(box, (list, tuple))
        and len(box) >= 2
        and len(box) % 2 == 0
        and all(type(value) in (int, float) and abs(value) <= LARGEST for value in box)
    )


def _numbers(parts: Sequence[float], places: Places, seen: Size) -> list[int]:
    sides = (places.scale, places.scale) if places.scale else seen
    return [round(part * sides[place % 2]) for place, part in enumerate(parts)]


def _written(numbers: Sequence[int], places: Places) -> str:
    ordered = [f"{number:0{places.digits}d}" for number in _turned(numbers, places.down_first)]
    points = [places.point.format(*ordered[place : place + 2]) for place in range(0, len(ordered), 2)]
    return places.box.format(places.between.join(points))


def _turned(numbers: Sequence[Any], down_first: bool) -> list[Any]:
    """y, x as x, y and the other way round."""
    pairs = ((numbers[place + down_first], numbers[place + 1 - down_first]) for place in range(0, len(numbers), 2))
    return list(chain.from_iterable(pairs))


def _filled(messages: Messages, refs: Iterator[str], boxes: Iterator[str]) -> Messages:
    def fill(found: re.Match[str]) -> str:
        if found[0] == BOX:
            return next(boxes)
        text, ref = found.string, next(refs)
        quoted = text[: found.start()].endswith('"') and text[found.end() :].startswith('"')
        return json.dumps(ref, ensure_ascii=False)[1:-1] if quoted and text.lstrip()[:1] in ("[", "{", "`") else ref

    return [{**message, "content": PLACEHOLDER.sub(fill, message["content"] or "")} for message in messages]
