"""Grounding: what is pointed at (`<ref-object>`) and where it lies (`<bbox>`)."""

from __future__ import annotations

from typing import Any

from wizard.data.shape.example import Message, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.values import bounded, is_missing, number_of, parsed

BOX_TYPES = ("real", "norm1", "norm1000")


def objects_of(value: Any, messages: Messages, images: int) -> Message:
    """{ref, bbox, bbox_type?, image_id?} as ms-swift names them; Refused where the counts differ from the turns'."""
    found = parsed(value) if isinstance(value, str) else value
    if is_missing(found):
        return {}
    found = _gathered(bounded(found)) if isinstance(found, list) else bounded(found)
    if not isinstance(found, dict):
        raise Refused("bad-objects", found=type(found).__name__)
    kept = {"ref": found.get("ref") or [], "bbox": found.get("bbox") or []}
    kept |= {name: found[name] for name in ("bbox_type", "image_id") if not is_missing(found.get(name))}
    for name, mark in (("ref", "<ref-object>"), ("bbox", "<bbox>")):
        if not isinstance(kept[name], list):
            raise Refused("bad-objects", found=name)
        marks = sum(turn["content"].count(mark) for turn in messages)
        if marks != len(kept[name]):
            raise Refused("objects-mismatch", mark=mark, marks=marks, given=len(kept[name]))
    if not all(
        isinstance(box, list) and box and len(box) % 2 == 0 and None not in map(number_of, box) for box in kept["bbox"]
    ):
        raise Refused("bad-objects", found="bbox")
    if kept.get("bbox_type", "real") not in BOX_TYPES:
        raise Refused("bad-objects", found=str(kept["bbox_type"])[:40])
    numbers = kept.get("image_id")
    if numbers is not None and not _of_images(numbers, len(kept["bbox"]), images):
        raise Refused("bad-objects", found="image_id")
    return kept


def _gathered(boxes: list[Any]) -> Message:
    """The older form: [{"caption", "bbox", "bbox_type", "image"}, ...]."""
    if not all(isinstance(box, dict) for box in boxes):
        raise Refused("bad-objects", found="list")
    gathered: Message = {"ref": [box.get("caption") for box in boxes], "bbox": [box.get("bbox") for box in boxes]}
    if boxes and "bbox_type" in boxes[0]:
        gathered["bbox_type"] = boxes[0]["bbox_type"]
    if boxes and "image" in boxes[0]:
        gathered["image_id"] = [box.get("image") for box in boxes]
    return gathered


def _of_images(numbers: Any, boxes: int, images: int) -> bool:
    return (
        isinstance(numbers, list)
        and len(numbers) == boxes
        and all(isinstance(number, int) and 0 <= number < max(1, images) for number in numbers)
    )
