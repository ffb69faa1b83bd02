"""Which engine serves, and why: told of every kind of machine, to people and to programs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wizard import detect, words
from wizard import plan as planning
from wizard.contract import Choice, Cpu, DataChoice, Machine, Plan, Serving
from wizard.errors import WizardError
from wizard.journal import Home
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


def refused(desk: Desk, choice: Choice) -> WizardError:
    with pytest.raises(WizardError) as caught:
        desk.plan(choice)
    assert "?" not in words.problem(caught.value.problem.code, caught.value.problem.params, "en")["next"]
    return caught.value


@pytest.fixture
def on_a_card(home: Home) -> tuple[Desk, Choice]:
    """Qwen3-8B, tuned on an RTX 4090, with its adapter kept apart."""
    home.root.mkdir(exist_ok=True)
    desk = Desk(home, pretend="rtx-4090")
    data = DataChoice(kind="path", ref="/rows.jsonl", language="en", sha256="0")
    verdict = next(each for each in desk.offers("sft", "qwen3-8b") if each.recipe == "sft-lora-apart")
    return desk, Choice(recipe="sft-lora-apart", model="qwen3-8b", knobs=verdict.knobs, data=data, questions=("Hi",))


def serve_spec(desk: Desk, choice: Choice) -> Mapping[str, Any]:
    return desk.plan(choice).stages[-1].spec


def test_the_plan_asks_for_what_the_model_s_family_the_card_and_the_engine_allow(
    on_a_card: tuple[Desk, Choice],
) -> None:
    desk, choice = on_a_card
    spec = serve_spec(desk, choice)
    assert spec["engine"] == "vllm"
    assert spec["values"] == {"tools": "hermes", "reasoning": "qwen3"}
    assert 32768 < spec["context"] < 40960
    assert "context-cut" in [note["code"] for note in spec["why"]]
    more = Serving(context=4096, draft="ngram")
    spec = serve_spec(desk, replace(choice, serving=more))
    assert spec["context"] == 4096
    assert spec["options"]["ngram"][:2] == ["--spec-method", "ngram"]


def test_a_plan_says_the_largest_context_where_the_wanted_one_does_not_fit(on_a_card: tuple[Desk, Choice]) -> None:
    desk, choice = on_a_card
    spec = serve_spec(desk, replace(choice, serving=Serving(context=40960), engines={"serve": "transformers"}))
    told = {note["code"]: note["params"] for note in spec["why"]}
    assert told["context-cut"]["context"] == spec["context"] < 40960


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"serving": Serving(draft="llama-3.2-1b")}, "draft-not-alike"),
        ({"serving": Serving(draft="qwen3-9000b")}, "draft-not-alike"),
    ],
)
def test_what_cannot_be_served_is_refused_before_anything_runs(
    on_a_card: tuple[Desk, Choice], changes: dict[str, Any], code: str
) -> None:
    desk, choice = on_a_card
    assert refused(desk, replace(choice, **changes)).problem.code == code


def test_a_smaller_model_of_the_family_may_guess_and_an_engine_that_cannot_check_says_so(
    on_a_card: tuple[Desk, Choice],
) -> None:
    desk, choice = on_a_card
    spec = serve_spec(desk, replace(choice, serving=Serving(draft="qwen3-0.6b")))
    assert spec["values"]["draft"].endswith("/models/qwen3-0.6b")
    spec = serve_spec(desk, replace(choice, serving=Serving(draft="ngram"), engines={"serve": "lmdeploy"}))
    assert "draft-not-used" in [note["code"] for note in spec["why"]]


def test_a_trained_model_s_forecast_has_its_draft_and_too_large_a_one_is_refused(
    on_a_card: tuple[Desk, Choice],
) -> None:
    desk, choice = on_a_card
    stages = [desk.plan(each).stages[-1] for each in (choice, replace(choice, serving=Serving(draft="qwen3-0.6b")))]
    more, draft = stages[1].memory_bytes - stages[0].memory_bytes, desk.catalog().models["qwen3-0.6b"]
    assert more == draft.params * 2 + 4096 * 28 * 2 * 8 * 128 * 2
    assert stages[1].spec["context"] < stages[0].spec["context"]
    desk._machine = replace(desk.machine(), gpus=(replace(desk.machine().gpus[0], free_bytes=20 << 30),))
    small = replace(choice, knobs=replace(choice.knobs, micro_batch=1, seq_len=512))
    found = refused(desk, replace(small, serving=Serving(draft="qwen3-1.7b"))).problem
    assert found.code == "draft-too-big"
    assert found.params["draft_bytes"] > 3.4e9 and found.params["needed_bytes"] > found.params["free_bytes"] == 20 << 30


def test_what_is_asked_of_the_server_outlives_a_run_config(on_a_card: tuple[Desk, Choice]) -> None:
    desk, choice = on_a_card
    asked = Serving(context=4096, draft="ngram")
    plan = desk.plan(replace(choice, serving=asked))
    assert planning.from_toml(planning.to_toml(plan, {}, {}), "x.toml").serving == asked
    with pytest.raises(WizardError) as caught:
        planning.from_toml(planning.to_toml(plan, {}, {}).replace("context = 4096", "context = -1"), "x.toml")
    assert caught.value.problem.params["key"] == "serving.context"


def test_a_model_that_several_cards_serve_is_shared_by_them_in_the_plan(home: Home) -> None:
    home.root.mkdir(exist_ok=True)
    desk = Desk(home, pretend="rtx-4090x2")
    verdict = desk.judge("serve", "qwen3-14b")
    choice = desk.choose(verdict, DataChoice(kind="none"))
    stage = desk.plan(choice).stages[-1]
    assert stage.spec["values"]["cards"] == "2"
    assert stage.spec["options"]["cards"] == ["--tensor-parallel-size", "{cards}"]
    assert stage.variables["CUDA_VISIBLE_DEVICES"] == "0,1"
    small = replace(choice, model="qwen3-8b", knobs=replace(choice.knobs, n_gpus=1))
    assert "cards" not in desk.plan(small).stages[-1].spec["values"]
    again = planning.from_toml(planning.to_toml(desk.plan(choice), {}, {}), "x.toml")
    assert desk.plan(again).stages[-1].spec["values"] == stage.spec["values"]


def test_a_server_that_is_not_wanted_takes_nothing(home: Home) -> None:
    home.root.mkdir(exist_ok=True)
    desk = Desk(home, pretend="rtx-4090")
    data = DataChoice(kind="path", ref="/rows.jsonl", language="en", sha256="0")
    trained = desk.choose(desk.judge("sft-qlora", "qwen3-14b"), data, questions=("Hi",))
    assert [note.code for note in desk.plan(trained).forecast.engine_notes] == ["too-big-to-serve"]
    forecast = desk.plan(replace(trained, serve=False)).forecast
    assert ("serve" in forecast.engines, forecast.engine_notes) == (False, ())
    as_it_is = desk.choose(desk.judge("serve", "qwen3-14b"), DataChoice(kind="none"))
    with pytest.raises(WizardError, match="short-of-memory-cuda"):
        desk.plan(as_it_is)
    plan = desk.plan(replace(as_it_is, evaluate=True, serve=False))
    assert [stage.name for stage in plan.stages] == ["fetch", "evaluate"]


def test_a_context_that_a_run_file_asks_for_counts_where_nothing_is_trained(home: Home) -> None:
    home.root.mkdir(exist_ok=True)
    desk = Desk(home, pretend="rtx-4090")
    choice = desk.choose(desk.judge("serve", "qwen3-8b"), DataChoice(kind="none"))

    def asked(context: int, conversations: int = 1) -> tuple[Plan, dict[str, Mapping[str, Any]]]:
        knobs = replace(choice.knobs, micro_batch=conversations)
        plan = desk.plan(replace(choice, knobs=knobs, serving=Serving(context=context)))
        return plan, {note["code"]: note["params"] for note in plan.stages[-1].spec["why"]}

    plan, told = asked(4096)
    assert plan.stages[-1].spec["context"] == plan.choice.knobs.seq_len == 4096
    assert "context-cut" not in told and plan.choice.serving.context == 0
    text = planning.to_toml(plan, {}, {})
    assert "context = 0  # tokens of the longest conversation; 0 = seq_len of the knobs" in text
    assert planning.from_toml(text, "x.toml").knobs.seq_len == 4096
    plan, told = asked(40960, conversations=2)
    cut = plan.stages[-1].spec["context"]
    assert told["context-cut"]["context"] == cut and 12000 < cut < 40960 and plan.forecast.status == "fits"
    more = desk.judge("serve", "qwen3-8b", replace(plan.choice.knobs, seq_len=cut + 256))
    assert more.status != "fits"
    assert asked(99999)[1]["context-beyond-model"]["asked"] == 99999
