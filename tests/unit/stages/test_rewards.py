from __future__ import annotations

import time
from fractions import Fraction

import pytest

from wizard.errors import WizardError
from wizard.stages.rewards import exact, form, length, numerals, repetition

NUMBERS = {
    "42": 42, "-7": -7, "1,234,567": 1234567, "１２，０００": 12000, "3.50": Fraction(7, 2), ".5": Fraction(1, 2),
    "1e3": 1000, "2.5 \\times 10^{3}": 2500, "3 x 10^2": 300, "3/4": Fraction(3, 4), "\\frac{3}{4}": Fraction(3, 4),
    "\\dfrac12": Fraction(1, 2), "-\\frac{1}{3}": Fraction(-1, 3), "1 1/2": Fraction(3, 2),
    "1\\frac{1}{2}": Fraction(3, 2),
    "2½": Fraction(5, 2), "50%": Fraction(1, 2), "12.5\\%": Fraction(1, 8), "$1,200": 1200, "\\$ 30": 30, "42 km": 42,
    "42 \\text{ cm}": 42, "x = 3": 3, "12元": 12, "3千米": 3, "1.5亿": 150_000_000, "3万": 30_000, "2万亿": 2 * 10**12,
    "90^\\circ": 90, "−5": -5, "10{,}000": 10_000,
    "三百二十一": 321, "十": 10, "十二": 12, "两千零五": 2005, "一万二千": 12_000, "三亿五千万": 350_000_000,
    "二〇二六": 2026,
    "三点一四": Fraction(314, 100), "负三": -3, "百分之五十": Fraction(1, 2), "三分之二": Fraction(2, 3), "十二元": 12,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), NUMBERS.items())
def test_a_number_is_read_as_it_is_written(text: str, value: Fraction | int) -> None:
    read = numerals.number(text)
    assert read is not None
    assert read.value == value


@pytest.mark.parametrize("text", ["", "no number", "1 and 2", "3.4.5", "1/0", "一个苹果", "9" * 1000, "1e99999"])
def test_what_is_no_single_number_is_none(text: str) -> None:
    assert numerals.number(text) is None


RIGHT = [
    ("<think>6 times 7</think><answer>42</answer>", "42"),
    ("so \\boxed{\\frac{3}{4}} it is", "0.75"),
    ("5 + 5\n#### 1,010", "1010"),
    ("She has 4 left.\n#### 4", "She had 9, gave 5.\n#### 4"),
    ("The answer is 42, because 6 times 7.", "42"),
    ("The answer is 6 * 7 = 42.", "42"),
    ("答案是：三百二十一。", "321"),
    ("一共有 12 个，吃了 4 个，还剩 8 个。", "8"),
    ("共十二个", "12"),
    ("\\boxed{50\\%}", "0.5"),
    ("\\boxed{50}", "50%"),
    ("<answer>(B)</answer>", "B"),
    ("Answer: B.", "b"),
    ("Paris", "paris."),
    ("\\boxed{x^{2}+1}", "$x^{2} + 1$"),
    ("<answer>no</answer> well: <answer>yes</answer>", "yes"),
    ("\\boxed{7}", ["6", "7"]),
    ("it is 7", 7),
]
WRONG = [
    ("<think>42</think><answer>41</answer>", "42"),
    ("The answer is 7.", "42"),
    ("\\boxed{0.33}", "1/3"),
    ("<answer>B</answer>", "C"),
    ("no idea", "42"),
    ("一个梨", "一个苹果"),
    ("", "42"),
    ("\\boxed{", "1"),
]


@pytest.mark.parametrize(("text", "solution"), RIGHT)
def test_a_right_answer_scores_one(text: str, solution: object) -> None:
    assert exact.reward([text], [solution]) == [1.0]


@pytest.mark.parametrize(("text", "solution"), WRONG)
def test_another_answer_scores_nothing(text: str, solution: object) -> None:
    assert exact.reward([text], [solution]) == [0.0]


def test_a_row_without_a_solution_is_not_judged() -> None:
    assert exact.reward(["4", "4"], [None, ""]) == [None, None]
    assert exact.reward(["4"]) == [None]


@pytest.mark.parametrize(
    "long", ["<answer>" * 3000, " " * 30_000, "1," * 15_000, "{" * 30_000 + "\\boxed{" * 2000, "1 " * 9000]
)
def test_nonsense_at_length_is_judged_at_once(long: str) -> None:
    began = time.monotonic()
    exact.reward([long], ["42"])
    assert time.monotonic() - began < 2


def test_the_form_of_thought_and_answer_is_told_exactly() -> None:
    good = "<think>so\nso</think>\n<answer>4</answer>"
    bad = [
        "4",
        f"Well. {good}",
        f"{good} Bye.",
        good.replace("</think>", ""),
        good + good,
        "</think><think><answer></answer>",
    ]
    assert form.reward([good, f"\n{good}\n", *bad]) == [1.0, 1.0, *[0.0] * len(bad)]


def test_a_pattern_stands_for_the_whole_answer() -> None:
    pattern = form.compiled(r"Answer: \d+")
    assert form.matching(pattern, ["Answer: 12", "Answer: 12 or so", "x"]) == [1.0, 0.0, 0.0]


def test_a_pattern_that_is_none_or_never_ends_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WizardError) as broken:
        form.compiled("(")
    assert broken.value.problem.code == "pattern-broken"
    monkeypatch.setattr(form, "SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(WizardError) as slow:
        form.matching(form.compiled("(a+)+b"), ["a" * 64])
    assert slow.value.problem.code == "pattern-slow"
    assert time.monotonic() - began < 5


def test_lengths_are_judged_by_their_distance_and_their_excess() -> None:
    assert length.near(100, [100, 50, 0, 150, 500]) == [0.0, -0.5, -1.0, -0.5, -1.0]
    assert length.overlong(20480, [10, 16384, 18432, 20480, 30000]) == [0.0, 0.0, -0.5, -1.0, -1.0]


def test_going_round_in_circles_costs_the_share_of_what_was_said_before() -> None:
    assert repetition.reward(["one two three four", "", "hi"]) == [0.0, 0.0, 0.0]
    assert repetition.penalty("a b c " * 100) < -0.98
    assert repetition.penalty("好的好的好的好的好的") < -0.7
    assert -0.5 < repetition.penalty("we go on and we go on, then rest") < 0
