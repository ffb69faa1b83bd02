"""1 for an answer of the wanted form, else 0: `<think>…</think><answer>…</answer>` as DeepSeek-R1 asks for
(arXiv:2501.12948, section 2.2), or a pattern of the user's own."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from wizard.errors import ExitCode, WizardError

SECONDS = 2.0  # for one text: a pattern that takes longer goes back and forth for ever
TAGS = ("<think>", "</think>", "<answer>", "</answer>")


class Late(Exception):
    pass


def reward(texts: Sequence[str]) -> list[float | None]:
    return [float(thought_out(text)) for text in texts]


def thought_out(text: str) -> bool:
    """Each tag once, in their order, nothing around them or between the two parts."""
    told = text.strip()
    places = [told.find(tag) for tag in TAGS]
    once = all(told.count(tag) == 1 for tag in TAGS) and places == sorted(places)
    return (
        once and places[0] == 0 and told.endswith(TAGS[-1]) and not told[places[1] + len(TAGS[1]) : places[2]].strip()
    )


def compiled(pattern: str) -> re.Pattern[str]:
    """Raises the Problem of a pattern that is none."""
    try:
        return re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as error:
        raise WizardError("pattern-broken", exit_code=ExitCode.FAILED, pattern=pattern, error=str(error)) from error


def matching(pattern: re.Pattern[str], texts: Sequence[str]) -> list[float | None]:
    """The pattern stands for the whole text. Raises the Problem of one that takes too long (ReDoS)."""
    return [float(matched(pattern, text)) for text in texts]


def matched(pattern: re.Pattern[str], text: str) -> bool:
    try:
        with limited(SECONDS):
            return pattern.fullmatch(text.strip()) is not None
    except Late as error:
        told = {"pattern": pattern.pattern, "seconds": SECONDS, "letters": len(text)}
        raise WizardError("pattern-slow", exit_code=ExitCode.FAILED, **told) from error


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """`re` looks for signals while it searches, so that an alarm ends it; in the main thread alone."""

    def late(number: int, frame: FrameType | None) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
