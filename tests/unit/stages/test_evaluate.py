"""The evaluate stage on tiny models, in an environment built from its committed lock."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, SFT, Forge, StageRun, Stages
from wizard.contract import Result

SPEC = {**SFT, "benchmarks": [], "seq_len": 128, "seed": 7, "device": "cpu"}
Prepared = Callable[[str], StageRun]


@pytest.fixture
def evaluate(stage: Stages, evaluate_forge: Forge, evaluate_python: Path) -> StageRun:
    made = stage("evaluate", evaluate_python)
    made.forge = evaluate_forge
    return made


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory, prepared_for: Prepared, forge: Forge, tiny_model: Path) -> StageRun:
    """Rows of which a third was kept back."""
    whole = prepared_for("sft")
    spec = json.loads((whole.path / "spec.json").read_text())["spec"]
    folder = tmp_path_factory.mktemp("split")
    prepare = StageRun(folder / "prepare", "prepare", whole.python, whole.lib, folder, forge=forge)
    prepare.order(
        {**spec, "data": {**spec["data"], "validation": 0.4}, "knobs": KNOBS}, {"fetch": {"model": tiny_model}}
    )
    assert prepare.run() == 0
    return prepare


def results(stage: StageRun) -> dict[tuple[str, str, str], Result]:
    told = json.loads((stage.path / "report.json").read_text())
    assert told["version"] == 1
    found = [Result(**each) for each in told["results"]]
    return {(each.subject, each.source, each.measure): each for each in found}


def test_base_and_trained_are_measured_on_the_rows_that_were_kept_back(
    evaluate: StageRun, split: StageRun, tiny_model: Path, tiny_teacher: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "prepare": split.done()["outputs"], "merge": {"merged": tiny_teacher}}
    assert evaluate.order(SPEC, inputs).run() == 0, (evaluate.path / "log.txt").read_text()[-3000:]
    found, kept = results(evaluate), split.done()["result"]["validation"]
    assert 0 < kept < 12
    for subject in ("base", "tuned"):
        loss, perplexity = (found[subject, "own", name] for name in ("loss", "perplexity"))
        assert (loss.n, loss.settings["rows"]) == (kept, "kept from training")
        assert perplexity.value == pytest.approx(2.718281828459045**loss.value)
        assert found[subject, "general.zh", "perplexity"].n == 12
        assert {"exact_match", "rouge_l", "bleu", "chrf"} <= {name for who, _, name in found if who == subject}
    base, tuned = found["base", "own", "loss"], found["tuned", "own", "loss"]
    assert base.gain is None and tuned.gain == pytest.approx(tuned.value - base.value)
    assert evaluate.notes().count("evaluated-on-seen") == 0
    answers = json.loads((evaluate.path / "answers.json").read_text())["answers"]
    assert {tuple(each["answers"]) for each in answers} == {("base", "tuned")}
    assert answers[0]["asked"].startswith("What is ") and answers[0]["reference"].startswith("It is ")
    shown = evaluate.done()["result"]["results"]
    assert {"subject", "measure", "value", "source", "n"} == set(shown[0])


def test_where_nothing_was_kept_back_it_is_said_that_the_rows_were_seen(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    assert evaluate.order({**SPEC, "trainer": "dpo"}, inputs).run() == 0
    assert evaluate.notes() == ["evaluated-on-seen"]
    found = results(evaluate)
    assert found["base", "own", "loss"].settings["rows"] == "seen in training"
    assert 0 <= found["base", "own", "preference"].value <= 1
    assert {who for who, _, _ in found} == {"base"}


def test_a_format_that_only_its_engine_loads_is_left_out_and_said(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "gptq"}}))
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    inputs["quantise"] = {"quantised": packed}
    assert evaluate.order({**SPEC, "trainer": "dpo"}, inputs).run() == 0
    assert "format-not-measured" in evaluate.notes()
    assert {who for who, _, _ in results(evaluate)} == {"base"}


def test_classes_are_counted_beside_the_commonest(
    evaluate: StageRun, evaluate_forge: Forge, prepared_for: Prepared, tiny_model: Path, tmp_path: Path
) -> None:
    scored, trained = tmp_path / "scored", tmp_path / "train" / "adapter"
    script = str(Path(__file__).with_name("make_scored.py"))
    assert evaluate_forge.run(script, tmp_path, str(tiny_model), str(scored)) == 0
    trained.mkdir(parents=True)
    (trained.parent / "labels.json").write_text(json.dumps({"kind": "one", "names": ["even", "odd"]}))
    rows = prepared_for("cls").done()["outputs"]
    inputs = {
        "fetch": {"model": tiny_model},
        "prepare": rows,
        "train": {"adapter": trained},
        "merge": {"merged": scored},
    }
    assert evaluate.order({**SPEC, "trainer": "classification"}, inputs).run() == 0
    found = {key: each.value for key, each in results(evaluate).items()}
    assert found["guess", "own", "accuracy"] == found["tuned", "own", "accuracy"] == 0.5
    assert found["tuned", "own", "f1 even"] == pytest.approx(2 / 3)
    assert found["tuned", "own", "macro_f1"] == pytest.approx(1 / 3)
    assert ("base", "own", "accuracy") not in found  # it has no head


def test_loss_likeness_and_ranks_are_what_other_libraries_say(
    evaluate_forge: Forge, tiny_teacher: Path, tmp_path: Path
) -> None:
    script = str(Path(__file__).with_name("check_evaluating.py"))
    assert evaluate_forge.run(script, tmp_path, str(tiny_teacher), str(tmp_path / "told.json")) == 0, (
        tmp_path / "log.txt"
    ).read_text()[-3000:]
    told = json.loads((tmp_path / "told.json").read_text())
    for name, way in (("english", "13a"), ("chinese", "zh")):
        text = told["texts"][name]
        assert text["exact"] == text["rouge"] == [1.0, 1.0] and text["wordy"]
        assert text["bleu"] == [pytest.approx(100), way] and text["chrf"] == pytest.approx(100)
        assert max(text["wrong"]) < 20
    assert 0 < told["texts"]["half"][0] < 1
    assert (told["texts"]["short"], told["texts"]["case"]) == (False, [1.0])
    loss: dict[str, Any] = told["loss"]
    assert loss["ours"] == pytest.approx(loss["theirs"], rel=1e-5)
    assert loss["ours"] != pytest.approx(loss["unweighted"], rel=1e-5)
    assert loss["tokens"] and loss["nothing"] == [0.0, 0]
    assert loss["moved"][0] == pytest.approx(1) and loss["moved"][1] == pytest.approx(0, abs=1e-6)
    assert loss["perplexity"] == pytest.approx(7)
    assert told["answers"]["together"] == told["answers"]["alone"]
    assert told["asked"] == ["One?", "二？", "just text"]
    assert told["ranks"] == [2, 3, 0.75]


def test_pictures_are_refused_before_anything_is_measured(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path
) -> None:
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    assert evaluate.order({**SPEC, "trainer": "vision"}, inputs).run() == 1
    assert evaluate.problem()["code"] == "evaluate-not-for"


# benchmarks

ARC = {"id": "arc-easy", "tool": "lm-eval", "task": "arc_easy", "measure": "acc", "direction": "up", "n": 6}
MORE = {"shots": 0, "subsets": [], "answer_tokens": 0, "data": "allenai/ai2_arc", "language": "en"}


def copied(folder: Path) -> Path:
    """Questions in the form of ARC's, as a hub's folder has them."""
    rows = [
        {
            "id": str(n),
            "question": f"What is {n} and {n}?",
            "choices": {"text": [f"{n + n}", "a stone"], "label": ["A", "B"]},
            "answerKey": "A",
        }
        for n in range(8)
    ]
    (folder / "ARC-Easy").mkdir(parents=True)
    for part in ("train", "validation", "test"):
        (folder / "ARC-Easy" / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = "".join(f"  - split: {part}\n    path: ARC-Easy/{part}.jsonl\n" for part in ("train", "validation", "test"))
    (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: ARC-Easy\n  data_files:\n{parts}---\n")
    return folder


def test_a_benchmark_is_asked_from_its_copy_and_not_asked_again(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path, tmp_path: Path
) -> None:
    benchmark = {**ARC, **MORE, "copy": str(copied(tmp_path / "copy"))}
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    spec = {**SPEC, "trainer": "dpo", "benchmarks": [benchmark]}
    assert evaluate.order(spec, inputs).run() == 0, (evaluate.path / "log.txt").read_text()[-3000:]
    found = results(evaluate)["base", "arc-easy", "acc"]
    assert found.n == 6 and 0 <= found.value <= 1 and found.value * 6 == pytest.approx(round(found.value * 6))
    assert found.stderr is not None and found.settings["tool"] == "lm-eval"
    kept = evaluate.path / "benchmarks" / "base" / "arc-easy"
    (kept / "answer.json").unlink()
    before = (kept / "result.json").stat().st_mtime_ns
    assert evaluate.run() == 0
    assert (kept / "result.json").stat().st_mtime_ns == before and not (kept / "answer.json").exists()
    shutil.rmtree(tmp_path / "copy")  # and the hub's name is no address: what was measured before is told all the same
    evaluate.variables = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    unasked = {**benchmark, "id": "never-asked", "kept": True}
    assert evaluate.order({**spec, "benchmarks": [{**benchmark, "kept": True}, unasked]}, inputs).run() == 0
    assert results(evaluate)["base", "arc-easy", "acc"] == found
    assert "never-asked" not in {source for _, source, _ in results(evaluate)}


def test_without_copy_and_network_it_is_said_where_a_copy_goes(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path, tmp_path: Path
) -> None:
    benchmark = {**ARC, **MORE, "copy": str(tmp_path / "nowhere")}
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    evaluate.variables = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    assert evaluate.order({**SPEC, "trainer": "dpo", "benchmarks": [benchmark]}, inputs).run() == 1
    problem = evaluate.problem()
    assert (problem["code"], problem["params"]["path"]) == ("benchmark-no-copy", str(tmp_path / "nowhere"))
    assert problem["params"]["data"] == "allenai/ai2_arc"
    assert not (evaluate.path / "report.json").exists()


@pytest.mark.soak
def test_evalscope_asks_the_model_behind_a_key(
    evaluate: StageRun, prepared_for: Prepared, tiny_model: Path, tmp_path: Path
) -> None:
    """30 s and more: EvalScope's imports, and a server."""
    rows = [{"question": f"What is {n} and {n}?", "answer": f"It is\n#### {n + n}"} for n in range(4)]
    copy = tmp_path / "copy" / "main"
    copy.mkdir(parents=True)
    for part in ("train", "test"):
        (copy / f"{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = "".join(f"  - split: {part}\n    path: main/{part}.jsonl\n" for part in ("train", "test"))
    (copy.parent / "README.md").write_text(f"---\nconfigs:\n- config_name: main\n  data_files:\n{parts}---\n")
    benchmark = {**ARC, **MORE, "id": "gsm8k", "tool": "evalscope", "task": "gsm8k", "measure": "accuracy", "n": 2}
    benchmark |= {"answer_tokens": 8, "copy": str(copy.parent)}
    inputs = {"fetch": {"model": tiny_model}, "prepare": prepared_for("dpo").done()["outputs"]}
    assert evaluate.order({**SPEC, "trainer": "dpo", "benchmarks": [benchmark]}, inputs).run() == 0, (
        evaluate.path / "log.txt"
    ).read_text()[-4000:]
    found = results(evaluate)["base", "gsm8k", "accuracy"]
    assert (found.n, found.settings["tool"]) == (2, "evalscope")
