"""AdaLoRA while it trains: ranks are taken from layers where they matter little (arXiv:2303.10512).

PEFT does the pruning and keeps what it goes by, two running means for each number, in memory alone: a resumed run would
start them anew. Here they lie among the optimizer's states, which every checkpoint has. And while it runs, a checkpoint
holds whole matrices: what is pruned may come back.
"""

from __future__ import annotations

from typing import Any

WARM, SETTLED = 10, 2  # a tenth of the steps before, half of them behind the pruning: about what the paper takes
SHORTEST = 2  # steps before the ranks are settled: the first has nothing to go by
VALUES = ".lora_E."  # in the names of the singular values
Ranks = dict[str, list[bool]]  # name of a layer's singular values -> which of them are left
MEANS = ("exp_avg_ipt", "exp_avg_unc")  # PEFT's names


def made(model: Any) -> Any:
    """A callback of transformers, for this model's trainer."""
    from transformers import TrainerCallback

    freeze_divisors(model)

    class Pruning(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **told: Any) -> None:
            schedule(model, state.max_steps)
            recall(model, told["optimizer"])
            self.ranks = left(model)

        def on_optimizer_step(self, args: Any, state: Any, control: Any, **told: Any) -> None:
            self.ranks = step(model, state.global_step + 1, self.ranks)
            remember(model, told["optimizer"])

        def on_train_end(self, args: Any, state: Any, control: Any, **told: Any) -> None:
            config_of(model).rank_pattern = left(model)  # what is saved from now on has only the ranks that are left

    return Pruning()


def freeze_divisors(model: Any) -> None:
    """PEFT 0.21 divides by the rank it began with, does not save that, and on a base in 16 bits lets it be trained."""
    for name, number in model.named_parameters():
        if ".ranknum." in name:
            number.requires_grad_(False)


def config_of(model: Any) -> Any:
    return model.peft_config["default"]


def schedule(model: Any, total: int) -> None:
    config = config_of(model)
    config.total_step, config.tinit, config.tfinal = total, total // WARM, total // SETTLED


def step(model: Any, number: int, ranks: Ranks) -> Ranks:
    """`number`: of the step that the optimizer has just taken, from 1. Returns the ranks that are left after it."""
    config = config_of(model)
    if config.total_step - config.tfinal < SHORTEST:
        return ranks
    config.rank_pattern = ranks
    model.base_model.update_and_allocate(number)
    ranks, config.rank_pattern = config.rank_pattern, None
    return ranks


def left(model: Any) -> Ranks:
    """Those whose singular value is not zero: the pruned ones are set to zero behind each step."""
    named = model.base_model.model.named_parameters()
    return {name: (weight != 0).view(-1).tolist() for name, weight in named if VALUES in name}


def remember(model: Any, optimizer: Any) -> None:
    ranks = model.base_model.rankallocator
    for name, weight in model.base_model.model.named_parameters():
        for mean in MEANS:
            if name in ranks.ipt:
                optimizer.state[weight][mean] = getattr(ranks, mean)[name]
            elif weight in optimizer.state:
                optimizer.state[weight].pop(mean, None)


def recall(model: Any, optimizer: Any) -> None:
    ranks = model.base_model.rankallocator
    for name, weight in model.base_model.model.named_parameters():
        for mean in MEANS:
            if mean in optimizer.state.get(weight, {}):
                ranks.ipt[name] = getattr(ranks, mean)[name] = optimizer.state[weight][mean]
