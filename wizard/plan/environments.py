"""The environments of a plan: one per engine, known by the digest of its exact package list."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from wizard.contract import Catalog, Choice, Engine, Environment, Verdict, lock_of
from wizard.errors import ExitCode, WizardError
from wizard.plan.digests import digest


def environments_of(
    engines: Iterable[str], choice: Choice, verdict: Verdict, catalog: Catalog, lock_text: Callable[[str], str]
) -> tuple[Mapping[str, Environment], Mapping[str, str]]:
    """By engine the environment, by environment id the package list; a replay's own lists come first."""
    found: dict[str, Environment] = {}
    requirements: dict[str, str] = {}
    for name in dict.fromkeys(engines):
        engine, python = catalog.engines[name], verdict.pythons.get(name, "")
        lock = lock_of(engine, verdict.accelerator, python) if python else ""
        if not lock:
            here = {"engine": engine.title, "needed": ", ".join(engine.python), "has": python or "-"}
            raise WizardError("engine-needs-python", exit_code=ExitCode.NO_DEVICE, **here)
        id = environment_id(name, verdict.accelerator, python)
        text = choice.requirements.get(id) or lock_text(lock)
        requirements[id] = text
        found[name] = environment(engine, verdict.accelerator, python, text)
    return found, requirements


def environment(engine: Engine, accelerator: str, python: str, text: str) -> Environment:
    """`text`: the exact package list."""
    return Environment(
        id=environment_id(engine.id, accelerator, python),
        engine=engine.id,
        accelerator=accelerator,
        python=python,
        digest=environment_mark(text, accelerator, python),
        warm=engine.warm,
    )


def environment_id(engine: str, accelerator: str, python: str) -> str:
    return f"{engine}-{accelerator}-py{python.replace('.', '')}"


def environment_mark(text: str, accelerator: str, python: str) -> str:
    return digest([text, accelerator, python])[:16]
