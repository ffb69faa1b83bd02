"""Every recipe file goes its whole way on a tiny model: prepare, train, merge, one answer from a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import Forge, StageRun, Stages, served
from tests.unit.stages.recipe_rows import DATA, SETTINGS, TEACHER, drawn
from wizard.catalog import builtin, load
from wizard.contract import Choice, Cpu, DataChoice, Machine, Plan, Recipe, Source, Verdict, head_of
from wizard.plan import compile_plan
from wizard.stages.heads import answers

CATALOG = load([builtin()])
SMALL = {"seq_len": 128, "micro_batch": 2, "accumulate": 1, "max_steps": 3, "rank": 4, "save_steps": 2}

TRAINING = [recipe for recipe in CATALOG.recipes.values() if CATALOG.methods[recipe.method].trains]
NEEDS_A_CARD = {  # what of it runs without one
    "sft-unsloth": "test_unsloth.py: our stage with a stand-in, arguments held against the wheel",
    "sft-unsloth-4bit": "test_unsloth.py: our stage with a stand-in, arguments held against the wheel",
    "sft-lora-liger": "test_tuners.py: its settings; sft-lora is the same without the kernels",
}

SHARDED = Path(__file__).with_name("fsdp_on_cpu.py")  # accelerate would not do it there
SHOWN = [{"type": "image_url", "image_url": {"url": drawn("red")}}, {"type": "text", "text": "Which colour?"}]


PACKED = ("gptq", "awq")  # bases whose library compiles what multiplies, the first time


def marked(recipe: Recipe) -> Any:
    long = [pytest.mark.soak, pytest.mark.timeout(3600)] if CATALOG.methods[recipe.method].base in PACKED else []
    return pytest.param(recipe, id=recipe.id, marks=long)


@pytest.mark.parametrize("recipe", [marked(recipe) for recipe in TRAINING])
def test_a_recipe_ends_in_an_answer(
    recipe: Recipe, forged: Stages, forge: Forge, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if recipe.id in NEEDS_A_CARD:
        assert recipe.verified == "parsed"
        pytest.skip(f"needs a CUDA card; {NEEDS_A_CARD[recipe.id]}")
    model: Path = request.getfixturevalue(model_for(recipe))
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(f"{json.dumps(row)}\n" for row in DATA[recipe.task]), encoding="utf-8")
    settings = settings_of(recipe)
    if settings.get("teacher") == TEACHER:
        settings["teacher"] = str(request.getfixturevalue("tiny_teacher"))
    plan = planned(recipe, model, rows, settings)
    working = {
        stage.name: request.getfixturevalue("quantisers_forge") if stage.engine == "quantisers" else forge
        for stage in plan.stages
    }
    specs = {stage.name: json.loads(json.dumps(dict(stage.spec))) for stage in plan.stages}
    inputs: dict[str, dict[str, Any]] = {"fetch": {"model": model}}
    for name in ("prepare", "train", "merge"):
        made: StageRun = forged(name).order(specs[name], inputs)
        made.forge = working[name]
        if name == "train" and shares(recipe):
            made.forge, made.variables = request.getfixturevalue("sharing_forge"), {"YCDY_TEST_CODE": str(SHARDED)}
        if name == "train" and CATALOG.methods[recipe.method].tuner == "fp8":
            made.variables = request.getfixturevalue("torchao")
        assert made.run() == 0, (made.path / "log.txt").read_text()[-3000:]
        inputs[name] = made.done()["outputs"]
    assert learnt(tmp_path / "run" / "train")
    question = SHOWN if recipe.task == "vision" else "What is 3 and 3?"
    assert answer(working["serve"], tmp_path, Path(inputs["merge"]["merged"]), head_of(specs["merge"]), question)


def settings_of(recipe: Recipe) -> dict[str, Any]:
    return {**SETTINGS.get(recipe.task, {}), **SETTINGS.get(recipe.id, {})}


def planned(recipe: Recipe, model: Path, rows: Path, settings: Mapping[str, Any], **changed: Any) -> Plan:
    """As a person's own choice of this recipe would be, on this machine, with a folder as the model."""
    bundled = CATALOG.models["smollm2-135m"]
    numbers = replace(bundled.architecture, heads=2, kv_heads=1)
    source = Source(kind="path", ref=str(model))
    known = replace(bundled, id="tiny", architecture=numbers, sources=(source,), yours=True)
    cards = min(2, recipe.knobs.n_gpus)
    knobs = replace(recipe.knobs, **SMALL | {"n_gpus": cards, "accumulate": cards} | changed)
    verdict = Verdict(
        recipe=recipe.id, model="tiny", task=recipe.task, method=recipe.method, knobs=knobs, status="fits",
        peak_bytes=1, reserved_bytes=2, card_bytes=3, safe_bytes=4, capacity_bytes=5, moment="forward", terms=(),
        engines={name: next(filter(runs_here, engines), "trl") for name, engines in recipe.engines.items()},
        pythons=dict.fromkeys(CATALOG.engines, "3.11"),
    )  # fmt: skip
    data = DataChoice(kind="path", ref=str(rows), sha256="")
    choice = Choice(
        recipe=recipe.id, model="tiny", knobs=knobs, data=data, settings=settings, questions=("What is 3 and 3?",)
    )
    machine = Machine(gpus=(), cpu=Cpu(name="a CPU", cores=2, arch="x86_64"), ram_bytes=1, ram_free_bytes=1, disks=())
    catalog = replace(CATALOG, models={**CATALOG.models, "tiny": known})
    plan, _ = compile_plan(
        choice, verdict, machine, catalog, run="run", created=0.0, language="en", lock_text=lambda name: ""
    )
    return plan


def runs_here(engine: str) -> bool:
    return "cpu-py311" in CATALOG.engines[engine].locks


def shares(recipe: Recipe) -> bool:
    """It trains in two processes, or in one with DeepSpeed."""
    return recipe.knobs.n_gpus > 1 or recipe.knobs.offload != "none"


def model_for(recipe: Recipe) -> str:
    if (base := CATALOG.methods[recipe.method].base) in PACKED:
        return f"tiny_{base}"
    return "tiny_seeing" if recipe.task == "vision" else "tiny_experts" if "olmoe" in recipe.models else "tiny_model"


def learnt(train: Path) -> bool:
    """The loss of each step is a number, and the last step was reached."""
    steps = [json.loads(line) for line in (train / "metrics.jsonl").read_text().splitlines()]
    return [step["step"] for step in steps][-1] == steps[-1]["total"] and all(
        isinstance(step["values"]["loss"], float) for step in steps
    )


def answer(forge: Forge, place: Path, model: Path, head: str, question: Any) -> Any:
    """What the server of this head says, by the route that its clients know; nothing of an answer without tokens."""
    with served(forge, place, model, head) as client:
        if head != "chat":
            return answers(client, head, [question], ["It is 6.", "No."])
        asked = [{"role": "user", "content": question}]
        return client.chat(messages=asked, max_tokens=8)["usage"]["completion_tokens"]


def test_what_is_told_of_a_recipe_is_true() -> None:
    for recipe in CATALOG.recipes.values():
        assert set(recipe.title) == set(recipe.why) == {"en", "zh"}, recipe.id
        assert recipe.ladder, recipe.id
        assert asdict(recipe.knobs)["seq_len"] > 0
