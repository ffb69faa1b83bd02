"""What rehearsals measured on this machine, laid over the law: the same case counts as measured, others are scaled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import log
from statistics import median
from typing import Any

from wizard.contract import MEMORY_KNOBS, Knobs, Term
from wizard.fit.law import Case, Numbers, Peak, numbers_of, step_of

Record = Mapping[str, Any]  # case: model method board engine accelerator knobs; longest; measured: bytes and seconds
LEAST, MOST = 0.7, 1.4  # farther off, it is not the law's constants that differ but the case
MEASURED_UNSURE = 0.02  # of what is reserved: rows come in another order in the training itself
FASTER, SLOWER = 0.1, 10.0
LOOSE = ("fragmentation", "context", "program")


def corrected(found: Peak, case: Case, key: Mapping[str, str], records: Sequence[Record]) -> Peak:
    """`key` names what is trained on what: only records that share all of it say anything."""
    near = nearby(key, records)
    if not near:
        return found
    same = [record for record in near if knobs_of(record, case.knobs) == case.knobs]
    if same:
        return _measured(found, same[-1]["measured"])
    laws = [numbers_of(step_of(replace(case, knobs=knobs_of(record, case.knobs)))) for record in near]
    record, law = min(zip(near, laws, strict=True), key=lambda pair: abs(log(pair[1].reserved / found.reserved_bytes)))
    return _scaled(found, record["measured"], law)


def nearby(key: Mapping[str, str], records: Sequence[Record]) -> list[Record]:
    return [record for record in records if all(record["case"].get(name) == value for name, value in key.items())]


def knobs_of(record: Record, knobs: Knobs) -> Knobs:
    """Ours with the record's in all that decides memory; its rows were as long as its longest."""
    theirs = {name: record["case"]["knobs"].get(name, getattr(knobs, name)) for name in MEMORY_KNOBS}
    theirs["targets"] = tuple(theirs["targets"])
    return replace(knobs, **{**theirs, "seq_len": int(record["longest"])})


def _measured(found: Peak, measured: Mapping[str, float]) -> Peak:
    peak, reserved, card = (int(measured[name]) for name in ("peak_bytes", "reserved_bytes", "card_bytes"))
    kept = [term for term in found.terms if term.label not in LOOSE]
    around = next((term.label for term in found.terms if term.label in LOOSE[1:]), "context")
    said = f"{peak:,} measured - {found.peak_bytes:,} forecast"
    more = (
        Term(label="correction", bytes=peak - sum(term.bytes for term in kept), formula=said),
        Term(label="fragmentation", bytes=reserved - peak, formula=f"{reserved:,} - {peak:,} measured"),
        Term(label=around, bytes=card - reserved, formula=f"{card:,} - {reserved:,} measured"),
    )
    return replace(
        found,
        terms=(*kept, *(term for term in more if term.bytes)),
        peak_bytes=peak,
        reserved_bytes=reserved,
        card_bytes=card,
        safe_bytes=card + int(reserved * MEASURED_UNSURE),
        basis="measured",
    )


def _scaled(found: Peak, measured: Mapping[str, float], law: Numbers) -> Peak:
    ratio = min(MOST, max(LEAST, measured["reserved_bytes"] / law.reserved))
    more = int(found.reserved_bytes * (ratio - 1))
    said = f"{found.reserved_bytes:,} x {ratio - 1:+.1%}, as measured with other settings"
    return replace(
        found,
        terms=(*found.terms, Term(label="correction", bytes=more, formula=said)) if more else found.terms,
        peak_bytes=int(found.peak_bytes * ratio),
        reserved_bytes=found.reserved_bytes + more,
        card_bytes=found.card_bytes + more,
        safe_bytes=found.safe_bytes + more,
    )


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
