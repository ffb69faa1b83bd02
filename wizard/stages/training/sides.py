"""The sides of a model that sees: the tower that reads pictures, the projector behind it, and the language model.

Names are those of transformers' modules: the towers of `PreTrainedModel.get_encoder`, projectors as its families call
them (Qwen's and GLM's lie inside their tower).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from wizard.errors import ExitCode, WizardError

Side = Literal["tower", "projector", "language"]
TOWERS = ("visual", "vision_tower", "vision_model", "vision_encoder", "image_tower")
PROJECTORS = ("multi_modal_projector", "connector", "merger", "deepstack_merger_list", "image_newline")
WAYS = {"adapter": ("frozen", "lora"), "all": ("frozen", "full")}  # what is trained -> what a tower may do
HEADS = ("lm_head",)


def side_of(name: str) -> Side:
    """Of a module or a parameter, by its name."""
    parts = name.split(".")
    if any(part in PROJECTORS for part in parts):
        return "projector"
    return "tower" if any(part in TOWERS for part in parts) else "language"


def learning(tower: str, projector: bool, method: Mapping[str, Any]) -> set[Side]:
    """The sides that learn. Raises tower-not-so: an adapter leaves a tower frozen or adapts it, whole models leave it
    frozen or train it in full."""
    if tower not in (ways := WAYS[method["trainable"]]):
        raise WizardError(
            "tower-not-so", exit_code=ExitCode.FAILED, tower=tower, method=method["id"], ways=", ".join(ways)
        )
    chosen: dict[Side, bool] = {"language": True, "tower": tower != "frozen", "projector": projector}
    return {side for side, learns in chosen.items() if learns}


def targets(model: Any, wanted: Sequence[str], sides: Collection[Side]) -> list[str]:
    """Whole names of the linear layers of these sides: PEFT's `all-linear` would adapt the tower whatever was chosen.

    `wanted`: `all-linear`, or last parts of names. PEFT shortens the list to what tells them from the others.
    """
    from torch.nn import Linear

    named = ((name, name.rpartition(".")[2]) for name, module in model.named_modules() if isinstance(module, Linear))
    every = list(wanted) == ["all-linear"]
    return [name for name, last in named if last not in HEADS and side_of(name) in sides and (every or last in wanted)]


def freeze(model: Any, sides: Collection[Side]) -> None:
    """All but these sides."""
    for name, weight in model.named_parameters():
        weight.requires_grad_(side_of(name) in sides)
