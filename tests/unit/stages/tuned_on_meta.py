"""Run in the training environment: what PEFT's own layers add to a model on the meta device, by its own count.

Reads one order a line, as the simulation takes them; writes {"trained", "frozen"} for each.
"""

import json
import os
import sys
import warnings


def counted(order):
    import torch
    from peft import get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    from wizard.stages.simulation.adapters import config_of

    with torch.device("meta"), no_init_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**order["config"]))
        before = sum(value.numel() for value in model.parameters())
        model = get_peft_model(model, config_of(order, model))
    held = {id(value): value for name, value in model.named_buffers() if "vera" in name or "boft_P" in name}
    whole = sum(value.numel() for value in model.parameters())
    return {"trained": whole - before, "frozen": sum(value.numel() for value in held.values())}


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "critical"
    warnings.filterwarnings("ignore")
    from unittest.mock import patch

    import torch
    from peft.tuners.boft.layer import BOFTLayer

    out, sys.stdout = sys.stdout, sys.stderr
    with patch.object(BOFTLayer, "perm2mat", lambda self, indices: torch.zeros(len(indices), len(indices))):
        for line in sys.stdin:
            print(json.dumps(counted(json.loads(line))), file=out, flush=True)


main()
