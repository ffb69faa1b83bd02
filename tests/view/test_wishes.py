"""What is done with a model once it is there: served, made smaller, measured, with training before it or without."""

from __future__ import annotations

from fake_desk import FakeDesk
from fake_moments import SERVING
from fake_values import RUN
from person import Person, sitting_at

from wizard.contract import Choice
from wizard.errors import WizardError


def planned(person: Person) -> Choice:
    choice = person.asked("plan")[-1][0]
    assert isinstance(choice, Choice)
    return choice


async def reach_the_review_of_serving(person: Person) -> None:
    await person.choose_goal(2)
    await person.accept_hardware()
    await person.pick_recipe()
    await person.be_at("DataStep", "(o) no rows", "Rows are not needed")
    await person.press("enter")
    await person.review()


async def test_enter_all_the_way_serves_a_model_without_a_row(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await reach_the_review_of_serving(person)
        choice = planned(person)
        assert (choice.recipe, choice.data.kind, choice.serve) == ("serve", "none", True)
        assert "train" not in person.sight.split("\n", 8)[8]
        assert "learn all rows" not in person.sight
        await person.press("enter")
        await person.be_at("WatchScreen")


async def test_the_list_tells_the_context_and_what_it_gave_up_for_it(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal(2)
        await person.accept_hardware()
        await person.be_at(
            "RecipeStep", "Context", "8192", "as it is", "conversations at once 2", "key-value cache 1.0"
        )
        await person.see("A token takes 45 ms")
        await person.press("k")
        await person.be_at("KnobsScreen", "context", "< 8192 >", "conversations at once")
        assert "learning rate" not in person.sight


async def test_rows_may_be_brought_all_the_same(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal(2)
        await person.accept_hardware()
        await person.pick_recipe()
        await person.be_at("DataStep", "(o) no rows")
        await person.press("right")
        await person.type("/data/r.jsonl")
        await person.see("1,198 usable")
        await person.press("enter")
        await person.review()
        assert planned(person).data.ref == "/data/r.jsonl"
        assert "learn all rows" not in person.sight and "to check with" not in person.sight
        await person.press("z", "down", "enter")
        await person.be_at("Review", "(o) quantise first: FP8", "(o) use all rows", "to check with")


async def test_a_format_is_chosen_from_a_list_and_taken_back_at_the_switch(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        await person.see("(o) not quantised")
        await person.press("z")
        await person.be_at("FormatsScreen", "FP8", "AWQ, 4 bits")
        await person.press("down")
        await person.see("run on an AVX2 CPU")
        await person.press("enter")
        await person.be_at("Review", "(o) quantise first: FP8", "quantise  ")
        assert planned(person).quantise == "fp8-dynamic"
        await person.press("tab", "left")
        await person.see("(o) not quantised")
        assert planned(person).quantise == ""


async def test_a_format_that_nothing_here_loads_says_why_and_is_not_taken(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        await person.press("z")
        await person.be_at("FormatsScreen", "FP8", "bits, not here")
        await person.press("down", "down")
        await person.see("dies at the first request")
        await person.press("enter")
        assert person.screen == "FormatsScreen"
        await person.press("escape")
        await person.be_at("Review", "(o) not quantised")
        assert planned(person).quantise == ""


async def test_measuring_is_a_switch_and_a_stage(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        assert "evaluate  " not in person.sight.split("serve when done")[0]
        await person.press("e")
        await person.see("(o) evaluate first")
        await person.wait_until(lambda: planned(person).evaluate)


async def test_a_wish_that_cannot_be_is_told_beside_its_switch(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        desk.failing["plan"] = WizardError("nothing-to-do", recipe="serve")
        await person.press("e")
        await person.see("It cannot be done so: Nothing would be done")
        assert person.screen == "Review"
        await person.press("enter")
        assert not person.asked("launch")
        desk.failing.clear()
        await person.press("e")
        await person.review()


async def test_yesterdays_model_is_quantised_today(desk: FakeDesk) -> None:
    desk.moment = SERVING
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("Done")
        await person.press("escape")
        await person.see("z quantise", "e evaluate")
        await person.press("z")
        await person.be_at("FormatsScreen", "FP8")
        await person.press("down", "enter")
        await person.be_at("Review", "(o) quantise first: FP8")
        choice = planned(person)
        assert (choice.recipe, choice.quantise, choice.questions) == ("serve", "fp8-dynamic", ("Who are you?",))
        assert choice.data.params == {"name": "Zephyrine"}
        await person.press("escape")
        await person.be_at("Done")


async def test_yesterdays_model_is_measured_today(desk: FakeDesk) -> None:
    desk.moment = SERVING
    async with sitting_at(desk, attach=RUN) as person:
        await person.be_at("Done")
        await person.press("escape", "e")
        await person.be_at("Review", "(o) evaluate first")
        assert planned(person).evaluate


async def test_the_hardware_screen_says_what_can_be_served_well(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal(2)
        await person.be_at("Hardware", "Good for", "serving SmolLM2-135M as it is")
