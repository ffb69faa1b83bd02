"""Prompts are the same ids in training, in transformers and at the endpoint; each difference stops the run by name."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_ipc_stream

from tests.unit.stages.programs import KNOBS, ROWS, SFT, StageRun, Stages, environment
from tests.unit.stages.test_serve import spec as serving
from wizard.contract import DataSource
from wizard.stages.prompts import cause_of, first_difference

QUESTIONS = ["Who are you?", "你是谁？"]
PLAIN = {"plain", "chinese", "emoji", "blanks", "markup", "system", "turns", "question-1", "question-2"}
Make = Callable[..., StageRun]


@pytest.mark.parametrize(
    ("expected", "found", "place"),
    [
        ([1, 2], [1, 2], None),
        ([1, 2], [1, 3], 1),
        ([1, 2], [1], 1),
        ([1], [1, 2], 1),
        ([], [], None),
        ([7], [], 0),
    ],
)
def test_the_first_difference(expected: list[int], found: list[int], place: int | None) -> None:
    assert first_difference(expected, found) == place


@pytest.mark.parametrize(
    ("expected", "found", "cause"),
    [
        ([0, 5, 6], [0, 0, 5, 6], "begin-doubled"),
        ([5, 6], [0, 5, 6], "begin-added"),
        ([0, 5, 6], [5, 6], "begin-missing"),
        ([5, 6, 7], [5, 6], "prompt-cut"),
        ([5, 6], [5, 6, 7], "prompt-longer"),
        ([5, 6, 7, 8], [9, 9, 5, 6, 7, 8], "text-added"),
        ([5, 6, 7], [5, 9, 7], "template-other"),
        ([5, 6, 7], [], "prompt-refused"),
    ],
)
def test_known_mistakes_are_told_by_name(expected: list[int], found: list[int], cause: str) -> None:
    assert cause_of(expected, found, 0) == cause


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_model, tmp_path / "model")


@pytest.fixture
def prepared(stage: Stages, trl_python: Path) -> Callable[[Path], Path]:
    def sheet(model: Path) -> Path:
        prepare = stage("prepare", trl_python)
        order = {"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS, "questions": QUESTIONS}
        prepare.order(order, {"fetch": {"model": model}})
        assert prepare.run() == 0
        return Path(prepare.done()["outputs"]["prompts"])

    return sheet


def retell(model: Path, change: Callable[[str], str]) -> None:
    file = model / "chat_template.jinja"
    file.write_text(change(file.read_text()))


def lines(sheet: Path) -> dict[str, list[int]]:
    return {line["name"]: line["ids"] for line in json.loads(sheet.read_text())["lines"]}


def test_the_sheet_holds_talks_of_many_kinds(prepared: Any, model: Path) -> None:
    assert set(lines(prepared(model))) == PLAIN  # the tiny model's template takes no tools
    retell(model, lambda text: "{% if tools %}{{ tools | tojson }}{% endif %}" + text)
    assert set(lines(prepared(model))) == {*PLAIN, "tools", "called"}


def test_what_the_template_refuses_is_no_talk_of_this_model(prepared: Any, model: Path) -> None:
    refusal = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    retell(model, lambda text: refusal + text)
    assert set(lines(prepared(model))) == PLAIN - {"system"}


def trained(stage: Stages, python: Path, model: Path, sheet: Path) -> StageRun:
    order = {"knobs": KNOBS, **SFT, "device": "cpu"}
    rows = sheet.with_name("rows.arrow")
    inputs = {"fetch": {"model": model}, "prepare": {"rows": rows, "prompts": sheet}}
    return stage("train", python).order(order, inputs)


def test_a_template_changed_since_stops_before_hours_of_training(
    stage: Stages, trl_python: Path, prepared: Any, model: Path
) -> None:
    sheet = prepared(model)
    retell(model, lambda text: text.replace("<|im_end|>\n", "<|im_end|>"))
    train = trained(stage, trl_python, model, sheet)
    assert train.run() == 1
    problem = train.problem()
    assert (problem["code"], problem["params"]["side"]) == ("prompts-differ", "library")
    assert (problem["params"]["talk"], problem["params"]["trained"]) == ("question-1", '198 "\\n"')
    assert problem["params"]["found"] == '256 "<|im_start|>"'
    assert train.metrics() == []


def test_rows_are_told_the_date_of_the_day_they_are_prepared(prepared: Any, model: Path) -> None:
    retell(model, lambda text: "{{ strftime_now('%Y') }}\n" + text)
    sheet = prepared(model)
    first = read_ipc_stream(sheet.with_name("rows.arrow")).read_all()["input_ids"][0].as_py()
    assert first[:5] == json.loads(sheet.read_text())["lines"][0]["ids"][:5]


def test_a_model_without_a_template_reads_on_and_has_no_prompts(
    stage: Stages, trl_python: Path, model: Path, tmp_path: Path
) -> None:
    (model / "chat_template.jinja").unlink()
    text = tmp_path / "book.txt"
    text.write_text("Once upon a time.\n\nThe end.\n")
    data = {"kind": "path", "sources": [asdict(DataSource(ref=str(text)))]}
    prepare = stage("prepare", trl_python).order({"data": data, "knobs": KNOBS}, {"fetch": {"model": model}})
    assert prepare.run() == 0
    assert lines(Path(prepare.done()["outputs"]["prompts"])) == {}


LAST_WEEK = """
import json, sys, time
from dataclasses import asdict
from pathlib import Path
from wizard.stages.prompts import sheet_of
from wizard.stages.template import Talker
sheet = sheet_of(Talker(Path(sys.argv[1])), ["Who are you?"], time.time() - 7 * 86400)
Path(sys.argv[2]).write_text(json.dumps(asdict(sheet)))
"""


def test_a_template_that_tells_the_date_is_the_same_template_next_week(
    stage: Stages, trl_python: Path, lib: Path, prepared: Any, model: Path
) -> None:
    retell(model, lambda text: "{{ strftime_now('%d %b %Y') }}\n" + text)
    sheet = prepared(model)
    today = json.loads(sheet.read_text())
    assert today["dated"] is True
    subprocess.run([str(trl_python), "-c", LAST_WEEK, str(model), str(sheet)], check=True, env=environment(lib))
    assert json.loads(sheet.read_text())["lines"][0]["ids"] != today["lines"][0]["ids"]
    assert trained(stage, trl_python, model, sheet).run() == 0
    retell(model, lambda text: text.replace("%d %b %Y", "%d %B %y"))
    train = trained(stage, trl_python, model, sheet)
    assert train.run() == 1
    assert train.problem()["code"] == "prompts-differ"


def test_an_end_that_only_the_training_taught_ends_answers_of_the_merged_model(
    stage: Stages, trl_python: Path, prepared: Any, model: Path
) -> None:
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        held = json.loads((model / name).read_text())
        changed = {key: 0 if key.endswith("token_id") else "!" for key in held if key.startswith("eos_token")}
        (model / name).write_text(json.dumps(held | changed))
    sheet = prepared(model)
    assert json.loads(sheet.read_text())["ends"] == [257]
    train = trained(stage, trl_python, model, sheet)
    assert train.run() == 0
    merge = stage("merge", trl_python).order(
        {**SFT, "questions": QUESTIONS, "max_new_tokens": 4},
        {
            "fetch": {"model": model},
            "prepare": {"prompts": sheet},
            "train": {"adapter": train.done()["outputs"]["adapter"]},
        },
    )
    assert merge.run() == 0
    assert [event["params"] for event in merge.events("note")] == [{"token": "<|im_end|>"}]
    merged = Path(merge.done()["outputs"]["merged"])
    assert 257 in json.loads((merged / "generation_config.json").read_text())["eos_token_id"]
    assert merge.done()["result"]["prompts"]["talks"] == len(PLAIN)


SERVER = """
from wizard.stages import openai_server, speaking
told = speaking.Model.prompt
def prompt(self, messages, tools=None):
    ids = told(self, messages, tools)
    {fault}
