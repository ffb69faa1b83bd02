"""A line of `estimate --cases`: what each key means, what it may be called, and what is no case at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wizard import words
from wizard.contract import Catalog, Problem
from wizard.fit import answer, digest_of, step_for
from wizard.fit.asking.cases import KEYS, step_of_case
from wizard.fit.memory.step import Step
from wizard.fit.offering.recipe_step import Case, step_of
from wizard.fit.recording.habits import WITHOUT_FLASH

CONFIG = {
    "model_type": "llama", "hidden_size": 2048, "num_hidden_layers": 16, "num_attention_heads": 32,
    "num_key_value_heads": 8, "head_dim": 64, "intermediate_size": 8192, "vocab_size": 128256,
    "tie_word_embeddings": True, "max_position_embeddings": 131072,
}  # fmt: skip
SEEING = {**CONFIG, "model_type": "llava", "vision_config": {"model_type": "clip_vision_model"}}
SHARED = {"zero_stage": 2, "n_gpus": 2}
NF4 = {"base": "nf4", "adapter_bytes": 2}
CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [  # keys of a case, and all that they change
    ({"task": "dpo"}, {"task": "dpo"}),
    ({"offload_activations": True}, {"offload_activations": True}),
    ({"method": "dora"}, {"dora": True}),
    ({"method": "full"}, {"trains_all": True}),
    ({"method": "qlora-nf4"}, NF4),
    ({"method": "qlora-nf4-dq"}, {**NF4, "base": "nf4-dq"}),
    ({"method": "qlora-int8"}, {**NF4, "base": "int8"}),
    ({"weights_dtype": "fp32"}, {"base": "fp32"}),
    ({"mixed_precision": "no"}, {"mixed": False}),
    ({"optimizer": "paged_adamw_8bit"}, {"optimizer": "paged_adamw_8bit"}),
    ({"optimizer_in_backward": True}, {"in_backward": True}),
    ({"optimizer_impl": "foreach"}, {"foreach": True}),
    ({"lora_r": 64}, {"rank": 64}),
    ({"lora_targets": ["q_proj", "v_proj"]}, {"targets": frozenset({"q_proj", "v_proj"})}),
    ({"micro_batch": 4}, {"micro_batch": 4}),
    ({"seq_len": 4096}, {"seq_len": 4096}),
    ({"accumulate": 8}, {"accumulates": True}),
    ({"grad_ckpt": False}, {"checkpointing": False}),
    ({"attention": "eager"}, {"attention": "eager"}),
    ({"fused_loss": False}, {"fused_loss": False}),
    ({"compile": True}, {"compiled": True}),
    ({"n_gpus": 8}, {"cards": 8}),
    ({"zero_stage": 3, "n_gpus": 8}, {"zero": 3, "cards": 8}),
    ({"zero_stage": 2, "cpu_offload": True}, {"zero": 2, "offload": True}),
    ({"params": 1_500_000_000}, {"params": 1_500_000_000}),
    ({"adapter_dtype": "bf16"}, {"adapter_bytes": 2}),
    ({"lora_dropout": 0.1}, {"lora_dropout": 0.1}),
    ({"method": "qlora-nf4", "kbit_prepare": True}, {**NF4, "kbit_prepare": True}),
    ({"images": 2}, {"images": 2}),
    ({"colocated_bytes": 10**9}, {"colocated_bytes": 10**9}),
    ({"task": "grpo", "accumulate": 8}, {"task": "grpo", "accumulates": True, "rounds": 8}),
]
SPELLINGS: list[tuple[str, Any, Any]] = [
    ("task", "pretrain", "cpt"),
    ("method", " LoRA ", "lora"),
    ("method", "qlora", "qlora-nf4-dq"),
    ("method", "lora-int8", "qlora-int8"),
    ("weights_dtype", "bfloat16", "bf16"),
    ("weights_dtype", "float32", "fp32"),
    ("mixed_precision", None, "no"),
    ("mixed_precision", False, "no"),
    ("mixed_precision", "float16", "fp16"),
    ("optimizer", "adamw_torch_fused", "adamw"),
    ("optimizer", "AdamW-8bit", "adamw_8bit"),
    ("optimizer", "adamw_bnb_8bit", "adamw_8bit"),
    ("optimizer", "paged_adamw_32bit", "paged_adamw"),
    ("attention", "flash_attention_2", "flash"),
    ("attention", "Flash Attention 2", "flash"),
    ("lora_r", 64.0, 64),
    ("lora_targets", "q_proj, v_proj", ["q_proj", "v_proj"]),
    ("lora_targets", ["q", "v"], ["q_proj", "v_proj"]),
    ("lora_targets", ["model.layers.0.self_attn.q_proj"], ["q_proj"]),
    ("lora_targets", "mlp", ["gate_proj", "up_proj", "down_proj"]),
    ("lora_targets", ["all_linear"], "all-linear"),
]
NONSENSE: list[tuple[dict[str, Any], str, str]] = [  # a case, its Problem, and what that has to name
    ({"lora_r": 0}, "case-out-of-range", "lora_r"),
    ({"lora_r": 2049}, "case-out-of-range", "2048"),
    ({"micro_batch": -1}, "case-out-of-range", "micro_batch"),
    ({"seq_len": 0}, "case-out-of-range", "seq_len"),
    ({"seq_len": 131073}, "case-too-long", "131072"),
    ({"n_gpus": 0}, "case-out-of-range", "n_gpus"),
    ({"zero_stage": 4, "n_gpus": 8}, "case-out-of-range", "zero_stage"),
    ({"zero_stage": 3}, "case-zero-on-one-card", "n_gpus"),
    ({"cpu_offload": True}, "case-offload-without-zero", "zero_stage"),
    ({"zero_stage": 3, "n_gpus": 2, "method": "qlora-int8"}, "case-int8-in-shards", "int8"),
    ({"method": "lorra"}, "case-unknown-word", "`lora`"),
    ({"method": 3}, "case-not-word", "method"),
    ({"optimizer": "adamq"}, "case-unknown-word", "adamw"),
    ({"method": "lora", "optimizer": "galore_adamw"}, "case-optimizer-needs-full", "galore_adamw"),
    ({"method": "full", "kbit_prepare": True}, "case-kbit-unquantised", "kbit_prepare"),
    ({"optimizer_in_backward": True, "accumulate": 2}, "case-in-backward-accumulates", "accumulate"),
    ({"optimizer_in_backward": True, "zero_stage": 2, "n_gpus": 8}, "case-in-backward-shared", "zero_stage"),
    ({"task": "infer", "zero_stage": 3}, "case-infer-in-shards", "zero_stage"),
    ({"task": "infer", "cpu_offload": True}, "case-infer-in-shards", "cpu_offload"),
    ({"images": 1}, "case-images-without-tower", "vision_config"),
    ({"params": 1}, "case-params-too-few", "1235814400"),
    ({"params": 1_100_000_000}, "case-params-too-few", "1100000000"),
    ({"weights_dtype": "floot32"}, "case-unknown-word", "`fp32`"),
    ({"weights_dtype": "bfloat1"}, "case-unknown-word", "`bf16`"),
    ({"method": "lora-gptq4"}, "case-unknown-word", "`qlora-int4`"),
    ({**SHARED, "method": "full", "optimizer": "galore_adamw"}, "case-optimizer-in-shards", "galore_adamw"),
    ({**SHARED, "method": "full", "optimizer": "lisa"}, "case-optimizer-in-shards", "lisa"),
    ({"lora_targets": ["q_prj"]}, "case-unknown-word", "q_proj"),
    ({"lora_targets": []}, "case-not-words", "lora_targets"),
    ({"lora_targets": ""}, "case-not-words", "lora_targets"),
    ({"lora_targets": 5}, "case-not-words", "lora_targets"),
    ({"lora_dropout": 1}, "case-not-share", "lora_dropout"),
    ({"seq_len": "long"}, "case-not-whole", "seq_len"),
    ({"seq_len": 1.5}, "case-not-whole", "seq_len"),
    ({"micro_batch": True}, "case-not-whole", "micro_batch"),
    ({"seq_len": 10**400}, "case-out-of-range", "seq_len"),
    ({"n_gpus": float("inf")}, "case-out-of-range", "n_gpus"),
    ({"micro_batch": float("nan")}, "case-not-whole", "micro_batch"),
    ({"grad_ckpt": "yes"}, "case-not-flag", "grad_ckpt"),
    ({"seqlen": 512}, "case-unknown-key", "seq_len"),
    ({"config": None}, "case-lacks-config", "config.json"),
    ({"config": [1]}, "case-config-no-object", "config"),
]


def step(**case: Any) -> Step:
    return step_of_case({"config": SEEING if case.get("images") else CONFIG, **case})


def refused(case: Any) -> Problem:
    found = answer(case, {})
    assert isinstance(found, Problem)
    return found


def assert_told(problem: Problem, code: str, *named: str) -> None:
    """What, why and next in both languages; a "?" stands where a sentence wants what the Problem has not got."""
    assert problem.code == code
    for language in words.LANGUAGES:
        texts = words.problem(problem.code, problem.params, language)
        assert all(text and "?" not in text for text in texts.values()), texts
        assert [word for word in named if word not in " ".join(texts.values())] == []


@pytest.mark.parametrize(("keys", "changed"), CHANGES, ids=lambda value: ",".join(value))
def test_a_key_changes_what_it_names_and_nothing_else(keys: dict[str, Any], changed: dict[str, Any]) -> None:
    assert step(**keys) == replace(step(config=SEEING) if "images" in keys else step(), **changed)


@pytest.mark.parametrize("keys", [keys for keys, _ in CHANGES], ids=",".join)
def test_what_was_simulated_of_one_case_says_nothing_of_a_case_with_another_key(keys: dict[str, Any]) -> None:
    assert digest_of(step(**keys)) != digest_of(step())


def test_the_same_case_of_a_model_by_another_name_on_another_board_is_the_same() -> None:
    named = replace(step().architecture, family="mine")
    assert digest_of(replace(step(), architecture=named, context_bytes=10**9)) == digest_of(step())


def test_there_is_no_key_that_changes_nothing() -> None:
    assert {key for keys, _ in CHANGES for key in keys} == set(KEYS) - {"id", "config"}


@pytest.mark.parametrize("recipe", ["identity-lora", "identity-qlora", "sft-lora", "sft-qlora", "sft-dora"])
def test_a_key_that_is_left_out_means_what_our_own_stage_does(catalog: Catalog, recipe: str) -> None:
    model, found = catalog.models["qwen3-8b"], catalog.recipes[recipe]
    knobs = found.knobs
    ours = step_of(Case(model=model, method=catalog.methods[found.method], knobs=knobs, device="cuda"))
    sizes = {"micro_batch": knobs.micro_batch, "seq_len": knobs.seq_len, "accumulate": knobs.accumulate}
    told = {"method": found.method, "lora_r": knobs.rank, **sizes}
    assert step_for(model.architecture, told, params=model.params) == replace(ours, context_bytes=0)


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"id", "config", "mixed_precision"}))
def test_null_is_left_out(key: str) -> None:
    assert step(**{key: None}) == step()


@pytest.mark.parametrize(("key", "spelt", "meant"), SPELLINGS, ids=str)
def test_a_word_may_be_spelt_as_other_tools_spell_it(key: str, spelt: Any, meant: Any) -> None:
    assert step(**{key: spelt}) == step(**{key: meant})


def test_a_model_s_own_module_names_are_targets_and_so_are_llama_s() -> None:
    phi3 = {**CONFIG, "model_type": "phi3"}
    for name in ("qkv_proj", "q_proj"):
        assert step(config=phi3, lora_targets=[name]).targets == {name}
    assert_told(refused({"config": phi3, "lora_targets": ["c_attn"]}), "case-unknown-word", "qkv_proj")


def test_a_little_less_than_the_config_counts_is_a_rounded_number_and_counts_as_much() -> None:
    assert step(params=1_200_000_000).params == step().params == 1_235_814_400
    assert step(params=1_300_000_000).params == 1_300_000_000


@pytest.mark.parametrize("kind", sorted(WITHOUT_FLASH))
def test_flash_attention_where_a_model_has_none_is_what_it_has(kind: str) -> None:
    config = {**CONFIG, "model_type": kind}
    assert step(config=config, attention="flash") == step(config=config, attention="eager")


def test_torch_s_own_adamw_is_the_one_that_copies() -> None:
    assert step(optimizer="adamw_torch") == step(optimizer="adamw", optimizer_impl="foreach")


def test_a_quantised_base_loaded_in_fp32_is_one_that_was_prepared() -> None:
    assert step(method="qlora-nf4", weights_dtype="fp32").kbit_prepare


def test_somebody_s_own_notes_are_passed_over() -> None:
    assert step(note="from a paper", source=3) == step()


@pytest.mark.parametrize(("case", "code", "named"), NONSENSE, ids=lambda value: str(value)[:50])
def test_nonsense_is_a_problem_that_names_it(case: dict[str, Any], code: str, named: str) -> None:
    assert_told(refused({"config": CONFIG, **case}), code, named)


@pytest.mark.parametrize("case", [None, 5, "text", [], [{"config": CONFIG}]], ids=str)
def test_what_is_no_object_is_a_problem(case: Any) -> None:
    assert_told(refused(case), "case-no-object")


@pytest.mark.parametrize("base", ["nf4", "int8"])
def test_a_quantised_base_is_served_or_trained_beside_and_never_trained_itself(base: str) -> None:
    assert step(task="infer", method=base).base == base
    assert_told(refused({"config": CONFIG, "method": base}), "case-unknown-word", f"qlora-{base}")


def test_where_a_config_stretches_its_positions_the_stretched_length_is_the_limit() -> None:
    scaled = {**CONFIG, "max_position_embeddings": 4096, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}
    assert step(config=scaled, seq_len=16384).seq_len == 16384
    assert_told(refused({"config": scaled, "seq_len": 16385}), "case-too-long", "16384")


def test_a_config_that_tells_no_limit_has_none() -> None:
    endless = {key: value for key, value in CONFIG.items() if key != "max_position_embeddings"}
    assert step(config=endless, seq_len=1_000_000).seq_len == 1_000_000


@pytest.mark.parametrize("kind", ["", "llama-of-tomorrow"])
def test_an_unknown_architecture_is_told_which_numbers_are_missing(kind: str) -> None:
    config = {"hidden_size": 2048, "num_hidden_layers": 16} | ({"model_type": kind} if kind else {})
    problem = refused({"config": config})
    assert_told(problem, "config-lacks-numbers", "num_attention_heads", "vocab_size", "estimate --simulate")
    assert "hidden_size" not in problem.params["missing"]


def test_layers_that_the_formula_does_not_know_send_to_the_simulation() -> None:
    assert_told(refused({"config": {"model_type": "mamba"}}), "config-unread-kind", "mamba", "estimate --simulate")


def test_a_model_with_an_encoder_is_refused() -> None:
    assert_told(refused({"config": {"model_type": "t5", "d_model": 512}}), "config-not-a-decoder", "t5")
