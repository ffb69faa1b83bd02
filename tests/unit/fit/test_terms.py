"""What a person is shown: terms that sum, formulas that compute, words for each; and it is what the search goes by."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fit.simulated import steps
from wizard import words
from wizard.fit.memory.law import Peak, numbers_of, peak_of
from wizard.fit.memory.step import Step

Found = list[tuple[str, Step, Peak]]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"task": "dpo"},
    {"task": "infer"},
    {"accumulates": True, "in_backward": False},
    {"cards": 2},
    {"cards": 8, "zero": 1},
    {"cards": 4, "zero": 2, "offload": True},
    {"cards": 8, "zero": 3},
    {"cards": 8, "zero": 3, "offload": True},
    {"cpu": True},
]


def told(variant: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in variant.items()) or "as-simulated"


@pytest.fixture(scope="module", params=VARIANTS, ids=told)
def found(request: pytest.FixtureRequest) -> Found:
    changed = [(name, replace(step, **request.param)) for name, step in steps()]
    return [(name, step, peak_of(step)) for name, step in changed]


def computed(formula: str) -> float:
    """A formula without its words."""
    sum_of = re.sub(r"\(.*?\)|[a-z]{2,}|,", "", formula)
    sum_of = sum_of.replace("x", "*").replace("²", "**2").replace("%", "/100")
    assert re.fullmatch(r"[\d\s*/+.e-]+", sum_of), formula
    return float(eval(sum_of))


def test_the_terms_sum_to_what_the_card_must_hold(found: Found) -> None:
    for name, _, peak in found:
        assert sum(term.bytes for term in peak.terms) == peak.card_bytes, name
        assert all(term.bytes > 0 for term in peak.terms), name
        assert len({term.label for term in peak.terms}) == len(peak.terms), name


def test_the_search_goes_by_the_same_numbers(found: Found) -> None:
    for name, step, peak in found:
        shown = (peak.peak_bytes, peak.reserved_bytes, peak.card_bytes, peak.safe_bytes)
        assert numbers_of(step) == shown == tuple(sorted(shown)), name


def test_a_formula_computes_to_the_bytes_beside_it(found: Found) -> None:
    for name, _, peak in found:
        for term in peak.terms:
            assert computed(term.formula) == pytest.approx(term.bytes, rel=0.005, abs=2), (name, term)


def test_terms_and_moments_have_words_in_both_languages(found: Found) -> None:
    keys = {f"moment.{peak.moment}" for _, _, peak in found}
    keys |= {f"term.{term.label}" for _, _, peak in found for term in peak.terms}
    for language in words.LANGUAGES:
        assert keys <= set(words.catalogue(language))
