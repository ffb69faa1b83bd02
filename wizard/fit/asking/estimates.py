"""One case of `estimate` answered: the numbers, the terms, which moment is the peak, and what is needed beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from wizard.contract import Board, Cpu, Problem, Term
from wizard.errors import WizardError
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory import held, offloading
from wizard.fit.memory.law import CPU_PROGRAM, Peak, completed, peak_of
from wizard.fit.memory.step import Step, digest_of
from wizard.fit.offering import work
from wizard.fit.offering.correct import Correction, explained
from wizard.fit.offering.flops import step_seconds, token_seconds
from wizard.fit.reading.configs import read_as


class Beside(NamedTuple):
    """What else a case takes. `step_seconds`: of one micro-batch; 0 where nothing is trained. `token_seconds`: at the
    least, for the next token of each sequence; 0 where nothing is served or the card is not known."""

    step_seconds: float
    ram_bytes: int
    disk_bytes: int
    download_bytes: int
    token_seconds: float = 0.0


def beside(step: Step, board: Board | None, cpu: Cpu, *, packed: bool = False) -> Beside:
    """RAM is that of loading or merging in 16 bits, and what offloading puts there; disk that of all a run writes.
    `packed`: the checkpoint is held as the base is."""
    whole = step.params * 2
    fetched = held.weights(step) if packed else whole
    if step.task == "infer":
        return Beside(0.0, fetched + CPU_PROGRAM, fetched, fetched, round(token_seconds(step, board), 6))
    trained = work.checkpoints(held.trained(step))
    return Beside(
        step_seconds=round(step_seconds(step, step.seq_len, board, cpu), 3),
        ram_bytes=whole + CPU_PROGRAM + offloading.in_ram(step),
        disk_bytes=fetched + trained + (0 if step.trains_all else whole),
        download_bytes=fetched,
    )


def estimated(step: Step, simulated: Mapping[str, int]) -> Peak:
    """`simulated`: peaks in bytes by the digest of a step; one of this very step comes before the formula's."""
    known = simulated.get(digest_of(step), 0)
    return explained(peak_of(step), Correction(simulated=known) if known else None, step)


def witnessed(step: Step, found: Mapping[str, Any]) -> Peak:
    """By a simulation's own labels, of a model that the formula cannot read."""
    said = "as the model's own code held it"
    terms = [Term(label=label, bytes=size, formula=said) for label, size in found["labels"].items()]
    return completed(step, found["moment"], terms, found["labels"].get("weights", 0), "simulated")


def answer(case: Any, simulated: Mapping[str, int]) -> dict[str, Any] | Problem:
    """As `estimate --cases` has it but for the id, or why the case makes no sense."""
    try:
        if not isinstance(case, Mapping):
            raise WizardError("case-no-object")
        found = told(estimated(step_of_case(case), simulated))
        kind = read_as(case["config"])
        return {**found, "read_as": kind} if kind else found
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
        "terms": terms_told(peak.terms),
    }


def terms_told(terms: Iterable[Term]) -> list[dict[str, Any]]:
    return [{"label": term.label, "bytes": term.bytes, "formula": term.formula} for term in terms]
