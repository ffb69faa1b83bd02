"""What it takes where nothing is trained and nothing served: the model as it is made smaller, and as it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.contract import Knobs, Term
from wizard.fit.memory import formulas, law
from wizard.fit.offering import evaluating, fewer, work
from wizard.fit.offering.merging import Merging, merging

if TYPE_CHECKING:
    from wizard.fit.offering.setting import Setting


def peak(setting: Setting, knobs: Knobs) -> law.Peak:
    """The larger of the two, on the card or in RAM as the setting has it. Nothing of a card where the weights have
    room in RAM alone: that it needs is the RAM's."""
    way = merging(setting.model, setting.device, setting.capacity, setting.machine.ram_free_bytes)
    moments = {"quantise": quantised(setting, way), "evaluate": evaluated(setting, knobs, way)}
    here = {name: tuple(terms) for name, terms in moments.items() if name in setting.picks.engines}
    if way.device != setting.device:
        here = {}
    moment = max(here, key=lambda name: _sum(here[name]), default="evaluate")
    terms = here.get(moment, ())
    card = _sum(terms)
    own = _sum(tuple(term for term in terms if term.label not in ("context", "program")))
    safe = card + int(own * law.UNSURE)
    return law.Peak(moment=moment, terms=terms, peak_bytes=own, reserved_bytes=own, card_bytes=card, safe_bytes=safe)


def quantised(setting: Setting, way: Merging) -> Iterator[Term]:
    """Its numbers as they are measured, one module in 32 bits, and in RAM what is written."""
    model, format = setting.model, setting.format
    if format is None:
        return
    weights, around = model.params * way.weight_bytes, _around(way.device)
    yield Term(label="weights", bytes=weights, formula=f"{model.params:,} parameters x {way.weight_bytes}")
    if way.device == "cuda":
        module = way.card_bytes - weights - around.bytes
    else:
        written = fewer.written_bytes(model, format)
        said = f"{model.params:,} parameters x {written / model.params:.3g}"
        yield Term(label="written", bytes=written, formula=said)
        module = fewer.ram_bytes(model, format, way) - weights - written - around.bytes
    yield Term(label="widened", bytes=module, formula=f"{module // 4:,} x 4")
    yield around


def evaluated(setting: Setting, knobs: Knobs, way: Merging) -> Iterator[Term]:
    """One subject at a time, with the logits of one row."""
    model, around = setting.model, _around(way.device)
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    tokens = min(knobs.seq_len, load.row_tokens)
    row = tokens * model.architecture.vocab * evaluating.LOGITS
    weights = evaluating.held_bytes(model, way.device, tokens, setting.halves) - row - around.bytes
    yield Term(label="weights", bytes=weights, formula=f"{model.params:,} parameters x {weights // model.params}")
    said = f"{tokens:,} tokens x {model.architecture.vocab:,} words x {evaluating.LOGITS}"
    yield Term(label="row", bytes=row, formula=said)
    yield around


def _around(device: str) -> Term:
    label, size = ("context", law.CUDA_CONTEXT) if device == "cuda" else ("program", law.CPU_PROGRAM)
    return Term(label=label, bytes=size, formula=formulas.fixed(label, size))


def _sum(terms: tuple[Term, ...]) -> int:
    return sum(term.bytes for term in terms)
