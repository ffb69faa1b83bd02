"""Whatever a config holds: what is no number, what contradicts itself, what is passed over and what is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.catalog.published import published
from tests.unit.fit.test_cases import CONFIG, SEEING, assert_told, refused, step
from wizard import words
from wizard.contract import Problem
from wizard.fit import answer
from wizard.fit.asking.cases import KEYS
from wizard.fit.reading import details

NAN, INF, HUGE = float("nan"), float("inf"), 10**400
MOE = {**CONFIG, "model_type": "qwen3_moe", "num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 64}
ERNIE = {**MOE, "model_type": "ernie4_5_moe", "moe_num_experts": 8, "moe_k": 2}


def seeing(**numbers: Any) -> dict[str, Any]:
    return {"vision_config": {"model_type": "clip_vision_model", **numbers}}


@pytest.mark.parametrize(
    "odd",
    [
        {"num_attention_heads": 32, "num_key_value_heads": 5},
        {"num_experts": 4, "num_experts_per_tok": 8, "moe_intermediate_size": 64},
        {"hidden_size": 10**11},
    ],
    ids=str,
)
def test_numbers_that_contradict_one_another_are_told(odd: dict[str, Any]) -> None:
    assert_told(refused({"config": {**CONFIG, **odd}}), "config-odd")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("hidden_size", "64"), ("hidden_size", -64), ("hidden_size", 0), ("hidden_size", NAN), ("hidden_size", INF),
        ("hidden_size", 1e169), ("hidden_size", True), ("num_hidden_layers", 2.5), ("num_hidden_layers", HUGE),
        ("num_hidden_layers", 10_001), ("num_key_value_heads", [[1]]), ("intermediate_size", {}),
        ("num_experts", 10**6), ("sliding_window", "x"),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
def test_a_number_that_is_none_is_told_with_its_key(key: str, found: Any) -> None:
    assert_told(refused({"config": {**CONFIG, key: found}}), "config-wrong-number", key)


@pytest.mark.parametrize(
    ("key", "found"), [("num_hidden_layers", -7), ("hidden_size", 1e80), ("num_attention_heads", HUGE)], ids=str
)
def test_so_is_one_of_a_tower(key: str, found: Any) -> None:
    assert_told(refused({"config": {**SEEING, **seeing(**{key: found})}, "images": 1}), "config-wrong-number", key)


@pytest.mark.parametrize(
    "odd", ["siglip", [1], {"model_type": "of-tomorrow"}, {"hidden_size": 8}, {"depth": -1}], ids=str
)
def test_a_tower_that_cannot_be_read_is_told_and_not_passed_over(odd: Any) -> None:
    assert_told(refused({"config": {**CONFIG, "vision_config": odd}}), "config-unread-tower", "vision_config")


@pytest.mark.parametrize("layers", [10**18, HUGE], ids=["10**18", "10**400"])
@pytest.mark.parametrize("more", [ERNIE, {**MOE, "decoder_sparse_step": 2}, {**MOE, "mlp_only_layers": [1]}])
def test_layers_beyond_number_are_not_counted_one_by_one(more: Mapping[str, Any], layers: int) -> None:
    assert_told(refused({"config": {**more, "num_hidden_layers": layers}}), "config-wrong-number", "num_hidden_layers")


@pytest.mark.parametrize("key", ["layer_types", "mlp_only_layers", "mlp_layer_types"])
def test_a_list_that_is_none_is_told_with_its_key(key: str) -> None:
    assert_told(refused({"config": {**MOE, "sliding_window": 512, key: 7}}), "config-no-list", key)


def test_what_no_check_foresaw_is_told_without_a_word_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details, "norms", lambda at: at["norms"])
    problem = refused({"config": CONFIG})
    assert_told(problem, "config-misshapen")
    assert problem.params == {}


@pytest.mark.parametrize("factor", [NAN, INF, -INF, -2, 0, HUGE, "4", None, [4]], ids=lambda value: str(value)[:6])
@pytest.mark.parametrize("name", ["rope_scaling", "rope_parameters"])
def test_a_scaling_that_is_none_stretches_nothing(name: str, factor: Any) -> None:
    scaled = {**CONFIG, name: {"factor": factor, "original_max_position_embeddings": 8192}}
    assert_told(refused({"config": scaled, "seq_len": 131073}), "case-too-long", "131072")


@pytest.mark.parametrize("longest", [INF, NAN, HUGE, 1e30], ids=lambda value: str(value)[:6])
def test_a_length_beyond_number_is_no_limit(longest: float) -> None:
    assert step(config={**CONFIG, "max_position_embeddings": longest}, seq_len=1_000_000).seq_len == 1_000_000


@pytest.mark.parametrize("kind", ["of-tomorrow", None])
def test_an_unknown_model_type_that_tells_all_its_numbers_is_read_as_llama_and_says_so(kind: str | None) -> None:
    known, unknown = (answer({"config": {**CONFIG, "model_type": name}}, {}) for name in ("llama", kind))
    assert isinstance(known, dict)
    assert unknown == {**known, "read_as": "llama"}


def test_no_model_that_we_know_is_read_as_another() -> None:
    found = [answer({"config": entry.config, "seq_len": 1}, {}) for entry in published()]
    assert [answer for answer in found if not isinstance(answer, dict) or "read_as" in answer] == []


JUNK = st.sampled_from(
    [
        NAN, INF, -INF, -1, 0, 1, 2, 2.5, 1e18, 1e308, HUGE, -HUGE, "", "x", "64", None, True, False, [], [1], ["x"],
        [None], [[1]], {}, {"a": 1}, {"model_type": "llama"}, "full_attention", ["full_attention"] * 99,
        {"factor": NAN, "original_max_position_embeddings": 4}, {"factor": INF}, {"factor": -2}, {"factor": HUGE},
        {"hidden_size": 8, "num_hidden_layers": -1}, {"hidden_size": 64, "depth": 2, "num_heads": HUGE},
        {"quant_method": "gptq", "bits": 4}, {"quant_method": NAN}, {"quant_method": "fp8"}, {"load_in_4bit": True},
    ]
)  # fmt: skip
TOLD = [
    "rope_scaling", "rope_parameters", "sliding_window", "layer_types", "mlp_only_layers", "num_experts",
    "kv_lora_rank", "head_dim", "vision_config", "audio_config", "text_config", "quantization_config",
    "max_window_layers", "first_k_dense_replace", "version", "use_sliding_window", "sliding_window_pattern",
    "full_attention_interval", "linear_num_value_heads", "decoder_sparse_step", "interleave_moe_layer_step",
    "moe_layers", "n_shared_experts", "model_type", "vision_feature_layer", "q_lora_rank", *CONFIG,
]  # fmt: skip
CONFIGS = [entry.config for entry in published()]


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """A real one with a value or three replaced, of its own keys or of a part's, or added."""
    config = deepcopy(dict(draw(st.sampled_from(CONFIGS))))
    for _ in range(draw(st.integers(1, 3))):
        parts = [config, *[part for part in config.values() if isinstance(part, dict) and part]]
        part = draw(st.sampled_from(parts))
        part[draw(st.sampled_from([*part, *TOLD]))] = deepcopy(draw(JUNK))
    return config


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    configs(),
    st.fixed_dictionaries(
        {
            "images": st.sampled_from([0, 1]),
            "task": st.sampled_from(["sft", "dpo", "grpo", "infer"]),
            "seq_len": st.sampled_from([1, 1024]),
        }
    ),
    st.sampled_from(["full", "lora", "dora", "qlora-nf4", "qlora-int8", "qlora-fp8", None]),
    st.dictionaries(st.sampled_from([key for key in KEYS if key != "config"]), JUNK, max_size=2),
)
def test_whatever_a_line_holds_the_answer_is_numbers_or_a_problem(
    config: dict[str, Any], case: dict[str, Any], method: str | None, keys: dict[str, Any]
) -> None:
    found = answer({"config": config, "method": method, **case, **keys}, {})
    if isinstance(found, Problem):
        assert words.known(f"problem.{found.code}.what")
        json.dumps(found.params, allow_nan=False)
    else:
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert 0 < found["peak_bytes"] < found["reserved_bytes"] < found["card_bytes"] < found["safe_bytes"]
        assert min(term["bytes"] for term in found["terms"]) >= 0
