"""Which recipes lead, where many would do: those that a first run is advised to take."""

from __future__ import annotations

from wizard.contract import Recipe

# the methods that lead; a first run is advised one of those below ADVISED
PLAIN = {"lora": 0, "as-it-is": 0, "qlora": 1, "full": 2, "dora": 3}
ADVISED = 2


def is_plain(recipe: Recipe) -> bool:
    """Of several that do the same by one method, that without a turn of its own: it is called after the two."""
    return recipe.id == recipe.task or recipe.id.startswith(f"{recipe.task}-{recipe.method}")


def leads(recipe: Recipe) -> bool:
    return recipe.method in PLAIN and is_plain(recipe)


def order(recipe: Recipe) -> int:
    """Among those of a task; all that do not lead are alike."""
    return PLAIN[recipe.method] if leads(recipe) else len(PLAIN)
