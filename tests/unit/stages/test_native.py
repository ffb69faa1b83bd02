from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.unit.stages.programs import environment
from wizard.contract.native import NATIVE, needs_code

KNOWN = """
import json
from transformers.models.auto import modeling_auto as auto
kinds = ("CAUSAL_LM", "IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM")
print(json.dumps(sorted({name for kind in kinds for name in getattr(auto, f"MODEL_FOR_{kind}_MAPPING_NAMES")})))
"""


def test_the_kinds_that_are_known_are_those_of_transformers(trl_python: Path, lib: Path) -> None:
    told = subprocess.run(
        [str(trl_python), "-c", KNOWN], check=True, env=environment(lib), capture_output=True, text=True
    )
    assert sorted(NATIVE) == json.loads(told.stdout.splitlines()[-1])


def test_only_a_kind_that_is_not_known_needs_its_own_code() -> None:
    code = {"AutoModelForCausalLM": "modeling_x.X"}
    assert needs_code({"model_type": "chatglm", "auto_map": code})
    assert needs_code({"auto_map": code})
    assert not needs_code({"model_type": "phi3", "auto_map": code})  # whose old code is still named beside its weights
    assert not needs_code({"model_type": "llama"})
