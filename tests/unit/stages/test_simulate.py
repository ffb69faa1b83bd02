"""The real stage, in the environment that the product builds for it: one process answers all orders of this file."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tests.unit.fit import simulated
from tests.unit.stages.programs import environment
from wizard.fit.asking.cases import step_of_case
from wizard.fit.asking.orders import order_of
from wizard.fit.memory.law import peak_of
from wizard.fit.memory.step import Step
from wizard.stages import simulate

KEPT = {  # of the peaks in tests/data/simulated: each base, both ways to train, three optimizers, both ways of the loss
    ("smollm2-135m", "full-8bit"),
    ("smollm2-135m", "lora-qv-nockpt-fused"),
    ("qwen3-0.6b", "full-sgd-inbwd"),
    ("llama-3.2-1b", "full-fp32-mixed"),
    ("llama-3.2-1b", "int8"),
    ("llama-3.2-1b", "ours"),
    ("llama-3.2-1b", "qlora"),
    ("gemma-2b", "full-foreach"),
}
SMALL = {
    "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 2,
    "intermediate_size": 1536, "vocab_size": 8192, "tie_word_embeddings": False, "max_position_embeddings": 4096,
}  # fmt: skip
EXPERTS = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 256}
LATENT = {
    "num_key_value_heads": 8, "q_lora_rank": 128, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16,
    "v_head_dim": 32, "n_routed_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 256,
    "n_shared_experts": 1, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {  # whose layers differ from those of the models that are kept
    "cohere": {},
    "deepseek_v3": LATENT,
    "exaone4": {},
    "granite": {},
    "mixtral": {"num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": None},
    "qwen3_moe": {**EXPERTS, "head_dim": 64},
    "stablelm": {},
    "starcoder2": {},
}
WIDE = {"hidden_size": 65536, "num_hidden_layers": 2, "num_attention_heads": 512, "intermediate_size": 262144}
CASES: dict[str, dict[str, Any]] = {
    **{f"{kind} adapted": {"config": {**SMALL, "model_type": kind, **more}} for kind, more in KINDS.items()},
    "larger than any RAM": {"config": {**SMALL, "model_type": "llama", **WIDE, "num_key_value_heads": 512}},
    "before all of them": {},
    "unknown kind": {"config": {**SMALL, "model_type": "llama-of-tomorrow"}},
    "impossible numbers": {"config": {**SMALL, "model_type": "llama", "head_dim": 63}},
    "fp8": {"method": "qlora-fp8"},
    "muon": {"method": "full", "optimizer": "muon"},
    "dpo": {"task": "dpo"},
    "two cards": {"n_gpus": 2},
    "compiled": {"compile": True},
    "offloaded": {"zero_stage": 3, "cpu_offload": True},
    "flash": {"attention": "flash"},
    "full": {"method": "full"},
    "full, accumulated": {"method": "full", "accumulate": 8},
    "full, beside a server": {"method": "full", "colocated_bytes": 3 * 2**30},
    "lisa": {"method": "full", "optimizer": "lisa"},
    "lisa, no checkpoints": {"method": "full", "optimizer": "lisa", "grad_ckpt": False},
    "fp16 mixed": {"method": "full", "weights_dtype": "fp16", "mixed_precision": "fp16"},
    "after all of them": {},
}


def order(case: Mapping[str, Any]) -> dict[str, Any]:
    whole = {"config": {**SMALL, "model_type": "llama"}, "micro_batch": 2, "seq_len": 1024, **case}
    return order_of(step_of_case(whole), whole["config"])


def kept(model: str, setting: str) -> dict[str, Any]:
    return order_of(simulated.step(model, setting), simulated.models()[model])


@pytest.fixture(scope="module")
def answers(simulation_python: Path, lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Any, Any]:
    orders = {pair: kept(*pair) for pair in sorted(KEPT)} | {name: order(case) for name, case in CASES.items()}
    done = subprocess.run(
        [str(simulation_python), "-m", "wizard.stages.simulate"],
        input="".join(json.dumps(each) + "\n" for each in orders.values()),
        env=environment(lib, HF_HUB_OFFLINE="1"),
        cwd=tmp_path_factory.mktemp("simulate"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(zip(orders, map(json.loads, done.stdout.splitlines()), strict=True))


def test_what_is_kept_is_what_is_simulated_today(answers: Mapping[Any, Any]) -> None:
    then = {(seen.model, seen.setting): (seen.peak_bytes, seen.moment) for seen in simulated.peaks()}
    now = {pair: (answers[pair]["peak_bytes"], answers[pair]["moment"]) for pair in KEPT}
    assert now == {pair: then[pair] for pair in KEPT}


def test_the_parts_of_a_peak_are_named_and_sum_to_it(answers: Mapping[Any, Any]) -> None:
    for pair in KEPT:
        labels = answers[pair]["labels"]
        assert sum(labels.values()) == answers[pair]["peak_bytes"]
        assert labels["other"] < 2**20, pair


@pytest.mark.parametrize("kind", KINDS)
def test_the_law_says_the_same_of_layers_of_another_kind(answers: Mapping[Any, Any], kind: str) -> None:
    case = {"micro_batch": 2, "seq_len": 1024, **CASES[f"{kind} adapted"]}
    step, found = step_of_case(case), answers[f"{kind} adapted"]
    assert found["params"] == step.params
    assert peak_of(step).peak_bytes == pytest.approx(found["peak_bytes"], rel=0.03)


def test_no_weight_is_read_or_made(answers: Mapping[Any, Any]) -> None:
    found = answers["larger than any RAM"]
    assert found["params"] > 100e9
    assert found["peak_bytes"] > 2 * found["params"]


@pytest.mark.parametrize("name", ["unknown kind", "impossible numbers"])
def test_what_cannot_be_built_is_told(answers: Mapping[Any, Any], name: str) -> None:
    assert answers[name]["code"] == "simulation-failed"
    assert answers[name]["detail"]


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("fp8", "a base in fp8"),
        ("muon", "the optimizer muon"),
        ("dpo", "the task dpo"),
        ("two cards", "several cards"),
        ("compiled", "torch.compile"),
        ("offloaded", "ZeRO"),
        ("flash", "attention by flash-attn (sdpa)"),
    ],
)
def test_what_it_cannot_show_it_does_not_guess(answers: Mapping[Any, Any], name: str, lacking: str) -> None:
    assert answers[name] == {"code": "simulation-cannot", "detail": lacking}


def test_every_setting_of_a_step_is_run_or_told_to_make_no_difference() -> None:
    """Else the law would be overwritten by the number of another case."""
    folder = Path(simulate.__file__).parent
    files = [folder / "simulate.py", *(folder / "simulation").glob("*.py")]
    read = {name for file in files for name in settings_read(file)}
    told = {field.name for field in fields(Step)} - {"architecture"} | {"config"}
    assert read | set(simulate.NEUTRAL) == told
    assert not read & set(simulate.NEUTRAL)


def settings_read(file: Path) -> list[str]:
    """Constants that an `order` is subscripted with."""
    looks = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Subscript)]
    orders = [look for look in looks if isinstance(look.value, ast.Name) and look.value.id == "order"]
    return [look.slice.value for look in orders if isinstance(look.slice, ast.Constant)]


@pytest.mark.parametrize("changed", [{"cpu": True}, {"zero": 1}, {"offload": True}, {"images": 1}, {"cards": 2}])
def test_what_only_the_law_knows_is_refused_before_anything_is_loaded(changed: dict[str, Any]) -> None:
    assert simulate.lacks(order({})) == ""
    assert simulate.lacks({**order({}), **changed})


@pytest.mark.parametrize("name", ["full, accumulated", "fp16 mixed", "lisa", "lisa, no checkpoints"])
def test_the_law_says_the_same_of_other_settings(answers: Mapping[Any, Any], name: str) -> None:
    step = step_of_case({"config": {**SMALL, "model_type": "llama"}, "micro_batch": 2, "seq_len": 1024, **CASES[name]})
    assert peak_of(step).peak_bytes == pytest.approx(answers[name]["peak_bytes"], rel=0.03)


def test_gradients_of_earlier_micro_batches_are_there(answers: Mapping[Any, Any]) -> None:
    assert answers["full, accumulated"]["peak_bytes"] > answers["full"]["peak_bytes"]


def test_a_server_on_the_same_card_is_added(answers: Mapping[Any, Any]) -> None:
    alone, beside = answers["full"], answers["full, beside a server"]
    assert beside["peak_bytes"] == alone["peak_bytes"] + 3 * 2**30
    assert beside["labels"]["colocated"] == 3 * 2**30


def test_an_order_that_failed_leaves_nothing_behind_for_the_next(answers: Mapping[Any, Any]) -> None:
    before, after = (answers[name] for name in ("before all of them", "after all of them"))
    assert {**after, "seconds": 0} == {**before, "seconds": 0}
