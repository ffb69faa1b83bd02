"""The way to a model that sees: rows with pictures suit a goal, which has offers, and a plan that says what learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import Desk
from wizard.session.starting import first_questions
from wizard.session.steps import goals
from wizard.session.suiting import ready


@pytest.fixture
def desk(home: Home) -> Desk:
    home.root.mkdir()
    return Desk(home, pretend="rtx-4090")


@pytest.fixture
def rows(tmp_path: Path) -> str:
    Image.new("RGB", (84, 84), "red").save(tmp_path / "red.png")
    asked = ["<image>Which colour?", "<image>Describe it.", "Who are you?"]
    talks = [[{"role": "user", "content": text}, {"role": "assistant", "content": "Red."}] for text in asked]
    pictures = [{"images": ["red.png"]} if "<image>" in text else {} for text in asked]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"messages": t, **p}) + "\n" for t, p in zip(talks, pictures, strict=True)))
    return str(file)


def test_rows_with_pictures_suit_a_goal_that_is_offered(desk: Desk, rows: str) -> None:
    report = desk.taken(desk.data_choice(rows))
    assert report and "vision" in report.tasks
    assert desk.unsuited(report, "vision") is None
    assert "vision" in ready(report.tasks, desk.catalog())
    assert "vision" in goals(desk.catalog(), own=True)


def test_a_question_about_a_picture_is_not_asked_without_it(desk: Desk, rows: str) -> None:
    assert first_questions(desk.taken(desk.data_choice(rows)), "vision") == ("Who are you?",)


@pytest.mark.parametrize(("recipe", "tower"), [("vision-lora", "frozen"), ("vision-lora-tower", "lora")])
@pytest.mark.parametrize("model", ["qwen2.5-vl-3b", "smolvlm2-500m", "internvl3-1b"])
def test_a_plan_for_a_model_that_sees_says_what_of_it_learns(
    desk: Desk, rows: str, recipe: str, tower: str, model: str
) -> None:
    plan = desk.plan(desk.choose(desk.judge(recipe, model), desk.data_choice(rows)))
    specs = {stage.name: stage.spec for stage in plan.stages}
    assert (specs["prepare"]["task"], specs["train"]["trainer"]) == ("vision", "vision")
    assert specs["train"]["settings"]["tower"] == tower
    assert specs["serve"]["engine"] == "transformers"
    assert plan.choice.engines["train"] == "trl"


def test_a_model_that_reads_text_alone_is_not_offered_for_it(desk: Desk) -> None:
    offered = {verdict.model for verdict in desk.offers("vision", terms=False)}
    assert "qwen2.5-vl-3b" in offered
    assert all("image" in desk.catalog().models[model].modality for model in offered)
    assert not offered & {"llama-4-scout", "pixtral-12b", "paligemma-3b-224"}
    with pytest.raises((WizardError, LookupError)):
        desk.plan(desk.choose(desk.judge("vision-lora", "qwen3-4b"), desk.bundled_choice("identity")))
