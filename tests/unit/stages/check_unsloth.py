"""Run by the forge: our train stage with a stand-in for Unsloth, which needs a card: `check_unsloth.py STAGE_FOLDER`.

The stand-in takes the arguments of the real one, as its wheel spells them, and does by transformers and PEFT what
Unsloth does by kernels of its own.
"""

import json
import runpy
import sys
import types
from pathlib import Path

SIGNATURES = json.loads(Path(__file__).with_name("unsloth.json").read_text())
SEEN = {}


def known(name, told):
    assert set(told) <= set(SIGNATURES[name]), set(told) - set(SIGNATURES[name])
    SEEN[name] = {key: str(value) for key, value in told.items()}


class FastLanguageModel:
    @staticmethod
    def from_pretrained(**told):
        from transformers import AutoModelForCausalLM

        known("from_pretrained", told)
        return AutoModelForCausalLM.from_pretrained(told["model_name"], dtype=told["dtype"]), None

    @staticmethod
    def get_peft_model(model, **told):
        from peft import LoraConfig, get_peft_model

        known("get_peft_model", told)
        sizes = {name: told[name] for name in ("r", "lora_alpha", "target_modules")}
        return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **sizes))


sys.modules["unsloth"] = types.ModuleType("unsloth")
sys.modules["unsloth"].FastLanguageModel = FastLanguageModel
runpy.run_module("wizard.stages.train", run_name="__main__", alter_sys=False)
Path("told.json").write_text(json.dumps(SEEN))
