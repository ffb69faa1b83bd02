"""What a kind of data becomes: the texts to tokenise, then the columns that its trainer reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.data.shape import Example
from wizard.stages.preparing.scripts import Script
from wizard.stages.preparing.tokens import Tokens
from wizard.stages.template import Talker

Column = Literal["ids", "text", "texts", "flag", "number"]  # int32 list, string, list of strings, boolean, int32


@dataclass(frozen=True, slots=True)
class Draft:
    scripts: tuple[Script, ...]
    values: Mapping[str, Any] = field(default_factory=dict)  # columns that need no tokens


@dataclass(frozen=True, slots=True)
class Drafts:
    """Of one example; `missed`: answers that the template does not write out, so that they cannot be learnt."""

    each: Sequence[Draft]
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    columns: Mapping[str, Any]
    tokens: int  # as kept
    learnt: int
    length: int  # before it was cut


Made = Sequence[Row] | str  # a string: why there is none, as a code of reject.*


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    columns: Mapping[str, Column]
    drafts: Callable[[Talker, Example], Drafts]
    rows: Callable[[Draft, Sequence[Tokens], int], Made]  # of a draft, its scripts' tokens and the limit
    sees: bool = False  # pictures are part of its rows
