"""The checkpoints of a real training, measured beside base and trained model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, Forge, StageRun
from tests.unit.stages.test_evaluate import SPEC, evaluate, results, split
from wizard.catalog import builtin, load
from wizard.contract import Result

__all__ = ["evaluate", "split"]

METHODS = load([builtin()]).methods
STEPS = {"max_steps": 6, "save_steps": 2}
Inputs = dict[str, dict[str, str]]
Trained = Callable[..., Inputs]
UNLEARNS = """
from wizard.stages import reporter
begin = reporter.Reporter.on_step_begin
def on(self, args, state, control, **more):
    if state.global_step >= 4:
        for group in more["optimizer"].param_groups:
            group["lr"] = -1.0
    begin(self, args, state, control, **more)
reporter.Reporter.on_step_begin = on
"""


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, forge: Forge, extras_python: Path, lib: Path, tiny_model: Path
) -> Trained:
    """What the stages before the evaluation leave."""

    def made(
        prepare: StageRun,
        spec: dict[str, Any],
        code: str = "",
        stages: Sequence[str] = ("train", "merge"),
        **knobs: Any,
    ) -> Inputs:
        folder = tmp_path_factory.mktemp("run")
        (folder / "code.py").write_text(code)
        inputs: Inputs = {"fetch": {"model": str(tiny_model)}, "prepare": prepare.done()["outputs"]}
        for name in stages:
            told = {"knobs": KNOBS | STEPS | knobs, "questions": ["Hi"], "max_new_tokens": 4, "seq_len": 128}
            variables = {"YCDY_TEST_CODE": str(folder / "code.py")}
            stage = StageRun(folder / name, name, extras_python, lib, folder, variables, forge)
            assert stage.order({**spec, **told, "device": "cpu"}, inputs).run() == 0, (
                stage.path / "log.txt"
            ).read_text()[-3000:]
            inputs[name] = stage.done()["outputs"]
        return inputs

    return made


@pytest.fixture(scope="module")
def overdone(trained: Trained, split: StageRun) -> Inputs:
    """A training that unlearns in its last two steps."""
    return trained(split, SFT, UNLEARNS, learning_rate=0.3)


def kept(inputs: Inputs) -> list[Path]:
    (left,) = inputs["train"].values()
    return sorted((Path(left).parent / "checkpoints").glob("checkpoint-*"))


def measured(evaluate: StageRun, inputs: Inputs, **spec: Any) -> dict[tuple[str, str, str], Result]:
    assert evaluate.order({**SPEC, "checkpoints": True, **spec}, inputs).run() == 0, (
        evaluate.path / "log.txt"
    ).read_text()[-3000:]
    return results(evaluate)


@pytest.fixture(scope="module")
def compared(
    tmp_path_factory: pytest.TempPathFactory,
    evaluate_forge: Forge,
    evaluate_python: Path,
    lib: Path,
    overdone: Inputs,
) -> StageRun:
    """Its evaluation, with a checkpoint of step 5 whose weights are cut off, as of a model that was merged with one
    more adapter."""
    folder = tmp_path_factory.mktemp("evaluated")
    train = folder / "train"
    shutil.copytree(Path(overdone["train"]["adapter"]).parent, train)
    torn = train / "checkpoints" / "checkpoint-5"
    shutil.copytree(train / "checkpoints" / "checkpoint-4", torn)
    weights = torn / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    stage = StageRun(folder / "evaluate", "evaluate", evaluate_python, lib, folder, {}, evaluate_forge)
    measured(stage, {**overdone, "train": {"adapter": str(train / "adapter")}}, adapters=["another"])
    return stage


def test_each_checkpoint_is_measured_as_base_and_trained_model_are(compared: StageRun, overdone: Inputs) -> None:
    found = results(compared)
    second, fourth, sixth = names = [path.name for path in kept(overdone)]
    assert list(dict.fromkeys(who for who, _, _ in found)) == ["base", *names, "tuned"]
    loss = {who: each for (who, source, measure), each in found.items() if (source, measure) == ("own", "loss")}
    assert loss[fourth].value < loss[second].value < loss[sixth].value
    for name in names:
        assert (loss[name].n, loss[name].settings) == (loss["base"].n, loss["base"].settings)
        assert loss[name].gain == pytest.approx(loss[name].value - loss["base"].value)
        assert {key[1:] for key in found if key[0] == name} == {key[1:] for key in found if key[0] == "tuned"}
    assert loss[sixth].value == pytest.approx(loss["tuned"].value, rel=1e-3)
    told = json.loads((kept(overdone)[0] / "whole.json").read_text())["validation"]
    assert loss[second].value == pytest.approx(told, rel=1e-3)
    answers = json.loads((compared.path / "answers.json").read_text())["answers"]
    assert {tuple(each["answers"]) for each in answers} == {("base", *names, "tuned")}
    assert [event["code"] for event in compared.events("phase")].count("evaluate-checkpoint") == 3


def test_a_torn_checkpoint_is_left_out_and_named(compared: StageRun) -> None:
    (told,) = [event["params"] for event in compared.events("note") if event["code"] == "checkpoint-not-measured"]
    assert (told["step"], told["file"]) == (5, "adapter_model.safetensors")
    assert "checkpoint-5" not in {who for who, _, _ in results(compared)}


def test_what_the_trained_model_has_in_it_besides_is_said(compared: StageRun) -> None:
    (told,) = [event["params"] for event in compared.events("note") if event["code"] == "checkpoints-alone"]
    assert told == {"count": 1}


def test_nothing_of_it_stays_but_the_report(compared: StageRun) -> None:
    assert not (compared.path / "checkpoints").exists()
    kept_still = Path(json.loads((compared.path / "spec.json").read_text())["inputs"]["train"]["adapter"]).parent
    assert (kept_still / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors").is_file()


def test_none_but_torn_ones_are_a_problem(evaluate: StageRun, overdone: Inputs, tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "checkpoint-2").mkdir(parents=True)
    inputs = {**overdone, "train": {"adapter": str(tmp_path / "adapter")}}
    assert evaluate.order({**SPEC, "checkpoints": True}, inputs).run() == 1
    problem = evaluate.problem()
    assert (problem["code"], problem["params"]["path"]) == ("checkpoints-none", str(tmp_path / "checkpoints"))
    assert evaluate.notes() == ["checkpoint-not-measured"] and not (evaluate.path / "report.json").exists()


def test_adapters_on_a_base_that_is_not_read_here_are_a_problem(
    evaluate: StageRun, overdone: Inputs, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "gptq"}}))
    inputs = {**overdone, "fetch": {"model": packed}}
    assert evaluate.order({**SPEC, "checkpoints": True}, inputs).run() == 1
    assert evaluate.problem()["code"] == "checkpoints-packed"


@pytest.mark.parametrize(
    ("trainer", "task", "measure"),
    [
        ("classification", "cls", "accuracy"),
        pytest.param("reward", "reward", "pair_accuracy", marks=pytest.mark.soak),
        pytest.param("reranker", "reranker", "mrr", marks=pytest.mark.soak),
        pytest.param("embedding", "embedding", "mrr", marks=pytest.mark.soak),
    ],
)
def test_the_last_checkpoint_of_a_model_with_a_head_says_what_the_trained_one_says(
    evaluate: StageRun, trained: Trained, prepared_for: Any, trainer: str, task: str, measure: str
) -> None:
    inputs = trained(prepared_for(task), {**SFT, "trainer": trainer})
    found = measured(evaluate, inputs, trainer=trainer)
    values = {who: each.value for (who, _, name), each in found.items() if name == measure}
    assert [path.name for path in kept(inputs)][-1:] == ["checkpoint-6"]
    assert values["checkpoint-6"] == pytest.approx(values["tuned"], abs=0.05)
    assert {path.name for path in kept(inputs)} < set(values)


@pytest.mark.soak
@pytest.mark.parametrize(
    "method",
    sorted(
        {
            "adapter",
            "adalora",
            "pissa",
            "loftq",
            "dora",
            "vera",
            "oft",
            "boft",
            "ia3",
            "miss",
            "freeze",
            "full",
            "lisa",
            "llama-pro",
            "galore",
            "qlora-nf4",
        }
    ),
)
def test_the_last_checkpoint_of_every_tuner_is_the_trained_model(
    evaluate: StageRun, trained: Trained, split: StageRun, method: str
) -> None:
    """30 s each."""
    inputs = trained(split, {**SFT, "method": asdict(METHODS[method])}, learning_rate=0.05)
    found = measured(evaluate, inputs)
    loss = {who: each.value for (who, source, name), each in found.items() if (source, name) == ("own", "loss")}
    assert abs(loss["checkpoint-6"] - loss["tuned"]) < 0.05 * abs(loss["base"] - loss["tuned"])


def test_a_start_is_taken_off_a_checkpoint_as_peft_takes_it_off_at_the_end(
    trained: Trained, split: StageRun, forge: Forge, tmp_path: Path
) -> None:
    pissa = {**SFT, "method": asdict(METHODS["pissa"])}
    inputs = trained(split, pissa, stages=["train"], max_steps=2)
    last, adapter = kept(inputs)[-1], Path(inputs["train"]["adapter"])
    code = tmp_path / "taken.py"
    code.write_text(
        "import sys\nfrom pathlib import Path\nfrom wizard.tuners.starting import taken_off\n"
        "taken_off(*(Path(each) for each in sys.argv[1:]))\n"
    )
    told = [str(last), str(last.with_name("start")), str(tmp_path / "taken")]
    assert forge.run(str(code), tmp_path, *told) == 0, (tmp_path / "log.txt").read_text()[-3000:]
    weights = [folder / "adapter_model.safetensors" for folder in (tmp_path / "taken", adapter)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    ours, theirs = (told_in(folder / "adapter_config.json") for folder in (tmp_path / "taken", adapter))
    assert ours == theirs


def told_in(config: Path) -> dict[str, Any]:
    told = json.loads(config.read_text())
    return {**told, "target_modules": sorted(told["target_modules"])}  # a set, in any order
