"""The words of a term's formula, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.unit.fit.published import outcomes
from tests.unit.fit.simulated import grid, step
from wizard import words
from wizard.contract import Term
from wizard.fit.memory import formulas
from wizard.fit.memory.engine import parts
from wizard.fit.memory.law import peak_of
from wizard.fit.memory.step import OPTIMIZERS, Step

NAMES = {"logits", "bf16", "fp16", "fp32", "nf4", "nf4-dq", "int4", "gptq", "int8", "fp8", *OPTIMIZERS}


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    before = words.language()
    words.use("zh")
    yield
    words.use(before)


def steps() -> Iterator[Step]:
    yield from (one.step for task in ("train", "infer") for one in outcomes(task))
    yield from (step(*pair) for pair in grid()[::7])


def terms() -> Iterator[Term]:
    for each in steps():
        yield from peak_of(each).terms
        if each.task == "infer":
            yield from parts(each)


def test_nothing_but_names_of_types_and_optimizers_is_left_in_english() -> None:
    left = {word for term in terms() for word in re.findall(r"[A-Za-z][\w-]{2,}", words.formula(term.formula))}
    assert left <= NAMES


def test_every_word_that_may_stand_beside_a_number_has_its_translation() -> None:
    for _, phrase in formulas.FIXED.values():
        assert not re.search(r"[A-Za-z]{3,}", words.formula(phrase)), phrase


def test_a_formula_in_english_is_what_the_law_wrote() -> None:
    words.use("en")
    assert words.formula("8,192 tokens x 409,600") == "8,192 tokens x 409,600"
