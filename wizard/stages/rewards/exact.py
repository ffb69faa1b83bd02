"""1 for the right answer, 0 for another, nothing where the row has no `solution`.

What is compared is what the completion gives as its answer: the last `<answer>`, `\\boxed{}` (MATH), `#### 42` (GSM8K,
arXiv:2110.14168), "the answer is", "答案是"; else its last number. Numbers are equal as
numbers, other answers as texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from wizard.stages.rewards.numerals import Number, number, numbers, plain

ANSWER = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
MARKS = (
    re.compile(r"####[ \t]*([^\n]+)"),
    re.compile(r"(?:final answer|answer)\s*(?:is|:|=)\s*([^\n]+)", re.IGNORECASE),
    re.compile(r"答案\s*(?:是|为|应为|等于|[:：=])\s*([^\n]+)"),
)
TAIL = re.compile(r"[\s.。,，;；!！*]+$")
CHOICE = re.compile(r"[(（\[]?([a-z])[)）\].:：、]*", re.IGNORECASE)
LONGEST = 20_000  # letters: an answer stands at the end of what is longer


def reward(texts: Sequence[str], solution: Sequence[Any] = ()) -> list[float | None]:
    """`solution`: of each text a string or a number, or a list of those that are right."""
    return [scored(text, right) for text, right in zip(texts, solution or [None] * len(texts), strict=True)]


def scored(text: str, solution: Any) -> float | None:
    rights = solution if isinstance(solution, (list, tuple)) else [solution]
    if not (known := [str(right) for right in rights if right not in (None, "")]):
        return None
    return float(any(equal(text[-LONGEST:], right) for right in known))


def equal(text: str, solution: str) -> bool:
    wanted = given(solution) or solution
    found = given(text)
    number_wanted = number(wanted)
    if number_wanted is None:
        return folded(text if found is None else found) == folded(wanted)
    read = read_in(text, last=True) if found is None else number(found) or read_in(found, last="=" in found)
    return read is not None and read.same(number_wanted)


def read_in(text: str, *, last: bool) -> Number | None:
    """ "the answer is 42, because 6 times 7" has it first, "the answer is 6 * 7 = 42" last."""
    found = numbers(text)
    return found[-1 if last else 0] if found else None


def given(text: str) -> str | None:
    """What a text gives as its answer by one of the marks; None where there is none."""
    inside = ANSWER.findall(text)
    told = inside[-1] if inside else text
    if (box := boxed(told)) is not None:
        return box
    for mark in MARKS:
        if found := mark.findall(told):
            return TAIL.sub("", str(found[-1])).strip()
    return str(told).strip() if inside else None


def boxed(text: str) -> str | None:
    """Inside the last `\\boxed{…}`, whose braces may hold others."""
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    depth, begin = 1, start + len("\\boxed{")
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[begin:place].strip()
    return None


def folded(text: str) -> str:
    """As answers in words and letters of a choice are compared: `(B)`, `B.` and `b` are one."""
    told = TAIL.sub("", plain(text)).strip().casefold()
    if letter := CHOICE.fullmatch(told):
        return letter[1]
    return re.sub(r"\s+", "", told)
