from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest

from wizard.contract import MEMORY_KNOBS, Catalog, Knobs, Machine, Verdict
from wizard.fit import Known, digest_of, judge, offers
from wizard.fit.offering.recipe_step import Case, step_of

Record = dict[str, Any]
MachineWith = Callable[..., Machine]


@pytest.fixture
def machine(machine_with: MachineWith) -> Machine:
    return machine_with("rtx-4090")


@pytest.fixture
def verdict(catalog: Catalog, machine: Machine) -> Verdict:
    return next(each for each in offers(machine, catalog, task="sft") if each.status == "fits")


def record(verdict: Verdict, factor: float = 1.0, longest: int = 0, knobs: Knobs | None = None, **case: Any) -> Record:
    """As the supervisor keeps it: this verdict's case, measured as so many times its forecast."""
    told = asdict(knobs or verdict.knobs)
    context = verdict.card_bytes - verdict.reserved_bytes
    reserved = int(verdict.reserved_bytes * factor)
    measured = {
        "peak_bytes": int(verdict.peak_bytes * factor),
        "reserved_bytes": reserved,
        "card_bytes": reserved + context,
        "seconds_per_step": verdict.step_seconds * factor,
        "micro_step_seconds": verdict.step_seconds / verdict.knobs.accumulate * factor,
    }
    shape = {name: list(value) if isinstance(value := told[name], tuple) else value for name in MEMORY_KNOBS}
    return {
        "case": {**verdict.case, "knobs": shape, "python": "3.11", "lock": "x", **case},
        "longest": longest or verdict.knobs.seq_len,
        "measured": measured,
    }


def again(catalog: Catalog, machine: Machine, verdict: Verdict, *records: Record, **knobs: Any) -> Verdict:
    wanted = replace(verdict.knobs, **knobs)
    return judge(machine, catalog, verdict.recipe, verdict.model, wanted, known=Known(records=records))


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.2])
def test_the_same_case_is_measured_and_its_terms_still_sum(
    catalog: Catalog, machine: Machine, verdict: Verdict, factor: float
) -> None:
    kept = record(verdict, factor)
    found = again(catalog, machine, verdict, kept)
    assert found.basis == "measured"
    assert found.card_bytes == kept["measured"]["card_bytes"]
    assert found.peak_bytes == kept["measured"]["peak_bytes"]
    assert sum(term.bytes for term in found.terms) == found.card_bytes
    assert found.card_bytes < found.safe_bytes < found.card_bytes * 1.03
    assert ("correction" in [term.label for term in found.terms]) == (factor != 1.0)


def test_a_simulated_peak_comes_before_the_formula_and_after_a_measurement(
    catalog: Catalog, machine: Machine, verdict: Verdict
) -> None:
    model, method = catalog.models[verdict.model], catalog.methods[verdict.method]
    step = step_of(Case(model=model, method=method, knobs=verdict.knobs, device="cuda"))
    simulated = {digest_of(step): verdict.peak_bytes + 10**8}
    for records, basis in (((), "simulated"), ((record(verdict, 1.1),), "measured")):
        known = Known(records=records, simulated=simulated)
        found = judge(machine, catalog, verdict.recipe, verdict.model, verdict.knobs, known=known)
        assert found.basis == basis
        assert sum(term.bytes for term in found.terms) == found.card_bytes
        assert (found.peak_bytes == verdict.peak_bytes + 10**8) == (basis == "simulated")


def test_the_newest_of_equal_cases_counts(catalog: Catalog, machine: Machine, verdict: Verdict) -> None:
    old, new = record(verdict, 1.2), record(verdict, 0.9)
    assert again(catalog, machine, verdict, old, new).card_bytes == new["measured"]["card_bytes"]


def test_other_knobs_are_scaled_and_say_so(catalog: Catalog, machine: Machine, verdict: Verdict) -> None:
    plain = again(catalog, machine, verdict, rank=verdict.knobs.rank * 2)
    found = again(catalog, machine, verdict, record(verdict, 1.1), rank=verdict.knobs.rank * 2)
    assert found.basis == "estimated"
    assert found.card_bytes - plain.card_bytes == pytest.approx(plain.reserved_bytes * 0.1, rel=0.01)
    assert sum(term.bytes for term in found.terms) == found.card_bytes
    assert "as measured with other settings" in found.terms[-1].formula


def test_a_correction_never_goes_out_of_bounds(catalog: Catalog, machine: Machine, verdict: Verdict) -> None:
    plain = again(catalog, machine, verdict, rank=8)
    for factor, bound in ((9.0, 0.4), (0.01, -0.3)):
        found = again(catalog, machine, verdict, record(verdict, factor), rank=8)
        assert found.card_bytes - plain.card_bytes == pytest.approx(plain.reserved_bytes * bound, rel=0.01)


def test_short_rows_are_compared_with_the_law_at_their_length(
    catalog: Catalog, machine: Machine, verdict: Verdict
) -> None:
    length = verdict.knobs.seq_len // 4
    short = again(catalog, machine, verdict, seq_len=length)
    kept = record(short, 1.0, longest=length, knobs=verdict.knobs)
    assert again(catalog, machine, verdict, kept).card_bytes == pytest.approx(verdict.card_bytes, rel=0.001)
    assert again(catalog, machine, verdict, kept, seq_len=length).basis == "measured"


@pytest.mark.parametrize("name", ["model", "method", "board", "engine", "accelerator"])
def test_what_was_measured_elsewhere_says_nothing(
    catalog: Catalog, machine: Machine, verdict: Verdict, name: str
) -> None:
    kept = record(verdict, 1.3, **{name: "another"})
    assert again(catalog, machine, verdict, kept) == again(catalog, machine, verdict)


def test_the_time_follows_what_was_measured(catalog: Catalog, machine: Machine, verdict: Verdict) -> None:
    plain, found = (again(catalog, machine, verdict, *kept) for kept in ((), (record(verdict, 2.0),)))
    assert found.step_seconds == pytest.approx(plain.step_seconds * 2)
    assert plain.stage_seconds["train"] < found.stage_seconds["train"] < plain.stage_seconds["train"] * 2


def test_offers_take_it_into_account(catalog: Catalog, machine: Machine, verdict: Verdict) -> None:
    kept = record(verdict, 1.01)
    found = offers(machine, catalog, task="sft", model=verdict.model, known=Known(records=(kept,)))
    assert [each.basis for each in found if each.recipe == verdict.recipe] == ["measured"]
