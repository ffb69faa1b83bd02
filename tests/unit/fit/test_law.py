from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fit.test_offers import ROOMY
from wizard.catalog import builtin, load
from wizard.contract import Knobs
from wizard.detect import pretend
from wizard.fit import judge
from wizard.fit.memory.law import LOOSE_LOGITS, Peak, peak_of
from wizard.fit.memory.offloading import in_ram
from wizard.fit.memory.step import digest_of
from wizard.fit.offering.recipe_step import Case, step_of
from wizard.fit.reading.shape import adapter_params

CATALOG = load([builtin()])


def case(model: str = "qwen3-8b", method: str = "lora", device: str = "cuda", **knobs: Any) -> Case:
    given_knobs = replace(Knobs(seq_len=2048, micro_batch=2, fused_loss=True), **knobs)
    size = 2 if device == "cuda" else 4
    return Case(
        model=CATALOG.models[model],
        method=CATALOG.methods[method],
        knobs=given_knobs,
        device=device,
        compute_bytes=size,
    )


def peak(given: Case) -> Peak:
    return peak_of(step_of(given))


def card_bytes(**given_case: Any) -> int:
    return peak(case(**given_case)).card_bytes


@given(
    st.sampled_from(sorted(CATALOG.models)), st.sampled_from(["lora", "qlora", "dora"]), st.booleans(), st.booleans()
)
def test_the_terms_of_the_peak_sum_to_what_the_card_must_hold(model: str, method: str, ckpt: bool, fused: bool) -> None:
    found = peak(case(model, method, grad_ckpt=ckpt, fused_loss=fused))
    assert sum(term.bytes for term in found.terms) == found.card_bytes
    assert found.peak_bytes < found.reserved_bytes < found.card_bytes < found.safe_bytes


@given(
    st.sampled_from(sorted(CATALOG.models)),
    st.sampled_from(["lora", "qlora", "dora"]),
    st.integers(64, 8192),
    st.integers(1, 16),
    st.sampled_from(["cpu", "cuda"]),
)
def test_more_tokens_never_need_less(model: str, method: str, length: int, batch: int, device: str) -> None:
    here = card_bytes(model=model, method=method, device=device, seq_len=length, micro_batch=batch)
    longer = card_bytes(model=model, method=method, device=device, seq_len=length + 64, micro_batch=batch)
    wider = card_bytes(model=model, method=method, device=device, seq_len=length, micro_batch=batch + 1)
    assert here <= longer
    assert here <= wider


@pytest.mark.parametrize("model", ["qwen3-0.6b", "qwen3-8b", "llama-3.1-70b"])
def test_four_bits_need_less_than_sixteen_and_dora_more_than_lora(model: str) -> None:
    lora, qlora, dora = (card_bytes(model=model, method=name) for name in ("lora", "qlora", "dora"))
    assert qlora < lora < dora


def test_a_whole_loss_over_a_large_vocabulary_is_what_a_small_model_peaks_in() -> None:
    found = peak(case("qwen3-0.6b", fused_loss=False))
    sizes = {term.label: term.bytes for term in found.terms}
    assert found.moment == "loss"
    assert sizes["loss"] == 12 * 2 * 2048 * 151936
    assert sizes["loss"] > sum(size for label, size in sizes.items() if label not in ("loss", "fragmentation"))


def test_whole_logits_of_many_lengths_leave_blocks_that_serve_no_longer_row() -> None:
    whole, fused = (peak(case("qwen3-0.6b", fused_loss=flag)) for flag in (False, True))
    logits = 12 * 2 * 2048 * 151936
    assert whole.reserved_bytes - whole.peak_bytes > LOOSE_LOGITS * logits
    assert fused.reserved_bytes - fused.peak_bytes < 0.1 * logits


def test_what_is_loose_at_the_loss_serves_a_step_that_is_the_peak() -> None:
    given_step = step_of(case("qwen3-8b", fused_loss=False, seq_len=128, micro_batch=1))
    found = peak_of(replace(given_step, trains_all=True, foreach=True))
    assert found.moment == "step"
    assert found.reserved_bytes < 1.02 * found.peak_bytes


def test_a_fused_loss_lifts_that_peak() -> None:
    assert card_bytes(model="qwen3-0.6b", fused_loss=True) < 0.5 * card_bytes(model="qwen3-0.6b", fused_loss=False)


