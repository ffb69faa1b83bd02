"""How a model is served here: which engine and why, and how much it is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from wizard import fit
from wizard.contract import Catalog, Choice, Engine, Machine, Problem, Verdict
from wizard.errors import WizardError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NGRAM = "ngram"


def settled(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> Verdict:
    """The verdict with the last word on the server. Raises the Problem of what was asked for and cannot be served."""
    if "serve" not in verdict.engines or not choice.serve:
        return verdict
    hold_adapters(choice, catalog)
    engine, model = catalog.engines[verdict.engines["serve"]], catalog.models[choice.model]
    gpus = sorted((gpu for gpu in machine.gpus if gpu.index in verdict.gpus), key=lambda gpu: gpu.free_bytes)
    guesser = catalog.models.get(choice.serving.draft) if "draft" in engine.options else None
    beside = 2 * guesser.params if guesser else 0
    asked = choice.serving.context
    room, told = fit.room_for(model, engine, gpus, machine.cpu, machine.ram_free_bytes, asked, beside)
    notes = (*reasons(choice, verdict, machine, catalog), *told, *_draft(choice, engine, catalog))
    return replace(verdict, engine_notes=notes, room=room)


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
        found = fit.reasons_engine_cannot_run(catalog.engines[name], machine, verdict.accelerator)
        unserved = fit.reason_engine_cannot_serve(catalog.engines[name], catalog.models[choice.model])
        yield from (*found, *((unserved,) if unserved else ()))[:1]
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


def hold_adapters(choice: Choice, catalog: Catalog) -> None:
    """Others of the same base need a base that is still there: beside a merged model they would say something else."""
    if choice.serving.adapters and catalog.recipes[choice.recipe].merge != "apart":
        raise WizardError("adapters-on-merged", recipe=choice.recipe)
    own = f"{choice.model}-{choice.recipe}"
    for name, folder in choice.serving.adapters.items():
        if not NAME.fullmatch(name) or name in (own, f"{own}-base"):
            raise WizardError("adapter-odd-name", name=name)
        if not (Path(folder).expanduser() / "adapter_config.json").is_file():
            raise WizardError("adapter-not-there", name=name, path=folder)


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
