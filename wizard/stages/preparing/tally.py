"""What was counted over the rows, added up batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard.contract import Rejected

SHARES = (50, 90, 99)


NUMBERS = ("rows", "usable", "made", "tokens", "learnt", "cut", "missed")


@dataclass(kw_only=True)
class Tally:
    rows: int = 0  # of the source
    usable: int = 0  # of the source
    made: int = 0  # to train on
    tokens: int = 0
    learnt: int = 0
    cut: int = 0
    missed: int = 0  # answers in usable rows that the template does not write out
    lengths: Counter[int] = field(default_factory=Counter)  # tokens of a made row before it was cut -> rows
    reasons: Counter[str] = field(default_factory=Counter)
    first: dict[str, Rejected] = field(default_factory=dict)  # of each reason, the first row that has it

    def reject(self, rejected: Rejected) -> None:
        self.reasons[rejected.code] += 1
        self.first.setdefault(rejected.code, rejected)

    def add(self, other: Tally) -> None:
        """Of the rows that come after."""
        for name in NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lengths.update(other.lengths)
        self.reasons.update(other.reasons)
        self.first = {**other.first, **self.first}

    @property
    def rejected(self) -> int:
        return self.reasons.total()

    def told(self) -> list[dict[str, Any]]:
        """The reasons, commonest first, each with how many rows it has and the first of them."""
        first = {code: {"line": row.line, "params": dict(row.params)} for code, row in self.first.items()}
        return [{"code": code, "rows": rows, **first[code]} for code, rows in self.reasons.most_common()]

    def counted(self) -> dict[str, Any]:
        """The stage's result: exact numbers of the rows, with which a forecast can be made anew."""
        told = {name: getattr(self, name) for name in (*NUMBERS, "rejected")}
        return {**told, "longest": max(self.lengths, default=0), **shares(self.lengths)}


def shares(lengths: Mapping[int, int]) -> dict[str, int]:
    """So many percent of the rows have no more tokens: {"p50", "p90", "p99"}."""
    total, seen, found = sum(lengths.values()), 0, {}
    for length in sorted(lengths):
        seen += lengths[length]
        for share in SHARES:
            if f"p{share}" not in found and seen * 100 >= share * total:
                found[f"p{share}"] = length
    return found
