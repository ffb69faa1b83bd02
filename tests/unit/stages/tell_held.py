"""Each card tells how many numbers it holds of how many: those of the weights, while nothing is gathered."""

import json
import os

from wizard.stages import reporter


def _mine(weights):
    if hasattr(weights, "ds_tensor"):
        return weights.ds_tensor.numel()
    return weights.to_local().numel() if hasattr(weights, "to_local") else weights.numel()


def _tell(self, args, state, control, model=None, **_):
    parts = [(_mine(weights), getattr(weights, "ds_numel", weights.numel())) for weights in model.parameters()]
    told = {"held": sum(mine for mine, _ in parts), "of": sum(whole for _, whole in parts)}
    card = os.environ.get("RANK", "0")
    (self.bench.folder / f"held-{card}.json").write_text(json.dumps(told))


reporter.Reporter.on_train_begin, _begin = (
    lambda self, *given, **named: (_begin(self, *given, **named), _tell(self, *given, **named))[0],
    reporter.Reporter.on_train_begin,
)
