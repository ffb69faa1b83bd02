"""Run in the simulation's environment: what PEFT's own layers add to a model without storage, by its own count.

Reads one order a line, as the simulation takes them; writes {"trained", "frozen"} for each.
"""

import json
import os
import sys
import warnings

FROZEN = ("vera_A", "vera_B", "boft_P")


def counted(order):
    from wizard.stages.simulation.models import build
    from wizard.stages.simulation.stand_ins import tensors_without_storage

    with tensors_without_storage() as ledger:
        model, _ = build(order, ledger)
        trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
        held = {
            id(value): value.numel() for name, value in model.named_buffers() if any(each in name for each in FROZEN)
        }
    return {"trained": trained, "frozen": sum(held.values())}


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    warnings.filterwarnings("ignore")
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(counted(json.loads(line))), file=out, flush=True)


main()
