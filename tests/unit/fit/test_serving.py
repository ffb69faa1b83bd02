"""Inference: what the weights and the key-value cache take, against sums done by hand from each model's own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any

import pytest

from tests.unit.catalog.published import published
from wizard.contract import Catalog
from wizard.fit import Peak, Serving
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory import engine
from wizard.fit.memory.law import peak_of
from wizard.fit.offering.flops import token_seconds

CONFIGS = {name: entry.config for entry in published() for name in entry.models}
# (layers that cache all, layers that cache a window, its tokens, bytes of one layer's keys and values for one token)
CACHES = {
    "llama-2-13b": (40, 0, 0, 2 * 40 * 128 * 2),  # every head its own
    "llama-3.1-8b": (32, 0, 0, 2 * 8 * 128 * 2),  # four heads share
    "qwen2.5-0.5b": (24, 0, 0, 2 * 2 * 64 * 2),
    "qwen3-30b-a3b": (48, 0, 0, 2 * 4 * 128 * 2),  # experts cache nothing
    "gemma-2-9b": (21, 21, 4096, 2 * 8 * 256 * 2),
    "gemma-3-1b": (4, 22, 512, 2 * 1 * 256 * 2),
    "gpt-oss-20b": (12, 12, 128, 2 * 8 * 64 * 2),
    "deepseek-v2-lite": (27, 0, 0, (512 + 64) * 2),  # one narrow middle for keys and values, and the turned key
    "qwen3-next-80b-a3b": (12, 0, 0, 2 * 2 * 256 * 2),  # the other 36 layers have a state that does not grow
}
LLAMA_8B = 8_030_261_248
ENDS_AND_NORMS = 2 * 128256 * 4096 + 65 * 4096  # what is never quantised


def served(model: str, **case: Any) -> Peak:
    return peak_of(step_of_case({"config": CONFIGS[model], "task": "infer", **case}))


def terms(peak: Peak) -> Mapping[str, int]:
    return {term.label: term.bytes for term in peak.terms}


@pytest.mark.parametrize("model", CACHES)
@pytest.mark.parametrize("length", [100, 4096])
def test_the_cache_at_a_length_is_what_each_layer_remembers_of_it(model: str, length: int) -> None:
    far, near, window, each = CACHES[model]
    by_hand = each * (far * length + near * min(length, window))
    assert terms(served(model, seq_len=length))["cache"] == by_hand


def test_a_layer_s_window_bounds_what_it_caches() -> None:
    config = {**CONFIGS["mistral-7b"], "sliding_window": 4096}
    short, long = (peak_of(step_of_case({"config": config, "task": "infer", "seq_len": n})) for n in (4096, 32768))
    assert terms(short)["cache"] == terms(long)["cache"] == 32 * 4096 * 2 * 8 * 128 * 2


def test_sequences_at_the_same_time_have_caches_of_their_own() -> None:
    one, many = (terms(served("llama-3.1-8b", seq_len=2048, micro_batch=count)) for count in (1, 16))
    assert many["cache"] == 16 * one["cache"] == 16 * 2048 * 131_072
    assert many["weights"] == one["weights"]


@pytest.mark.parametrize(
    ("case", "weights"),
    [
        ({}, 2 * LLAMA_8B),
        ({"weights_dtype": "fp16"}, 2 * LLAMA_8B),
        ({"weights_dtype": "fp32"}, 4 * LLAMA_8B),
        ({"method": "nf4"}, (LLAMA_8B - ENDS_AND_NORMS) * (0.5 + 4 / 64) + 2 * ENDS_AND_NORMS),
        ({"method": "nf4-dq"}, (LLAMA_8B - ENDS_AND_NORMS) * (0.5 + 1 / 64 + 4 / 64 / 256) + 2 * ENDS_AND_NORMS),
        ({"method": "gptq"}, (LLAMA_8B - ENDS_AND_NORMS) * (0.5 + 2.5 / 128) + 2 * ENDS_AND_NORMS),
        ({"method": "int8"}, (LLAMA_8B - ENDS_AND_NORMS) * (1 + 4 / 4096) + 2 * ENDS_AND_NORMS),
        ({"method": "fp8"}, (LLAMA_8B - ENDS_AND_NORMS) + 2 * ENDS_AND_NORMS),
    ],
    ids=str,
)
def test_weights_take_their_numbers_and_a_quantised_base_keeps_its_ends_whole(
    case: dict[str, Any], weights: float
) -> None:
    assert terms(served("llama-3.1-8b", seq_len=4096, **case))["weights"] == int(weights)


def test_nothing_is_trained_when_a_model_is_served() -> None:
    assert not {"adapter", "gradients", "optimizer", "checkpoints", "loss"} & set(terms(served("qwen3-8b")))


GIB = 1024**3
RTX_4090 = 25_757_220_864
CONTEXT = int(0.6 * GIB)


def on_vllm(total: int, free: int, card: str = "", **case: Any) -> Serving:
    config = CONFIGS[case.pop("model", "llama-3.1-8b")]
    return engine.served(step_of_case({"config": config, "task": "infer", **case}), total, free, card)


def test_vllm_asks_for_its_usual_share_and_no_more_than_is_free() -> None:
    assert on_vllm(RTX_4090, RTX_4090).share == 0.92
    busy = on_vllm(RTX_4090, 18 * GIB)
    assert busy.share * RTX_4090 <= 18 * GIB - CONTEXT < (busy.share + 0.001) * RTX_4090


def test_what_weights_batch_and_graphs_leave_of_the_share_is_cache() -> None:
    found = on_vllm(RTX_4090, RTX_4090, seq_len=4096)
    batch = 256 * 128256 * 14  # answers, words: drawing takes more than 2,048 tokens that are read
    used = 2 * LLAMA_8B + batch + GIB // 2
    assert [(term.label, term.bytes) for term in found.terms[:3]] == [
        ("weights", 2 * LLAMA_8B),
        ("batch", batch),
        ("graphs", GIB // 2),
    ]
    assert found.cache_bytes == found.terms[3].bytes == int(0.92 * RTX_4090) - used
    assert found.tokens == found.cache_bytes // 131_072  # bytes of a token in 32 layers
    assert found.sequences == round(found.tokens / 4096, 1)
    assert found.needed_bytes == CONTEXT + used + 4096 * 131_072


def test_more_conversations_need_more_and_leave_the_share_s_cache_as_it_is() -> None:
    one, many = (on_vllm(RTX_4090, RTX_4090, seq_len=4096, micro_batch=count) for count in (1, 8))
    assert many.needed_bytes == one.needed_bytes + 7 * 4096 * 131_072
    assert many.cache_bytes == one.cache_bytes


def test_a_window_makes_room_for_more() -> None:
    near = on_vllm(RTX_4090, RTX_4090, model="gemma-2-9b", seq_len=8192)
    each = 2 * 8 * 256 * 2 * 21
    assert near.sequences == pytest.approx(near.cache_bytes / (each * (8192 + 4096)), abs=0.1)


def test_where_nothing_is_left_no_token_has_room() -> None:
    found = on_vllm(16 * GIB, 16 * GIB)
    assert (found.cache_bytes, found.tokens, found.sequences) == (0, 0, 0)
    assert found.needed_bytes > 16 * GIB


@pytest.mark.parametrize(
    ("gib", "name", "answers"), [(24, "RTX 4090", 256), (80, "A100", 256), (80, "H100", 1024), (180, "B200", 1024)]
)
def test_larger_cards_answer_more_at_a_time_but_for_the_a100(gib: int, name: str, answers: int) -> None:
    found = on_vllm(gib * GIB, gib * GIB, f"NVIDIA {name}", model="qwen2.5-0.5b")
    assert terms_of(found)["batch"] >= answers * 151936 * 14
    assert (terms_of(found)["batch"] > 256 * 151936 * 14 * 2) == (answers == 1024)


def test_what_vllm_logged_on_an_h100_is_met_but_for_how_it_draws() -> None:
    """llm-d-benchmark's logs of Llama-3.1-8B: 79.18 GiB, 0.9 of it; weights 14.99, a peak of 4.76 when it still sorted
    all logits of 1,024 answers, 51.38 for the cache."""
    found = on_vllm(int(79.18 * GIB), int(79.18 * GIB), "H100", seq_len=16000)
    parts = terms_of(found)
    assert parts["weights"] / GIB == pytest.approx(14.99, rel=0.005)
    cache = 0.9 * 79.18 - (parts["weights"] + parts["graphs"]) / GIB - 4.76
    assert cache == pytest.approx(51.38, rel=0.01)


def terms_of(found: Serving) -> Mapping[str, int]:
    return {term.label: term.bytes for term in found.terms}


def test_a_next_token_reads_the_weights_and_the_cache_once(catalog: Catalog) -> None:
    board = catalog.boards["rtx-4090"]
    step = step_of_case({"config": CONFIGS["llama-3.1-8b"], "task": "infer", "seq_len": 4096, "micro_batch": 2})
    read = 2 * (LLAMA_8B - 128256 * 4096 - 65 * 4096) + 2 * 4096 * 131_072  # no embedding: one row of it is looked up
    assert token_seconds(step, board) == pytest.approx(read / board.bandwidth_bytes_per_second)
    assert token_seconds(step, None) == 0


def test_what_a_prompt_needs_beside_weights_and_cache_is_little(catalog: Catalog) -> None:
    """Of the catalogue's models, at the length that a chat has."""
    beside = []
    for model in catalog.models.values():
        length = min(2048, model.max_len)
        peak = served(model.id, seq_len=length, attention="flash")
        beside.append(peak.peak_bytes / (2 * model.params + terms(peak)["cache"]) - 1)
    assert 0 < median(beside) <= 0.03


@pytest.mark.parametrize("cards", [2, 4])
def test_on_several_cards_whole_layers_are_dealt_out_and_one_end_stays_whole(cards: int) -> None:
    one, fullest = (terms(served("llama-2-13b", seq_len=4096, n_gpus=number)) for number in (1, cards))
    end = 32000 * 5120 * 2
    assert fullest["weights"] == pytest.approx((one["weights"] - 2 * end) / cards + end, rel=1e-6)
    assert fullest["cache"] == one["cache"] // cards
