"""Which recipes lead, where many would do: those that a first run is advised to take."""

from __future__ import annotations

from wizard.contract import Recipe

PLAIN = {"lora": 0, "qlora": 1, "full": 2, "dora": 3}  # the methods that lead; a first run is advised one of two
ADVISED = 2


def is_plain(recipe: Recipe) -> bool:
    """Of several that do the same by one method, that without a turn of its own: it is called after the two."""
    return recipe.id == recipe.task or recipe.id.startswith(f"{recipe.task}-{recipe.method}")
