"""One case of `estimate` answered: the numbers, the terms, and which moment is the peak."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.contract import Problem
from wizard.errors import WizardError
from wizard.fit.cases import step_of_case
from wizard.fit.correct import Correction, explained
from wizard.fit.law import Peak, peak_of
from wizard.fit.step import Step, digest_of


def estimated(step: Step, simulated: Mapping[str, int]) -> Peak:
    """`simulated`: peaks in bytes by the digest of a step; one of this very step comes before the formula's."""
    known = simulated.get(digest_of(step), 0)
    return explained(peak_of(step), Correction(simulated=known) if known else None, step)


def answer(case: Any, simulated: Mapping[str, int]) -> dict[str, Any] | Problem:
    """As `estimate --cases` has it but for the id, or why the case makes no sense."""
    try:
        if not isinstance(case, Mapping):
            raise WizardError("case-no-object")
        return told(estimated(step_of_case(case), simulated))
    except WizardError as error:
        return error.problem


def told(peak: Peak) -> dict[str, Any]:
    return {
        "peak_bytes": peak.peak_bytes,
        "reserved_bytes": peak.reserved_bytes,
        "card_bytes": peak.card_bytes,
        "safe_bytes": peak.safe_bytes,
        "moment": peak.moment,
        "basis": peak.basis,
        "terms": [{"label": term.label, "bytes": term.bytes, "formula": term.formula} for term in peak.terms],
    }
