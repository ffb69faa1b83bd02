from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import Choice, Generator, Knobs, Plan, Verdict
from wizard.contract.sharing import contradiction, parts_for, readers_of
from wizard.errors import WizardError
from wizard.journal.frozen import freeze, thaw
from wizard.plan.clusters.job import job_of

Made = tuple[Plan, Mapping[str, str]]
NONSENSE: dict[str, dict[str, Any]] = {
    "shared-twice": {"fsdp": True, "zero_stage": 3, "n_gpus": 2},
    "offload-unshared": {"offload": "optimizer", "n_gpus": 2},
    "offload-all-unshared": {"offload": "all", "zero_stage": 2, "n_gpus": 2},
    "fsdp-on-one-card": {"fsdp": True},
    "sequence-unshared": {"sequence_parallel": 2, "n_gpus": 2},
    "sequence-cards": {"sequence_parallel": 2, "zero_stage": 3, "n_gpus": 3},
    "sequence-packed": {"sequence_parallel": 2, "zero_stage": 3, "n_gpus": 2, "packing": True},
    "sequence-eager": {"sequence_parallel": 2, "zero_stage": 3, "n_gpus": 2, "attention": "eager"},
    "sequence-heads": {"sequence_parallel": 2, "zero_stage": 3, "n_gpus": 2},  # the bundled model has nine
}


@pytest.mark.parametrize("code", NONSENSE)
def test_knobs_that_nothing_can_do_are_refused_as_the_plan_is_made(
    code: str, made: Callable[..., Made], verdict: Verdict, choice: Choice
) -> None:
    with pytest.raises(WizardError) as caught:
        made(verdict=replace(verdict, knobs=replace(Knobs(), **NONSENSE[code])))
    assert caught.value.problem.code == code


def test_a_misspelt_setting_is_refused_as_the_plan_is_made(made: Callable[..., Made], choice: Choice) -> None:
    with pytest.raises(WizardError) as caught:
        made(choice=replace(choice, settings={"loss_type": "nl"}))
    told = caught.value.problem
    assert (told.code, told.params["found"], told.params["nearest"]) == ("setting-misspelt", "nl", "nll")


def test_a_reward_file_that_is_no_python_is_refused_as_the_plan_is_made(
    made: Callable[..., Made], choice: Choice, tmp_path: Path
) -> None:
    file = tmp_path / "reward.py"
    file.write_text("def reward(prompts, completions, **columns):\n    return [0.0 for _ in completions\n")
    with pytest.raises(WizardError) as caught:
        made(choice=replace(choice, settings={"reward_file": str(file)}))
    told = caught.value.problem
    assert (told.code, told.params["line"]) == ("reward-file-syntax", 2)
    made(choice=replace(choice, settings={"reward_file": str(tmp_path / "on-the-cluster.py")}))


@pytest.mark.parametrize(
    ("recipe", "settings", "asked"),
    [
        ("grpo-lora", {"use_vllm": True}, "colocate"),
        ("grpo-lora-vllm", {"vllm_mode": "server"}, "server 1"),
        ("grpo-lora-vllm-server", {"vllm_tensor_parallel_size": 2}, "server 2"),
        ("grpo-lora-vllm-server", {"vllm_mode": "colocate"}, "colocate"),
    ],
)
def test_who_writes_the_answers_is_the_recipe_s_to_say(
    recipe: str, settings: dict[str, Any], asked: str, made: Callable[..., Made], choice: Choice
) -> None:
    with pytest.raises(WizardError) as caught:
        made(choice=replace(choice, recipe=recipe, settings=settings))
    told = caught.value.problem
    assert (told.code, told.params["asked"]) == ("generator-otherwise", asked)


@pytest.mark.parametrize(("zero", "fsdp"), [(3, False), (0, True)])
def test_a_base_in_four_bits_is_not_split_up(zero: int, fsdp: bool) -> None:
    found = contradiction({"zero_stage": zero, "fsdp": fsdp, "n_gpus": 2}, "nf4-dq")
    assert found is not None
    assert found.code == "four-bits-not-shared"


@pytest.mark.parametrize(
    "knobs",
    [{}, {"zero_stage": 3}, {"zero_stage": 3, "offload": "all"}, {"fsdp": True, "n_gpus": 2, "offload": "all"}],
)
def test_what_can_be_is_not_refused(knobs: dict[str, Any]) -> None:
    assert contradiction(knobs) is None


@pytest.mark.parametrize(
    ("cards", "heads", "kv_heads", "parts"), [(8, 32, 8, 8), (8, 28, 4, 4), (2, 9, 3, 1), (6, 12, 2, 6), (8, 32, 2, 8)]
)
def test_a_sequence_goes_to_as_many_cards_as_have_heads(cards: int, heads: int, kv_heads: int, parts: int) -> None:
    assert parts_for(cards, heads, kv_heads) == parts


def test_cards_of_one_sequence_read_it_together() -> None:
    assert readers_of({"n_gpus": 8, "nodes": 2, "sequence_parallel": 4}) == 4
    assert readers_of({}) == 1


def test_a_machine_after_the_first_ends_with_the_training(made: Callable[..., Made], verdict: Verdict) -> None:
    two = replace(verdict, knobs=replace(verdict.knobs, nodes=2))
    assert [stage.name for stage in made(verdict=two, helper=True)[0].stages] == ["fetch", "prepare", "train"]
    assert [stage.name for stage in made(verdict=two)[0].stages][-2:] == ["merge", "serve"]
    assert [stage.name for stage in made(helper=True)[0].stages][-2:] == ["merge", "serve"]


def test_the_server_of_answers_has_a_card_that_the_training_does_not_see(
    made: Callable[..., Made], verdict: Verdict, choice: Choice
) -> None:
    apart = Generator(gpus=(1,), needed_bytes=1, safe_bytes=1, capacity_bytes=2, passing_bytes=7)
    engines = {**verdict.engines, "train": "trl-vllm", "serve": "vllm"}
    pythons = {**verdict.pythons, "trl-vllm": "3.12", "vllm": "3.12"}
    there = replace(
        verdict, recipe="grpo-lora-vllm-server", task="grpo", device="cuda", accelerator="cu13", gpus=(0, 1, 2),
        generator=apart, engines=engines, pythons=pythons, knobs=replace(verdict.knobs, n_gpus=2),
    )  # fmt: skip
    asked = replace(choice, recipe=there.recipe, knobs=there.knobs)
    plan, _ = made(verdict=there, choice=asked)
    stages = {stage.name: stage for stage in plan.stages}
    told = stages["train"].spec["generator"]
    assert stages["train"].variables["CUDA_VISIBLE_DEVICES"] == "0,2"
    assert (told["cards"], told["count"], told["passing_bytes"]) == ("1", 1, 7)
    assert "--model" in told["argv"] and "{host}" in told["argv"]
    assert stages["serve"].variables["CUDA_VISIBLE_DEVICES"] == "0,1,2"
    assert job_of(plan).cards == 3
    assert thaw(Plan, json.loads(json.dumps(freeze(plan)))).forecast == plan.forecast
    with pytest.raises(WizardError) as caught:
        made(verdict=replace(there, knobs=replace(there.knobs, nodes=2)), choice=asked)
    assert caught.value.problem.code == "generator-on-one-machine"