def test_recomputing_activations_saves_memory() -> None:
    assert card_bytes(grad_ckpt=True) < 0.7 * card_bytes(grad_ckpt=False)


def test_the_adapter_grows_with_its_rank_and_its_targets() -> None:
    shape = CATALOG.models["qwen3-8b"].architecture
    assert adapter_params(shape, ("all-linear",), 16, dora=False) == 43_646_976
    assert adapter_params(shape, ("q", "v"), 16, dora=False) < adapter_params(shape, ("q", "v", "mlp"), 16, dora=False)
    assert card_bytes(rank=8) < card_bytes(rank=64)


def test_the_unfused_adamw_holds_one_more_copy_in_its_step() -> None:
    few = {"seq_len": 8, "micro_batch": 1, "rank": 256}
    plain, fused = (peak(case("smollm2-135m", optimizer=name, **few)) for name in ("adamw_torch", "adamw_torch_fused"))
    assert plain.peak_bytes > fused.peak_bytes
    assert plain.moment == "step"


def test_a_cpu_holds_whole_numbers_and_no_cuda_context() -> None:
    found = {term.label: term.bytes for term in peak(case("smollm2-135m", device="cpu")).terms}
    assert found["weights"] == 134_515_008 * 4
    assert "context" not in found
    assert "program" in found


def test_every_formula_names_its_factors() -> None:
    for term in peak(case("qwen3-8b", "dora", grad_ckpt=False, fused_loss=False)).terms:
        assert any(sign.isdigit() for sign in term.formula)


def test_dropout_keeps_a_byte_for_each_number_that_goes_into_an_adapter() -> None:
    plain = step_of(case("llama-3.1-8b", grad_ckpt=False, seq_len=64, micro_batch=1))
    a = plain.architecture
    inputs = 5 * a.hidden + a.heads * a.head_dim + a.intermediate
    more = peak_of(replace(plain, lora_dropout=0.05)).peak_bytes - peak_of(plain).peak_bytes
    assert more == pytest.approx(inputs * a.layers * 64, rel=0.02)


def test_a_setting_that_came_later_and_is_off_leaves_a_step_the_same() -> None:
    step = step_of(case())
    assert digest_of(step) == digest_of(replace(step, lora_dropout=0.0)) != digest_of(replace(step, lora_dropout=0.1))


def test_offloaded_activations_leave_two_inputs_of_layers_on_the_card_and_all_of_them_in_ram() -> None:
    here, moved = (step_of(case(offload_activations=asked)) for asked in (False, True))
    layers, each = here.architecture.layers, here.tokens * here.architecture.hidden * 2
    kept, left = ({term.label: term.bytes for term in peak_of(step).terms}["checkpoints"] for step in (here, moved))
    assert kept == layers * each
    assert left == 2 * each, "the layer's own, and of the one before"
    assert peak_of(here).peak_bytes - peak_of(moved).peak_bytes == (layers - 2) * each
    assert in_ram(here) == 0
    assert in_ram(moved) == layers * each, "which is a power of two here"
    longer = replace(moved, seq_len=2049)
    assert in_ram(longer) == 2 * in_ram(moved)


def test_without_checkpointing_offloaded_activations_are_fewer_than_a_layer_keeps() -> None:
    here, moved = (step_of(case(grad_ckpt=False, offload_activations=asked)) for asked in (False, True))
    assert peak_of(moved).peak_bytes < 0.4 * peak_of(here).peak_bytes
    assert in_ram(moved) > peak_of(here).peak_bytes - peak_of(moved).peak_bytes


@pytest.mark.parametrize(("device", "board"), [("cpu", ""), ("cuda", "gb10")])
def test_where_there_is_no_memory_apart_offloading_moves_nothing(device: str, board: str) -> None:
    given = replace(case(device=device, offload_activations=True), board=CATALOG.boards.get(board))
    step = step_of(given)
    assert not step.offload_activations
    assert in_ram(step) == 0


def test_a_long_row_has_its_activations_in_ram_before_it_is_cut() -> None:
    found = judge(pretend("l40sx2", CATALOG.boards, ROOMY), CATALOG, "sft-long", "qwen2.5-32b")
    assert found.status == "tight"
    assert found.gave_up == ({"offload_activations": True},)
