import pytest
from fake_desk import FakeDesk
from person import sitting_at

from wizard.words import say


async def test_hubs_that_have_not_answered_hold_nothing_up(desk: FakeDesk) -> None:
    desk.may_reach.clear()
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "Good for", "Hub", "...")
        desk.may_reach.set()
        await person.see("ModelScope answers in 0.2 s", "Hugging Face does not answer")


async def test_one_may_go_on_without_the_hubs(desk: FakeDesk) -> None:
    desk.may_reach.clear()
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.be_at("RecipeStep", "recommended")
    desk.may_reach.set()


async def test_looking_again_asks_the_hubs_again(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "Good for", "ModelScope")
        await person.press("r")
        await person.wait_until(lambda: len(person.asked("hubs")) == 2)


async def test_where_downloads_are_off_no_hub_is_asked(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "hubs", dict)
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", say("view.hardware.hub_offline"))
