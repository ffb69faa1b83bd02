"""Which engine serves, and why: told of every kind of machine, to people and to programs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from wizard import detect, words
from wizard.contract import Cpu, Machine, Plan
from wizard.session import Desk, outcome

Planned = Callable[..., Plan]


@pytest.fixture
def planned(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """The demo's plan on a machine without a card, whose CPU has these flags."""
    found = detect.detect(Path("/"), {}, speed=False)
    bare = replace(found, gpus=(), pythons={"3.11": "/python"}, ram_free_bytes=64 << 30)

    def plan(*flags: str, **engines: str) -> Plan:
        machine: Machine = replace(bare, cpu=Cpu(name="A CPU", cores=8, arch="x86_64", flags=flags))
        monkeypatch.setattr("wizard.detect.detect", lambda *_, **__: machine)
        desk.machine(refresh=True)
        choice = desk.choose(desk.best("identity", {"smollm2-135m"}), desk.bundled_choice("identity"))
        return desk.plan(replace(choice, engines=engines))

    return plan


def why(plan: Plan) -> list[tuple[str, str]]:
    told = plan.stages[-1].spec["why"]
    return [(note["code"], note["params"]["engine"]) for note in told]


def test_the_first_that_can_run_is_told_and_what_the_ones_before_it_lack(planned: Planned) -> None:
    plan = planned("avx2")
    assert plan.choice.engines["serve"] == "vllm-cpu"
    assert why(plan) == [("engine-needs-accelerator", "vLLM"), ("engine-first-able", "vLLM (CPU)")]
    assert "avx2" in plan.stages[-1].spec["why"][-1]["params"]["needed"]


def test_on_an_old_cpu_the_last_one_serves_and_each_before_it_has_a_reason(planned: Planned) -> None:
    plan = planned()
    assert plan.choice.engines["serve"] == "transformers"
    assert [code for code, _ in why(plan)] == [
        "engine-needs-accelerator",
        "engine-needs-cpu-flags",
        "engine-runs-anywhere",
    ]


def test_one_that_a_config_names_is_told_as_that(planned: Planned) -> None:
    assert why(planned("avx2", serve="transformers")) == [("engine-asked-for", "transformers")]


def test_the_reasons_are_part_of_what_came_out(planned: Planned, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wizard.session.starting.engine_room.launch", lambda *_: 1)
    run = desk.launch(planned("avx2"))
    result = desk.outcome(run)
    assert [told.code for told in result.why] == ["engine-needs-accelerator", "engine-first-able"]
    for told in outcome.as_json(result)["why"]:
        assert set(told) == {"code", "what", "why", "params"}
        assert "?" not in told["what"] + told["why"]
    assert "avx2" in words.problem(result.why[-1].code, result.why[-1].params, "zh")["why"]
