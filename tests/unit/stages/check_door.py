"""Run in the trl environment: the door for scripts, as its text says; `check_door.py MODEL_FOLDER`."""

import json
import sys

import wizard.tuners

EARLY = [name for name in ("torch", "peft", "transformers") if name in sys.modules]
SIZES = {
    "AdaLoraConfig": {"total_step": 10, "init_r": 4},
    "BOFTConfig": {},
    "IA3Config": {"feedforward_modules": ["down_proj"]},
    "LoraConfig": {"r": 4, "use_rslora": True},
    "MissConfig": {"r": 4},
    "OFTConfig": {},
    "VeraConfig": {"r": 4},
}


def main(folder: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    told = {"early": EARLY, "without": sorted(set(wizard.tuners.PEFT) - set(SIZES)), "trained": {}}
    for name, sizes in SIZES.items():
        kind = getattr(wizard.tuners, name)
        config = kind(target_modules=["down_proj"], task_type="CAUSAL_LM", **sizes)
        model = wizard.tuners.prepare_model(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), config)
        told["trained"][name] = model.get_nb_trainable_parameters()[0]
    whole = AutoModelForCausalLM.from_pretrained(folder)
    told["whole"] = wizard.tuners.prepare_model(whole, None) is whole
    try:
        wizard.tuners.NoConfig  # noqa: B018
    except AttributeError as error:
        told["unknown"] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
