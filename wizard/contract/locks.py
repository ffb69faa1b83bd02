"""Which list of exact packages an engine is built from."""

from __future__ import annotations

from wizard.contract.catalogue import Engine


def lock_of(engine: Engine, accelerator: str, python: str) -> str:
    """`python`: as "3.11". The file's name; empty where there is no list for such a build."""
    exact = f"{accelerator}-py{python.replace('.', '')}"
    return engine.locks.get(exact) or engine.locks.get(accelerator, "")
