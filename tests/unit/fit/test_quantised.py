"""A checkpoint that is quantised already: its config says in what, and nobody has to say it again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.fit.test_cases import CONFIG, assert_told, refused, step
from wizard.fit import held_in, order_of

BNB = {"quant_method": "bitsandbytes", "load_in_4bit": True}


def packed(told: Any) -> dict[str, Any]:
    return {**CONFIG, "quantization_config": told}


def groups(bits: int, kind: str) -> dict[str, Any]:
    weights = {"num_bits": bits, "type": kind}
    return {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": weights}}}


GPTQ = packed({"quant_method": "gptq", "bits": 4, "group_size": 128})


@pytest.mark.parametrize(
    ("told", "base"),
    [
        ({"quant_method": "gptq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "int8"),
        ({"quant_method": "awq", "bits": 4, "version": "gemm"}, "int4"),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8"),
        (BNB, "nf4"),
        ({**BNB, "bnb_4bit_use_double_quant": True}, "nf4-dq"),
        ({"load_in_8bit": True, "load_in_4bit": False}, "int8"),
        (groups(4, "int"), "int4"),
        (groups(8, "float"), "fp8"),
    ],
    ids=lambda value: str(value)[:50],
)
@pytest.mark.parametrize("asked", [{"task": "infer"}, {"method": "lora"}, {}], ids=str)
def test_the_base_is_what_the_checkpoint_is_held_in(told: Any, base: str, asked: dict[str, Any]) -> None:
    method = base if asked.get("task") == "infer" else f"qlora-{base}"
    assert step(config=packed(told), **asked) == step(**{**asked, "method": method})


@pytest.mark.parametrize("told", [None, {}, {"quant_method": "mxfp4"}], ids=str)
def test_where_there_is_none_or_it_is_undone_the_weights_are_plain(told: Any) -> None:
    assert step(config=packed(told)) == step()


@pytest.mark.parametrize("told", ["gptq", {"quant_method": "of-tomorrow"}, {"quant_method": "gptq"}, groups(2, "int")])
def test_one_that_is_not_known_is_told(told: Any) -> None:
    assert_told(refused({"config": packed(told)}), "config-unread-quantised", "quantization_config")


def test_what_is_quantised_is_not_quantised_once_more_nor_trained_whole() -> None:
    assert_told(refused({"config": GPTQ, "method": "qlora-nf4"}), "case-quantised-otherwise", "int4", "nf4")
    assert_told(refused({"config": GPTQ, "method": "full"}), "case-full-quantised", "int4")
    assert step(config=GPTQ, method="qlora-int4") == step(config=GPTQ)


def test_a_part_of_a_config_may_tell_it() -> None:
    nested = {"model_type": "qwen2_5_vl", "text_config": {**GPTQ, "model_type": "qwen2"}}
    assert held_in(nested) == "int4"


def test_a_simulation_builds_the_model_plain_and_is_told_its_base() -> None:
    order = order_of(step(config=GPTQ), GPTQ)
    assert order["config"] == CONFIG
    assert order["base"] == "int4"
