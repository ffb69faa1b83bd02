"""One recipe, one model, one machine: does it fit, at what cost, and if not, by how much and what would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from wizard import strict
from wizard.contract import Catalog, Knobs, Machine, Problem, Verdict
from wizard.contract.sharing import generator_cards, least_cards, parts_for
from wizard.errors import WizardError
from wizard.fit.memory.law import Numbers, peak_of
from wizard.fit.offering import inference
from wizard.fit.offering.correct import Known, explained
from wizard.fit.offering.drafting import status_of, verdict
from wizard.fit.offering.ladder import Rung, rungs_of
from wizard.fit.offering.mending import Situation
from wizard.fit.offering.remedies import remedies
from wizard.fit.offering.serving import by_server
from wizard.fit.offering.setting import Seen, Setting, settle

T = TypeVar("T")


def judge(
    machine: Machine,
    catalog: Catalog,
    recipe_id: str,
    model_id: str,
    knobs: Knobs | None = None,
    forced_engines: Mapping[str, str] | None = None,
    *,
    home_disk: int | None = None,
    rows: int = 0,
    row_tokens: int = 0,
    here: frozenset[str] = frozenset(),
    known: Known | None = None,
    terms: bool = True,
    seen: Seen | None = None,
    guesser: str = "",
) -> Verdict:
    """With knobs None the recipe's own, then down its ladder until it fits; else exactly these.

    `rows`, `row_tokens`: of the user's data, 0 where not known. `terms`: False leaves out what only a person reads:
    what the peak is made of, and for a `no` what would help. `seen`: on this very
    machine, with all else but recipe, model and knobs the same. `guesser`: a model that is to guess beside the one that
    is served.
    """
    known_here = seen or Seen()
    _named(catalog.recipes, recipe_id, "recipe"), _named(catalog.models, model_id, "model")
    at_hand = machine.disks[0].free_bytes if machine.disks else 0
    free = at_hand if home_disk is None else home_disk
    given: dict[str, Any] = {"rows": rows, "row_tokens": row_tokens, "here": here, "known": known or Known()}
    given["draft"] = catalog.models.get(guesser)

    def judged(at: Situation) -> tuple[Setting, Verdict]:
        recipe, model, cards = catalog.recipes[at.recipe], catalog.models[at.model], at.knobs.n_gpus if at.knobs else 0
        ways = settle(
            at.machine,
            catalog,
            recipe,
            model,
            forced_engines or {},
            at.home_free,
            cards,
            known_here if at.machine is machine else Seen(),
            given,
        )
        return best([each for way in ways for each in by_server(way)], at.knobs)

    at = Situation(machine, recipe_id, model_id, knobs, free)
    setting, draft = judged(at)
    if not terms:
        return draft
    told = explain(setting, draft)
    if draft.reason is None:
        return told
    return replace(told, remedies=tuple(remedies(at, setting, draft, lambda other: judged(other)[1])))


def _named(drawer: Mapping[str, T], name: str, kind: str) -> T:
    if name not in drawer:
        raise WizardError(f"unknown-{kind}", name=name, nearest=strict.nearest(name, drawer))
    return drawer[name]


def best(ways: Sequence[Setting], knobs: Knobs | None) -> tuple[Setting, Verdict]:
    """Of several ways to run it: a card before the CPU, then the one that fits, on as few cards as serve it, then the
    one that gives up least."""
    asked = knobs.n_gpus if knobs else 0
    walked = sorted(((way, *descent(way, knobs)) for way in ways), key=lambda walked: _promise(walked, asked))
    hopeful = [one for one in walked if _promise(one, asked) < HOPELESS]
    first: tuple[Setting, Verdict] | None = None
    for way, rungs, at, found in hopeful or walked[:1]:
        draft = verdict(way, rungs, at, found)
        if draft.status != "no":
            told = _why_without_card(ways, way, knobs)
            return way, replace(draft, engine_notes=(*told, *draft.engine_notes)) if told else draft
        first = first or (way, draft)
    assert first
    return first


Descent = tuple[Setting, Sequence[Rung], int, Numbers]
HOPELESS = (True,)


def _promise(walked: Descent, asked: int) -> tuple[object, ...]:
    """`asked`: cards. Of what fits on none it is the most cards that show how much is lacking."""
    way, _, at, found = walked
    status = status_of(found, way.capacity)
    never = way.picks.reason is not None or (way.device == "cuda" and not way.gpus)
    served = way.picks.servers.index(way.picks.engines["serve"]) if way.serves and way.picks.servers else 0
    cards = len(way.gpus) if way.serves else 0
    few = (1 < asked != cards, cards if status != "no" else -cards)
    return (status == "no" or never, never, way.device == "cpu", status == "tight", few, served, at)


def _why_without_card(ways: Sequence[Setting], way: Setting, knobs: Knobs | None) -> tuple[Problem, ...]:
    """Where it runs on the CPU of a machine that has a card."""
    if way.device != "cpu" or ways[0].device == "cpu":
        return ()
    reason = verdict(ways[0], *descent(ways[0], knobs)).reason
    return (reason,) if reason else ()


def descent(setting: Setting, knobs: Knobs | None) -> tuple[Sequence[Rung], int, Numbers]:
    rungs = rungs_of(wanted(setting, knobs or setting.recipe.knobs), setting.recipe.ladder)
    nowhere = setting.device == "cuda" and not setting.gpu
    return rungs, *walk(setting, rungs[:1] if knobs or nowhere else rungs)


def wanted(setting: Setting, knobs: Knobs) -> Knobs:
    """No longer than the model's positions, and on as many cards as there are for a recipe that uses several; where
    cards share a sequence, as many as its heads allow."""
    recipe = setting.recipe
    least = min(recipe.knobs.n_gpus, 2)
    cards = max(len(setting.gpus) - generator_cards(recipe), least) if least_cards(recipe) > 1 else 1
    if setting.serves:
        cards = max(len(setting.gpus), 1)
    length = min(knobs.seq_len, setting.model.max_len)
    alone = cards * knobs.nodes == 1 and knobs.offload == "none"
    numbers = setting.model.architecture
    parts = parts_for(cards, numbers.heads, numbers.kv_heads) if knobs.sequence_parallel > 1 else 1
    return _wanted(knobs, length, cards, parts, alone)


@cache
def _wanted(knobs: Knobs, length: int, cards: int, parts: int, alone: bool) -> Knobs:
    """Most models of a recipe want the same."""
    shared = replace(knobs, seq_len=length, n_gpus=cards, sequence_parallel=parts)
    return replace(shared, zero_stage=0, fsdp=False) if alone else shared


def walk(setting: Setting, rungs: Sequence[Rung]) -> tuple[int, Numbers]:
    """The first rung that fits; a tight one comes before a shorter sequence; the lowest where none does.

    Each rung takes less than the one above: where the lowest does not fit, those in between are not asked.
    """
    found = setting.numbers(rungs[0].knobs)
    if len(rungs) == 1 or status_of(found, setting.capacity) == "fits":
        return 0, found
    last = len(rungs) - 1, setting.numbers(rungs[-1].knobs)
    if status_of(last[1], setting.capacity) == "no":
        return last
    tight_will_do = not setting.serves  # a shorter row loses words, a shorter context none
    best = (0, found) if tight_will_do and status_of(found, setting.capacity) == "tight" else None
    for at, rung in enumerate(rungs[1:-1], start=1):
        if best and rung.knobs.seq_len < rungs[best[0]].knobs.seq_len:
            break
        found = setting.numbers(rung.knobs)
        status = status_of(found, setting.capacity)
        if status == "fits":
            return at, found
        if status == "tight" and best is None and tight_will_do:
            best = at, found
    if best and (
        rungs[-1].knobs.seq_len < rungs[best[0]].knobs.seq_len or status_of(last[1], setting.capacity) != "fits"
    ):
        return best
    return last


def explain(setting: Setting, draft: Verdict) -> Verdict:
    """With the terms of the peak."""
    if setting.serves:
        peak = inference.peak(setting, draft.knobs)
        return replace(draft, moment=peak.moment, terms=peak.terms, basis=peak.basis)
    step = setting.step(draft.knobs)
    peak = explained(peak_of(step), setting.correction(draft.knobs), step)
    return replace(draft, moment=peak.moment, terms=peak.terms, basis=peak.basis)
