from __future__ import annotations

from dataclasses import replace

import pytest

from wizard.contract import DataReport, Rejected
from wizard.session import bars, longer, mostly_lost, quantile, reasons, remarks, unlearnt


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
        (replace(report({512: 40, 513: 1}), measure="counted"), "rows-cut-counted"),
        (replace(report({100: 40}), refused=2), "rows-refused"),
        (report({100: 19}), "rows-few"),
        (replace(report({100: 40}), labels={"good": 36, "odd": 4}), "classes-lonely"),
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


def test_rows_whose_answer_lies_behind_the_cut_teach_nothing() -> None:
    found = replace(report({600: 40}), starts={100: 10, 511: 10, 512: 15, 590: 5})
    assert unlearnt(found, 512) == 20
    assert codes(found) == ["rows-longer", "rows-unlearnt"]


def test_texts_that_are_only_read_have_no_answer_to_be_cut_off() -> None:
    assert unlearnt(replace(report({600: 40}), starts={}), 512) == 0


def test_the_share_of_rows_up_to_a_length() -> None:
    found = report({10: 5, 20: 4, 1000: 1})
    assert (quantile(found, 0.5), quantile(found, 0.9), quantile(found, 1)) == (10, 20, 1000)
    assert quantile(report({}), 0.5) == 0


def test_each_reason_has_its_count_and_the_first_line_of_it() -> None:
    rejected = (Rejected(line=7, code="b"), Rejected(line=9, code="a", params={"x": 1}), Rejected(line=11, code="a"))
    found = replace(report({9: 5}), rejected=rejected, reasons={"b": 1, "a": 3000})
    assert [tuple(why) for why in reasons(found)] == [("a", 3000, 9, {"x": 1}, "", 0), ("b", 1, 7, {}, "", 0)]
