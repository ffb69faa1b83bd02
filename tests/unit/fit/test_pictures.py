"""What a step holds beside the text of its rows: pictures in a tower, answers that are generated, a server."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.catalog.published import published
from wizard.fit import Peak
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.law import peak_of

CONFIGS = {name: entry.config for entry in published() for name in entry.models}
READERS = ("llava-1.5-7b", "qwen2.5-vl-3b", "gemma-3-4b", "smolvlm2-500m")
TOWER = 24 * (4 * (1024 + 1024) + 2 * (1024 + 4096))  # LLaVA's: both sides of all linear layers


def peak(model: str, **case: Any) -> Peak:
    return peak_of(step_of_case({"config": CONFIGS[model], "micro_batch": 1, "seq_len": 512, **case}))


def terms(found: Peak) -> dict[str, int]:
    return {term.label: term.bytes for term in found.terms}


@pytest.mark.parametrize("model", READERS)
@pytest.mark.parametrize("case", [{}, {"method": "full"}, {"method": "qlora-nf4"}, {"task": "infer"}], ids=str)
def test_more_pictures_never_need_less_and_many_decide_the_peak(model: str, case: dict[str, Any]) -> None:
    found = [peak(model, images=images, **case) for images in (0, 1, 2, 8, 256)]
    sizes = [each.peak_bytes for each in found]
    assert sizes == sorted(sizes)
    assert "pictures" not in terms(found[0])
    assert terms(found[-1])["pictures"] > terms(found[-1])["weights"] / 10


def test_a_tower_that_learns_nothing_keeps_nothing() -> None:
    frozen, adapted = (
        peak("llava-1.5-7b", images=16, lora_targets=targets) for targets in (["q_proj", "v_proj"], ["all-linear"])
    )
    assert terms(frozen).get("pictures", 0) < terms(adapted)["pictures"]


def test_an_adapter_of_all_linear_layers_stands_beside_those_of_the_tower_too() -> None:
    text = {**CONFIGS["llava-1.5-7b"], "vision_config": {}}
    alone = terms(peak_of(step_of_case({"config": text, "lora_r": 16, "seq_len": 512})))
    added = terms(peak("llava-1.5-7b", lora_r=16))["adapter"] - alone["adapter"]
    assert added == pytest.approx(16 * TOWER * 4, rel=0.15)  # whether a tower's q, k and v are fused is not known


def test_answers_that_are_generated_together_are_cached_together() -> None:
    found = peak("llama-3.2-1b", task="grpo", micro_batch=8, accumulate=8, seq_len=4096)
    assert found.moment == "generate"
    assert terms(found)["cache"] == 8 * 8 * 4096 * 16 * 2 * 8 * 64 * 2


def test_a_server_on_the_same_card_takes_what_it_takes_all_the_time() -> None:
    for task in ("sft", "grpo", "infer"):
        alone, beside = (peak("qwen3-8b", task=task, colocated_bytes=size) for size in (0, 10 * 2**30))
        assert beside.peak_bytes - alone.peak_bytes == 10 * 2**30, task
        assert terms(beside)["colocated"] == 10 * 2**30
