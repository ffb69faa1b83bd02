"""A person's data: what it was recognised as, and what was chosen of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from wizard.contract.problem import Problem

# estimated from characters; counted by the model's tokenizer; or the first rows counted and the rest put right by them
Measure = Literal["estimated", "partly", "counted"]
HELD_BACK = 0.5  # of the rows, at most


class Line(int):
    """The number of a row, which knows the file that it counts in, where a source has several.

    It is 0 where a row was read in the middle of a large file; `offset` is then the byte that it begins at."""

    file: str
    offset: int

    def __new__(cls, number: int, file: str = "", offset: int = 0) -> Line:
        made = super().__new__(cls, number)
        made.file = file
        made.offset = offset
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    line: int
    code: str
    what: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)  # of the words reject.<code>

    @property
    def file(self) -> str:
        """Empty where the source is one file."""
        return self.line.file if isinstance(self.line, Line) else ""

    @property
    def offset(self) -> int:
        """In bytes, where its line is not known; else 0."""
        return self.line.offset if isinstance(self.line, Line) else 0


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
    labels: Mapping[str, int] = field(default_factory=dict)  # class -> rows, the commonest first; none of numbers
    language: str = ""  # zh en ja ko ru ar, mixed, or other
    columns: tuple[str, ...] = ()  # of the source, of which the mapping names some
    keys: tuple[str, ...] = ()  # inside a turn
    notes: tuple[Problem, ...] = ()  # what else is to be known: files left out, the sheet that was taken, the head only


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What a format reads from a column; one `inside` is read from a key of each turn."""

    name: str
    required: bool = False
    inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSource:
    """A file, an archive, a folder or a hub's data set, and how much of it is taken."""

    ref: str  # a path, or ms::org/name, hf::org/name
    path: str = ""  # where a hub's lies on this machine
    subset: str = ""  # several joined by /; of a workbook, the sheet
    split: str = ""
    revision: str = ""  # of a hub's
    samples: int = 0  # usable rows taken; 0 = all
    times: float = 1.0  # each of them counts so often
    format: str = ""  # "" = recognise
    encoding: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""  # of its bytes, or of its files' names and bytes

    @property
    def place(self) -> str:
        return self.path or self.ref


@dataclass(frozen=True, slots=True, kw_only=True)
class DataChoice:
    """Of one plain file all stands here; anything else is in `sources`."""

    kind: Literal["bundled", "path"]
    ref: str  # data set id, or path, or what the sources are called
    params: Mapping[str, str] = field(default_factory=dict)  # bundled: name, author
    language: str = "en"
    format: str = ""  # "" = recognise
    encoding: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""  # of the source's bytes: a replay refuses other data
    copied: bool = False  # to this machine's disk before they are read, as they lie on a network
    validation: float = 0.0  # share of the rows that is kept from training and asked for its loss afterwards
    sources: tuple[DataSource, ...] = ()

    def mixed(self) -> tuple[DataSource, ...]:
        """All sources; the one plain file as one, too."""
        alone = DataSource(
            ref=self.ref, format=self.format, encoding=self.encoding, mapping=self.mapping, sha256=self.sha256
        )
        return self.sources or ((alone,) if self.kind == "path" else ())
