import asyncio

import pytest
from fake_desk import FakeDesk
from fake_moments import DONE, HERE, SERVING
from person import sitting_at

from wizard.errors import WizardError
from wizard.view.errands import Returned
from wizard.view.screens.welcome import Welcome


async def test_it_offers_to_attach_to_what_is_going_on(desk: FakeDesk) -> None:
    desk.here = HERE
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Going on", "41/60")
        await person.press("a")
        await person.be_at("WatchScreen", HERE[0].run)


async def test_it_offers_what_is_served(desk: FakeDesk) -> None:
    desk.here = (DONE, SERVING)
    desk.moment = SERVING
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Being served")
        await person.press("a")
        await person.be_at("Done")


async def test_nothing_going_on_offers_nothing(desk: FakeDesk) -> None:
    desk.here = (DONE,)
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Give a model a name")
        assert "attach" not in person.sight
        await person.press("a")
        assert person.screen == "Welcome"


async def test_only_goals_with_a_recipe_are_offered(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Teach it from my questions and answers")
        assert person.window.screen.query_one("#goals").option_count == 3  # type: ignore[attr-defined]


async def test_an_enter_before_the_list_has_come_is_kept(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.press("enter")
        await person.be_at("Hardware")


async def test_runs_are_listed_opened_and_stopped(desk: FakeDesk) -> None:
    desk.here = HERE
    async with sitting_at(desk) as person:
        await person.press("r")
        await person.be_at("Runs", "serving", "failed", HERE[3].run)
        await person.press("s")
        await person.be_at("Confirm", "Stop " + HERE[0].run)
        await person.press("down", "down", "enter")
        await person.wait_until(lambda: person.asked("stop") == [(HERE[0].run, False)])
        await person.be_at("Runs")
        await person.press("enter")
        await person.be_at("WatchScreen", HERE[0].run)


async def test_esc_answers_no(desk: FakeDesk) -> None:
    desk.here = HERE
    async with sitting_at(desk) as person:
        await person.press("r")
        await person.be_at("Runs", HERE[0].run)
        await person.press("s")
        await person.be_at("Confirm")
        await person.press("escape")
        await person.be_at("Runs")
        assert person.asked("stop") == []


@pytest.mark.parametrize("key", ["q", "ctrl+q", "ctrl+c"])
async def test_every_way_out_leaves_quietly(desk: FakeDesk, key: str) -> None:
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Give a model a name")
        await person.press(key)
        await person.wait_until(lambda: person.window.return_value == 0)


async def test_a_machine_that_cannot_be_read_is_told(desk: FakeDesk) -> None:
    desk.failing["machine"] = WizardError("nvml-failed", error="odd answer")
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("ProblemScreen", "odd answer")
        await person.press("enter")
        desk.failing.clear()
        await person.be_at("Hardware")
        await person.press("r")
        await person.see("Good for")


async def test_a_runs_folder_that_cannot_be_read_does_not_close_the_door(desk: FakeDesk) -> None:
    def broken() -> tuple[()]:
        raise WizardError("plan-unreadable", path="/x", error="odd")

    desk.runs = broken  # type: ignore[method-assign]
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()


async def test_what_is_going_on_is_told_as_it_is_now(desk: FakeDesk) -> None:
    desk.here = (HERE[0],)
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Going on", "41/60")
        desk.here = (SERVING,)
        await person.see("Being served")


async def test_only_what_goes_on_can_be_stopped(desk: FakeDesk) -> None:
    desk.here = (HERE[0], HERE[3])
    async with sitting_at(desk) as person:
        await person.press("r")
        await person.be_at("Runs", "s stop")
        await person.press("down")
        await person.wait_until(lambda: "s stop" not in person.sight)
        await person.press("up")
        await person.see("s stop")


async def test_the_list_of_runs_follows_what_happens(desk: FakeDesk) -> None:
    desk.here = (HERE[0], HERE[3])
    async with sitting_at(desk) as person:
        await person.press("r")
        await person.be_at("Runs", "41/60")
        await person.press("down")
        desk.here = (SERVING, HERE[3])
        await person.see("serving")


async def test_in_the_smallest_window_no_word_is_lost(desk: FakeDesk) -> None:
    desk.here = HERE
    async with sitting_at(desk, size=(60, 20)) as person:
        await person.be_at("Welcome", "tables,", "ShareGPT", HERE[0].run, "[a] attach")


async def test_what_comes_while_the_language_changes_is_told_afterwards(
    desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = Welcome.recompose

    async def with_news(screen: Welcome) -> None:
        await screen.query("*").remove()
        screen.post_message(Returned(screen._runs, HERE))
        await asyncio.sleep(0.1)
        await again(screen)

    monkeypatch.setattr(Welcome, "recompose", with_news)
    desk.here = HERE
    async with sitting_at(desk) as person:
        await person.be_at("Welcome", "Give a model a name")
        await person.press("l")
        await person.be_at("Welcome", "想做什么", "41/60")
