"""Every format, in the order they are tried: the first that most rows are in is the one."""

from __future__ import annotations

from collections.abc import Collection

from wizard.data.shape import captions, choices, columns, conversation, kto, labelled, plain, preference, similar
from wizard.data.shape.layout import Format

FORMATS: tuple[Format, ...] = (
    *preference.PREFERENCES,
    *choices.CHOICES,
    labelled.STEPWISE,
    *kto.KTOS,
    *similar.SIMILAR,
    conversation.TEXTS,
    labelled.CLASSES[0],
    conversation.PROMPTS,
    conversation.FORMAT,
    columns.ALPACA,
    columns.PAIR,
    *labelled.CLASSES[1:],
    *captions.CAPTIONS,
    columns.PROMPT,
    plain.FORMAT,
)
NAMES = tuple(dict.fromkeys(name for known in FORMATS for name in known.names))


def format_named(name: str, kind: str = "", roles: Collection[str] = ()) -> Format | None:
    """The way it is written for a kind that has most of these roles; where no kind is said, as conversations if it
    can be."""
    named = [known for known in FORMATS if name in known.names and kind in ("", known.kind)]
    if roles:
        return max(named, key=lambda known: len({*known.fields, *known.inner} & set(roles)), default=None)
    return next((known for known in named if known.kind == "messages"), named[0] if named else None)
