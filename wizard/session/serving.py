"""How a model is served here: which engine and why, and how much it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wizard import fit
from wizard.contract import Catalog, Choice, Engine, Machine, Problem, Verdict
from wizard.errors import WizardError

NGRAM = "ngram"


def settled(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> Verdict:
    """The verdict with the last word on the server. Raises the Problem of what was asked for and cannot be served."""
    if "serve" not in verdict.engines or not choice.serve:
        return verdict
    engine, model = catalog.engines[verdict.engines["serve"]], catalog.models[choice.model]
    gpus = sorted((gpu for gpu in machine.gpus if gpu.index in verdict.gpus), key=lambda gpu: gpu.free_bytes)
    guesser = catalog.models.get(choice.serving.draft) if "draft" in engine.options else None
    beside = (2 * guesser.params if guesser else 0) - fit.saved_bytes(model, catalog.formats.get(choice.quantise))
    room, told = None, tuple[Problem, ...]()
    if catalog.methods[verdict.method].trains:  # else the room is what was judged to fit
        asked = choice.serving.context
        room, told = fit.room_for(model, engine, gpus, machine.cpu, machine.ram_free_bytes, asked, beside)
    notes = (*reasons(choice, verdict, machine, catalog), *told, *_draft(choice, engine, catalog))
    return replace(verdict, engine_notes=notes, room=room)


def _lacks(engine: Engine, choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> tuple[Problem, ...]:
    found = fit.reasons_engine_cannot_run(engine, machine, verdict.accelerator)
    unserved = fit.reason_engine_cannot_serve(engine, catalog.models[choice.model])
    return (*found, *((unserved,) if unserved else ()))


def reasons(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> tuple[Problem, ...]:
    """What was known of the engines already, and why this one serves, and none that the recipe names before it."""
    told = tuple(_reasons(choice, verdict, machine, catalog)) if "serve" in verdict.engines else ()
    return (*(note for note in verdict.engine_notes if note not in told), *told)


def _reasons(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> Iterator[Problem]:
    taken = catalog.engines[verdict.engines["serve"]]
    if choice.engines.get("serve") == taken.id:
        yield Problem(code="engine-asked-for", params={"engine": taken.title})
        return
    for name in catalog.recipes[verdict.recipe].engines["serve"]:
        if name == taken.id:
            break
        yield from _lacks(catalog.engines[name], choice, verdict, machine, catalog)[:1]
    needs = ", ".join(_needs(taken, machine, verdict.accelerator))
    code = "engine-first-able" if needs else "engine-runs-anywhere"
    yield Problem(code=code, params={"engine": taken.title, "needed": needs})


def _needs(engine: Engine, machine: Machine, accelerator: str) -> Iterator[str]:
    """As a machine spells them, in any language."""
    needs = engine.needs
    yield from (machine.cpu.arch for _ in needs.arch[:1])
    yield from needs.cpu_flags
    if accelerator != "cpu":
        yield accelerator
        if driver := needs.min_driver.get(accelerator):
            yield f"driver {driver}"
        if needs.min_capability:
            yield "sm_{}{}".format(*needs.min_capability)
    yield from needs.system


def _draft(choice: Choice, engine: Engine, catalog: Catalog) -> Iterator[Problem]:
    """Raises the Problem of a draft that could not guess: another model's words are not this one's."""
    draft, model = choice.serving.draft, catalog.models[choice.model]
    if not draft:
        return
    if draft != NGRAM:
        smaller = catalog.models.get(draft)
        alike = [
            other.id
            for other in catalog.models.values()
            if other.architecture.vocab == model.architecture.vocab
            and other.architecture.family == model.architecture.family
            and 4 * other.params < model.params
        ]
        if smaller is None or smaller.id not in alike:
            raise WizardError("draft-not-alike", draft=draft, model=model.title, alike=", ".join(alike) or NGRAM)
    if ("ngram" if draft == NGRAM else "draft") not in engine.options:
        yield Problem(code="draft-not-used", params={"draft": draft, "engine": engine.title})
