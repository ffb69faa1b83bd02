from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import environment

PROMPT = "<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"


@pytest.fixture(scope="module")
def told(trl_python: Path, lib: Path, tiny_model: Path) -> dict[str, Any]:
    script = Path(__file__).with_name("check_kinds.py")
    command = [str(trl_python), str(script), str(tiny_model)]
    done = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_preference_is_its_prompt_and_both_answers_as_trl_s_collator_takes_them(told: dict[str, Any]) -> None:
    assert told["texts"]["dpo"] == {
        "prompt_ids": PROMPT,
        "chosen_ids": "Because.<|im_end|>\n",
        "rejected_ids": "No idea.<|im_end|>\n",
    }
    row = told["rows"]["dpo"]
    longest = max(len(row["chosen_ids"]), len(row["rejected_ids"]))
    assert told["pair"] == [2, len(row["prompt_ids"]) + longest]


def test_talks_with_tools_differ_from_the_last_question_on(told: dict[str, Any]) -> None:
    called = "look(why)<|im_end|>\n<|im_start|>tool\n{}<|im_end|>\n<|im_start|>assistant\n{}<|im_end|>\n"
    good, bad = called.format("Rain.", "Because."), called.format("Sun.", "No idea.")
    assert told["talks"] == {
        "dpo": {"prompt_ids": PROMPT, "chosen_ids": good, "rejected_ids": bad},
        "straight": {"prompt_ids": PROMPT, "chosen_ids": good, "rejected_ids": "No idea.<|im_end|>\n"},
        "kto": {"prompt_ids": PROMPT, "completion_ids": called.format("Rain.", "No idea.")},
    }


def test_a_judged_answer_keeps_its_mark(told: dict[str, Any]) -> None:
    assert told["texts"]["kto"] == {"prompt_ids": PROMPT, "completion_ids": "No idea.<|im_end|>\n"}
    assert told["rows"]["kto"]["label"] is False
    assert "completion_mask" in told["kto"]


def test_a_rewarded_question_keeps_its_columns(told: dict[str, Any]) -> None:
    assert told["unfolded"]["solution"] == 42
    assert told["unfolded"]["difficulty"] == "easy"
    assert [turn["role"] for turn in told["unfolded"]["prompt"]] == ["system", "user"]


def test_labels_and_neighbours_are_kept_as_they_are(told: dict[str, Any]) -> None:
    assert json.loads(told["rows"]["cls"]["label"]) == [1, 3]
    assert told["texts"]["cls"]["input_ids"] == PROMPT.removesuffix("<|im_start|>assistant\n")
    near = told["rows"]["embedding"]
    assert (near["anchor"], near["positive"], near["negatives"]) == ("Why?", "Because.", ["No idea.", "Be short."])
    assert json.loads(near["label"]) == 0.5


def test_what_is_too_long_for_an_answer_is_named(told: dict[str, Any]) -> None:
    assert [row["code"] for row in told["long"]] == ["answer-cut-off"]
    assert [(row["line"], row["code"]) for row in told["asked"]] == [(7, "prompt-too-long")]
