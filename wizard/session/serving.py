"""How a model is served here: which engine and why, and how much it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from wizard import fit
from wizard.contract import Catalog, Choice, Engine, Format, Knobs, Machine, Model, Problem, Verdict
from wizard.errors import ExitCode, WizardError

NGRAM = "ngram"


def of_context(
    choice: Choice, catalog: Catalog, judged: Callable[[Knobs], Verdict]
) -> tuple[Choice, tuple[Problem, ...]]:
    """Where nothing is trained a context that is asked for goes into the knob that holds it, as long as fits, and what
    is to be told of it."""
    asked, recipe, model = choice.serving.context, catalog.recipes.get(choice.recipe), catalog.models.get(choice.model)
    if not asked or not choice.serve or recipe is None or model is None or catalog.methods[recipe.method].trains:
        return choice, ()
    most = min(asked, model.max_len)

    def has_room(length: int) -> bool:
        status = judged(replace(choice.knobs, seq_len=length)).status
        return status == "fits" or (status == "tight" and length == most)

    found = fit.longest(has_room, most)
    knobs, rest = replace(choice.knobs, seq_len=found), replace(choice.serving, context=0)
    code = "context-beyond-model" if asked > model.max_len else "context-cut"
    told = Problem(code=code, params={"asked": asked, "context": found, "model": model.title})
    return replace(choice, knobs=knobs, serving=rest), (told,) if found < asked else ()


def settled(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> Verdict:
    """The verdict with the last word on the server. Raises draft-too-big."""
    if "serve" not in verdict.engines or not choice.serve:
        return verdict
    engine, model = catalog.engines[verdict.engines["serve"]], catalog.models[choice.model]
    gpus = sorted((gpu for gpu in machine.gpus if gpu.index in verdict.gpus), key=lambda gpu: gpu.free_bytes)
    draft = catalog.models.get(choice.serving.draft) if gpus and "draft" in engine.options else None
    format = catalog.formats.get(choice.quantise)
    room, told = None, tuple[Problem, ...]()
    if catalog.methods[verdict.method].trains:  # else the room is what was judged to fit
        asked, beside = choice.serving.context, -fit.saved_bytes(model, format)
        here = (gpus, machine.cpu, machine.ram_free_bytes)
        room, told = fit.room_for(model, engine, *here, asked, beside, draft, format)
        if draft:
            hold_room(model, format, room.cards, draft, gpus[0].free_bytes)
    notes = (*reasons(choice, verdict, machine, catalog), *told, *_draft(choice, engine))
    return replace(verdict, engine_notes=notes, room=room)


def hold_room(model: Model, format: Format | None, cards: int, draft: Model, free_bytes: int) -> None:
    """Raises draft-too-big: beside it not even the shortest conversation that is worth serving has room."""
    needed = fit.served_bytes(model, format, cards, draft)
    if needed > free_bytes:
        names = {"draft": draft.title, "model": model.title}
        sizes = {"draft_bytes": fit.draft_bytes(model, draft, cards), "needed_bytes": needed, "free_bytes": free_bytes}
        raise WizardError("draft-too-big", exit_code=ExitCode.NOTHING_FITS, **names, **sizes)


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


def hold_draft(choice: Choice, catalog: Catalog) -> None:
    """Raises draft-not-alike: another model's words are not this one's."""
    model, smaller = catalog.models.get(choice.model), catalog.models.get(choice.serving.draft)
    if model is None or choice.serving.draft in ("", NGRAM):
        return
    alike = [
        other.id
        for other in catalog.models.values()
        if other.architecture.vocab == model.architecture.vocab
        and other.architecture.family == model.architecture.family
        and 4 * other.params < model.params
    ]
    if smaller is None or smaller.id not in alike:
        words = ", ".join(alike) or NGRAM
        raise WizardError("draft-not-alike", draft=choice.serving.draft, model=model.title, alike=words)


def _draft(choice: Choice, engine: Engine) -> Iterator[Problem]:
    draft = choice.serving.draft
    if draft and ("ngram" if draft == NGRAM else "draft") not in engine.options:
        yield Problem(code="draft-not-used", params={"draft": draft, "engine": engine.title})
