"""How much there is to learn from, as the law of time takes it."""

from __future__ import annotations

from typing import NamedTuple

from wizard import fit
from wizard.contract import DataReport


class Amount(NamedTuple):
    """`row_tokens`: a row's, in the mean, before any tokenizer has seen it; 0 for both where nothing is known."""

    rows: int = 0
    row_tokens: int = 0


UNKNOWN = Amount()
ASSUMED = Amount(fit.ASSUMED_ROWS, fit.ASSUMED_ROW_TOKENS)  # before any data are chosen


def amount_of(report: DataReport | None) -> Amount:
    if report is None or not report.lengths:
        return Amount()
    tokens = sum(tokens * rows for tokens, rows in report.lengths.items())
    return Amount(report.usable, max(1, round(tokens / sum(report.lengths.values()))))
