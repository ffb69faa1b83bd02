"""What was measured on this machine or simulated for it, laid over the law: the same case counts, others are scaled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log
from statistics import median
from typing import Any, NamedTuple

from wizard.contract import MEMORY_KNOBS, Knobs, Term
from wizard.fit.memory.law import Numbers, Peak, numbers_of, numbers_with
from wizard.fit.memory.step import Step, digest_of
from wizard.fit.offering.recipe_step import Case, step_of

Record = Mapping[str, Any]  # case: model method board engine accelerator knobs; longest; measured: bytes and seconds
LEAST, MOST = 0.7, 1.4  # farther off, it is not the law's constants that differ but the case
MEASURED_UNSURE = 0.02  # of what is reserved: rows come in another order in the training itself
FASTER, SLOWER = 0.1, 10.0
LOOSE = ("fragmentation", "context", "program")


class Known(NamedTuple):
    """`records`: of rehearsals, oldest first; `simulated`: peaks in bytes by the digest of a step."""

    records: Sequence[Record] = ()
    simulated: Mapping[str, int] = {}


class Correction(NamedTuple):
    """One of the three: what the same case was measured as, a ratio from another one, or a simulated peak."""

    measured: Mapping[str, float] | None = None
    ratio: float = 1.0
    simulated: int = 0


def correction_of(case: Case, step: Step, key: Mapping[str, str], known: Known) -> Correction | None:
    """`key` names what is trained on what: only records that share all of it say anything."""
    near = nearby(key, known.records)
    same = [record for record in near if knobs_of(record, case.knobs) == case.knobs]
    if same:
        return Correction(measured=same[-1]["measured"])
    if known.simulated and (peak := known.simulated.get(digest_of(step), 0)):
        return Correction(simulated=peak)
    if not near:
        return None
    found = numbers_of(step).reserved
    laws = [numbers_of(step_of(replace(case, knobs=knobs_of(record, case.knobs)))) for record in near]
    record, law = min(zip(near, laws, strict=True), key=lambda pair: abs(log(pair[1].reserved / found)))
    return Correction(ratio=min(MOST, max(LEAST, record["measured"]["reserved_bytes"] / law.reserved)))


def corrected(found: Numbers, correction: Correction | None, step: Step) -> Numbers:
    if correction is None:
        return found
    if correction.measured:
        peak, reserved, card = (int(correction.measured[f"{name}_bytes"]) for name in ("peak", "reserved", "card"))
        return Numbers(peak, reserved, card, card + int(reserved * MEASURED_UNSURE))
    if correction.simulated:
        return numbers_with(step, correction.simulated)
    more = int(found.reserved * (correction.ratio - 1))
    peak = int(found.peak * correction.ratio)
    return Numbers(peak, found.reserved + more, found.card + more, found.safe + more)


def explained(found: Peak, correction: Correction | None, step: Step) -> Peak:
    """The law's terms, with one more that brings them to what is known."""
    if correction is None:
        return found
    law = Numbers(found.peak_bytes, found.reserved_bytes, found.card_bytes, found.safe_bytes)
    now = corrected(law, correction, step)
    if correction.measured or correction.simulated:
        terms = _replaced(found, now, "measured" if correction.measured else "simulated")
    else:
        more = now.reserved - law.reserved
        said = f"{law.reserved:,} x {correction.ratio - 1:+.1%}, as measured with other settings"
        terms = (*found.terms, Term(label="correction", bytes=more, formula=said)) if more else found.terms
    return replace(
        found,
        terms=terms,
        peak_bytes=now.peak,
        reserved_bytes=now.reserved,
        card_bytes=now.card,
        safe_bytes=now.safe,
        basis="measured" if correction.measured else "simulated" if correction.simulated else "estimated",
    )


def _replaced(found: Peak, now: Numbers, how: str) -> tuple[Term, ...]:
    kept = [term for term in found.terms if term.label not in LOOSE]
    around = next((term.label for term in found.terms if term.label in LOOSE[1:]), "context")
    said = f"{now.peak:,} {how} - {found.peak_bytes:,} forecast"
    more = (
        Term(label="correction", bytes=now.peak - sum(term.bytes for term in kept), formula=said),
        Term(label="fragmentation", bytes=now.reserved - now.peak, formula=f"{now.reserved:,} - {now.peak:,}"),
        Term(label=around, bytes=now.card - now.reserved, formula=f"{now.card:,} - {now.reserved:,}"),
    )
    return (*kept, *(term for term in more if term.bytes))


def nearby(key: Mapping[str, str], records: Sequence[Record]) -> list[Record]:
    return [record for record in records if all(record["case"].get(name) == value for name, value in key.items())]


def knobs_of(record: Record, knobs: Knobs) -> Knobs:
    """Ours with the record's in all that decides memory; its rows were as long as its longest."""
    theirs = {name: record["case"]["knobs"].get(name, getattr(knobs, name)) for name in MEMORY_KNOBS}
    theirs["targets"] = tuple(theirs["targets"])
    return replace(knobs, **{**theirs, "seq_len": int(record["longest"])})


def pace(
    knobs: Knobs, key: Mapping[str, str], records: Sequence[Record], micro_step: Callable[[Knobs], float]
) -> float:
    """What the forecast time of a step is multiplied by."""
    ratios = [
        record["measured"]["micro_step_seconds"] / micro_step(knobs_of(record, knobs))
        for record in nearby(key, records)
        if record["measured"].get("micro_step_seconds")
    ]
    return min(SLOWER, max(FASTER, median(ratios))) if ratios else 1.0
