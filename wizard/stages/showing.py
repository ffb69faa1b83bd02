"""Pictures in a request, in the form of OpenAI's API: `{"type": "image_url", "image_url": {"url": "data:..."}}`.

Only what comes with the request is looked at. An address would make the server fetch whatever a stranger names, also
from inside its own network, and a path would read its files: both are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import Rejected
from wizard.data.files.media.checking import checked
from wizard.data.files.media.pictures import opened
from wizard.data.files.media.references import Roots, find
from wizard.data.shape.sight import sight_of
from wizard.stages.refusing import Refusal

MOST = 16  # pictures of one request
Talk = list[dict[str, Any]]


def has_pictures(messages: Sequence[Mapping[str, Any]]) -> bool:
    contents = [turn.get("content") for turn in messages]
    return any(part.get("type") != "text" for parts in contents if isinstance(parts, list) for part in parts)


def shown(messages: Sequence[Mapping[str, Any]], family: str) -> tuple[Talk, list[Any]]:
    """The talk with marks where its pictures belong, as rows of data have it, and the pictures as the training would
    have kept them. Raises Refusal."""
    pictures: list[Any] = []
    talk = [{**turn, "content": [_part(part, family, pictures) for part in _parts(turn)]} for turn in messages]
    return talk, pictures


def _parts(turn: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content = turn.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _part(part: Mapping[str, Any], family: str, pictures: list[Any]) -> dict[str, Any]:
    if part.get("type") == "text":
        return {"type": "text", "text": part["text"]}
    if part.get("type") != "image_url":
        raise Refusal(400, f"Parts of the type {str(part.get('type'))[:40]!r} are not read, only text and image_url.")
    if len(pictures) == MOST:
        raise Refusal(400, f"At most {MOST} pictures are read in one request.")
    told = part.get("image_url")
    pictures.append(_picture(told.get("url") if isinstance(told, Mapping) else told, family, len(pictures) + 1))
    return {"type": "image"}


def _picture(url: Any, family: str, number: int) -> Any:
    if not isinstance(url, str) or url[:5].lower() != "data:":
        raise Refusal(400, f"Picture {number} is not sent along: only data: URLs are read, no address is fetched.")
    data = find(url, Roots(folder=Path("/")))
    facts = data if isinstance(data, Rejected) else checked(data, "image", "data")  # type: ignore[arg-type]
    if isinstance(facts, Rejected):
        raise Refusal(400, f"Picture {number} cannot be read ({facts.code}).")
    try:
        return opened(data, sight_of(family).rule.file)  # type: ignore[arg-type]
    except MemoryError:
        raise
    except Exception as error:  # a decoder given a damaged file raises anything
        raise Refusal(400, f"Picture {number} is damaged.") from error
