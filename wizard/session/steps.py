"""The steps of the wizard, told once: the screens and the plain questions both walk this list."""

from __future__ import annotations

from wizard.contract import Catalog

STEPS = ("goal", "hardware", "recipe", "data", "review")

ORDER = (
    "identity", "sft", "cpt", "dpo", "kto", "grpo", "vision",
    "cls", "embedding", "reranker", "reward", "distil", "serve",
)  # fmt: skip


def goals(catalog: Catalog, *, own: bool = False) -> tuple[str, ...]:
    """The tasks that some recipe serves, in the order they are offered; words are goal.<task>.title and .hint. `own`:
    those alone that learn from a person's own data."""
    present = {recipe.task for recipe in catalog.recipes.values() if not (own and recipe.datasets)}
    known = [task for task in ORDER if task in present]
    return tuple(known + sorted(present - set(known)))
