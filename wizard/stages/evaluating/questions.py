"""What a person asked, read back out of a prompt's tokens: the last user's turn without the template around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MARKS = ("[first]", "[second]", "[third]")


def frame_of(tokenizer: Any) -> tuple[str, str]:
    """What a template writes right before and behind a user's turn; nothing for a model without one that takes it."""
    if not tokenizer.chat_template:
        return "", ""
    first, second, third = ({"content": mark} for mark in MARKS)
    talk = [{"role": "user", **first}, {"role": "assistant", **second}, {"role": "user", **third}]
    try:
        alone = tokenizer.apply_chat_template(talk[:1], tokenize=False, add_generation_prompt=True)
        later = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a foreign program, and this is only for the eye
        return "", ""
    before, _, behind = alone.partition(MARKS[0])
    between = later.partition(MARKS[1])[2].partition(MARKS[2])[0]
    return tail(before, between), behind


def tail(one: str, other: str) -> str:
    """With what both end."""
    same = 0
    while same < min(len(one), len(other)) and one[-1 - same] == other[-1 - same]:
        same += 1
    return one[len(one) - same :]


def asked_in(tokenizer: Any, frame: tuple[str, str], ids: Sequence[int]) -> str:
    before, behind = frame
    text = str(tokenizer.decode(ids))
    if before and behind and text.endswith(behind) and before in text:
        return text.removesuffix(behind).rpartition(before)[2].strip()
    return str(tokenizer.decode(ids, skip_special_tokens=True)).strip()
