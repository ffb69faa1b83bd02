"""Why this engine serves, and why none of those that the recipe names before it."""

from __future__ import annotations

from collections.abc import Iterator

from wizard import fit
from wizard.contract import Catalog, Choice, Engine, Machine, Problem, Verdict


def reasons(choice: Choice, verdict: Verdict, machine: Machine, catalog: Catalog) -> tuple[Problem, ...]:
    """What was known of the engines already, and the last word on the server."""
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
        yield from fit.reasons_engine_cannot_run(catalog.engines[name], machine, verdict.accelerator)[:1]
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
