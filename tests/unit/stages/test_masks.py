from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import environment

WRITES_NO_CALLS = [
    "cohere", "cohere2", "deepseek_r1_distill", "gemma", "gemma3", "idefics3", "lfm2", "llama3", "llava_next", "phi3",
    "phi3_5", "qwen2_5_vl", "smolvlm",
]  # fmt: skip
REFUSED = {  # by name: what these templates do not write out, or refuse
    "tools": WRITES_NO_CALLS,
    "system": ["gemma"],
    "thoughts": ["qwen3_5_nothink"],
}
ANSWERS = {
    "plain": ["AAA-1 好的 😀."],
    "system": ["AAA-1\n\nin two parts"],
    "turns": ["AAA-1", "AAA-2", "AAA-3"],
    "blanks": ["AAA-1"],
    "thoughts": ["AAA-1", "AAA-2"],
    "unweighted": ["AAA-2", "AAA-3"],
    "tools": ["QQ-ZONE", "AAA-1"],
}
MARKS = re.compile(  # what a template itself writes of an answer: ends, headers and empty thoughts
    r"<\|?[^<>]{1,30}\|?>|<｜[^｜]+｜>|</s>|\n|</?think>| to=user|final|assistant|^model(?=AAA)"
)


@pytest.fixture(scope="module")
def learnt(trl_python: Path, lib: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    script = Path(__file__).with_name("check_masks.py")
    command = [str(trl_python), str(script), str(tiny_model), str(tmp_path_factory.mktemp("masks"))]
    told = subprocess.run(command, check=True, env=environment(lib), capture_output=True, text=True)
    found: dict[str, Any] = json.loads(told.stdout.splitlines()[-1])
    assert len(found) > 70
    return found


@pytest.mark.parametrize("talk", ANSWERS)
def test_what_is_learnt_is_the_answers_and_their_ends(learnt: dict[str, Any], talk: str) -> None:
    for template, told in learnt.items():
        if template.removesuffix("_training") in REFUSED.get(talk, ()):
            continue
        stretches = [text for row in told[talk]["rows"] for text in row]
        assert told[talk]["missed"] == 0, template
        assert len(stretches) == len(ANSWERS[talk]), (template, stretches)
        for stretch, answer in zip(stretches, ANSWERS[talk], strict=True):
            assert answer in stretch, (template, stretch)
            assert not re.search("UUU|SSS|RRR", stretch), (template, stretch)
            if talk not in ("thoughts", "tools"):
                left = MARKS.sub("", stretch).strip()
                assert left == MARKS.sub("", answer), (template, stretch)


def test_thoughts_are_learnt_where_the_template_leaves_them_to_the_answer(learnt: dict[str, Any]) -> None:
    for template in ("qwen3", "qwen2_5", "deepseek_r1_distill", "glm4moe", "nemotron_3_nano"):
        stretches = [text for row in learnt[template]["thoughts"]["rows"] for text in row]
        assert ["TTT-1" in text for text in stretches] == [True, False], template
        assert "TTT-2" in stretches[1], template


def test_a_template_that_rewrites_the_past_gives_each_answer_a_row_of_its_own(learnt: dict[str, Any]) -> None:
    assert [len(row) for row in learnt["qwen3"]["turns"]["rows"]] == [1, 1, 1]
    assert [len(row) for row in learnt["qwen2_5"]["turns"]["rows"]] == [3]


@pytest.mark.parametrize("talk", REFUSED)
def test_what_a_template_does_not_write_out_is_named(learnt: dict[str, Any], talk: str) -> None:
    named = {template for template, told in learnt.items() if told[talk].get("missed", 1)}
    assert {template.removesuffix("_training") for template in named} == set(REFUSED[talk])