speaking.Model.prompt = prompt
openai_server.main()
"""
FAULTS = {
    "begin-doubled": "return [ids[0], *ids]",
    "text-added": "return told(self, [{'role': 'system', 'content': 'You are kind.'}, *messages], tools)",
    "prompt-refused": "assert messages[0]['role'] != 'system'; return ids",
}


def with_fault(described: dict[str, Any], fault: str) -> dict[str, Any]:
    program = SERVER.replace("{fault}", fault).replace("{", "{{").replace("}", "}}")
    return {**described, "argv": ["-c", program, *described["argv"][2:]]}


@pytest.mark.parametrize("cause", FAULTS)
def test_a_server_that_reads_prompts_otherwise_never_becomes_ready(
    stage: Stages, trl_python: Path, prepared: Any, model: Path, tmp_path: Path, cause: str
) -> None:
    sheet = prepared(model)
    order = with_fault(serving("transformers", tmp_path, context=512, questions=QUESTIONS), FAULTS[cause])
    serve = stage("serve", trl_python).order(order, {"merge": {"merged": model}, "prepare": {"prompts": sheet}})
    assert serve.run() == 1
    problem = serve.problem()
    assert (problem["code"], problem["params"]["side"]) == ("prompts-differ", "endpoint")
    assert problem["params"]["cause"] == cause
    assert serve.events("ready") == []


def test_tools_and_calls_reach_the_template_as_in_training(
    stage: Stages, trl_python: Path, prepared: Any, model: Path, tmp_path: Path
) -> None:
    calls = "{% for m in messages if m.tool_calls %}{{ m.tool_calls[0].function.arguments.place }}{% endfor %}"
    retell(model, lambda text: "{% if tools %}{{ tools | tojson }}{% endif %}" + calls + text)
    sheet = prepared(model)
    assert {"tools", "called"} <= set(lines(sheet))
    order = serving("transformers", tmp_path, context=512, questions=QUESTIONS)
    serve = stage("serve", trl_python).order(order, {"merge": {"merged": model}, "prepare": {"prompts": sheet}})
    process = serve.start()
    try:
        serve.wait_for(lambda stage: bool(stage.events("ready")), process)
    finally:
        process.terminate()
        process.wait()
    assert serve.events("result")[0]["prompts"]["talks"] == len(lines(sheet))


IN_PARTS = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LIBRARY = """
import json, sys
from functools import partial
from pathlib import Path
from wizard.stages import prompts
from wizard.stages.loading import tokenizer_of
from wizard.stages.template import Talker
folder, sheet = map(Path, sys.argv[1:])
library = partial(prompts.library_ids, tokenizer_of(folder))
print(json.dumps(prompts.hold(prompts.read(sheet), "library", library, Talker(folder))))
"""


def test_a_template_that_wants_turns_in_parts_reads_the_same_in_all_places(
    stage: Stages, trl_python: Path, lib: Path, prepared: Any, model: Path, tmp_path: Path
) -> None:
    usual = json.loads(prepared(model).read_text())["lines"]
    retell(model, lambda _: IN_PARTS)
    sheet = prepared(model)
    assert json.loads(sheet.read_text())["lines"] == usual
    command = [str(trl_python), "-c", LIBRARY, str(model), str(sheet)]
    told = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    assert json.loads(told.stdout.splitlines()[-1])["talks"] == len(usual)
    order = serving("transformers", tmp_path, context=512, questions=QUESTIONS)
    serve = stage("serve", trl_python).order(order, {"merge": {"merged": model}, "prepare": {"prompts": sheet}})
    process = serve.start()
    try:
        serve.wait_for(lambda stage: bool(stage.events("ready")), process)
    finally:
        process.terminate()
        process.wait()
    assert serve.events("result")[0]["prompts"]["talks"] == len(usual)
