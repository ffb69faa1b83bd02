from __future__ import annotations

import pytest

from wizard.contract import DataReport
from wizard.session import bars, longer, mostly_lost, remarks


def report(lengths: dict[int, int], *, rows: int = 0, usable: int = 0, duplicates: int = 0) -> DataReport:
    counted = usable or sum(lengths.values())
    return DataReport(
        kind="messages", format="qa", encoding="utf-8", mapping={}, exact=True, rows=rows or counted, usable=counted,
        rejected=(), samples=(), tasks=("sft",), lengths=lengths, duplicates=duplicates,
    )  # fmt: skip


def codes(found: DataReport, limit: int = 512) -> list[str]:
    return [remark.code for remark in remarks(found, limit)]


def test_good_rows_need_no_remark() -> None:
    assert codes(report({100: 300})) == []


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (report({100: 40}, rows=100), "rows-lost"),
        (report({512: 40, 513: 1}), "rows-longer"),
        (report({100: 40}, duplicates=3), "rows-alike"),
        (report({100: 19}), "rows-few"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_person_should_know_is_remarked(found: DataReport, code: str) -> None:
    assert codes(found) == [code]


def test_half_of_the_rows_is_not_most_of_them() -> None:
    assert not mostly_lost(report({9: 5}, rows=10))
    assert mostly_lost(report({9: 5}, rows=11))


def test_rows_that_were_sampled_stand_for_all() -> None:
    assert longer(report({100: 30, 900: 10}, usable=4000), 512) == 1000


def test_the_bars_hold_every_row_once_and_one_ends_at_the_limit() -> None:
    lengths = {20: 1, 33: 2, 192: 3, 193: 4, 700: 5}
    found = bars(report(lengths), 192)
    assert found == ((32, 1), (64, 2), (128, 0), (192, 3), (256, 4), (512, 0), (1024, 5))
    assert sum(rows for _, rows in found) == sum(lengths.values())
    assert [tokens for tokens, _ in bars(report({20: 1}), 4096)] == [32]
    assert bars(report({}), 192) == ()
