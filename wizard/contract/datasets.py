"""A person's data: what it was recognised as, and what was chosen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# estimated from characters; counted by the model's tokenizer; or the first rows counted and the rest put right by them
Measure = Literal["estimated", "partly", "counted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    line: int
    code: str
    what: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)  # of the words reject.<code>


@dataclass(frozen=True, slots=True, kw_only=True)
class DataReport:
    """What a data source was recognised as. The JSON of ARCHITECTURE.md, section 7, is this, field by field."""

    kind: str
    format: str
    encoding: str
    mapping: Mapping[str, str]
    exact: bool
    rows: int
    usable: int
    rejected: tuple[Rejected, ...]
    samples: tuple[Mapping[str, Any], ...]  # {"messages": [{"role", "content"}]}
    tasks: tuple[str, ...]
    modality: tuple[str, ...] = ("text",)
    characters: int = 0  # of the usable rows
    reasons: Mapping[str, int] = field(default_factory=dict)  # reject code -> rows; `rejected` has the first of each
    lengths: Mapping[int, int] = field(default_factory=dict)  # tokens of a row -> rows counted with so many
    starts: Mapping[int, int] = field(default_factory=dict)  # tokens before the first answer -> rows counted
    measure: Measure = "estimated"
    refused: int = 0  # usable rows that the model's chat template does not accept
    duplicates: int = 0  # usable rows that are the same as one before them
    language: str = ""  # zh en ja ko ru ar, mixed, or other
    columns: tuple[str, ...] = ()  # of the source, of which the mapping names some
    keys: tuple[str, ...] = ()  # inside a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a format reads from a column; one `inside` is read from a key of each turn."""

    name: str
    required: bool = False
    inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    kind: Literal["bundled", "path"]
    ref: str  # data set id, or path
    params: Mapping[str, str] = field(default_factory=dict)  # bundled: name, author
    language: str = "en"
    format: str = ""  # "" = recognise
    encoding: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""  # of the source's bytes: a replay refuses other data
    copied: bool = False  # to this machine's disk before they are read, as they lie on a network
    validation: float = 0.0  # share of the rows that is kept from training and asked for its loss afterwards
