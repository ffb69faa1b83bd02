from fake_desk import FakeDesk
from fake_values import SFT
from person import Person, sitting_at

from wizard.view.screens.recipe import RecipeStep
from wizard.view.widgets.memory import MemoryBar


def current(person: Person) -> object:
    screen = person.window.screen
    assert isinstance(screen, RecipeStep)
    return screen.current()


async def test_the_best_is_under_the_cursor(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        assert current(person) == SFT[0]
        await person.see("9.8 of 22.8 GiB", "weights 5.6")


async def test_what_does_not_fit_says_why_and_what_helps_and_cannot_be_taken(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("end")
        await person.see("6.6 GiB short", "needs 29.4 GiB", "What helps", "Qwen3-14B would fit")
        await person.press("enter")
        await person.see("This does not fit here")
        assert person.screen == "RecipeStep"


async def test_a_tight_one_says_what_it_gave_up(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("down", "down", "down")
        await person.see("tight", "So that it fits: sequence length 1024")


async def test_searching_narrows_and_esc_ends_it(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("slash")
        await person.type("14b qlora")
        await person.wait_until(lambda: "Qwen3-8B" not in person.sight)
        await person.see("Qwen3-14B")
        await person.press("escape")
        await person.see("Qwen3-8B", "Qwen3-32B")
        assert person.screen == "RecipeStep"


async def test_a_search_that_finds_nothing_says_so(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("slash")
        await person.type("nosuch")
        await person.see("Nothing matches")
        await person.press("enter", "enter")
        assert person.screen == "RecipeStep"


async def test_g_shows_only_what_fits_and_m_goes_through_the_methods(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("g")
        await person.wait_until(lambda: "Qwen3-32B" not in person.sight)
        await person.press("g", "m")
        await person.wait_until(lambda: "DoRA" not in person.sight)
        await person.see("Qwen3-32B")


async def test_turning_a_knob_moves_the_bar_and_is_kept(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("k")
        await person.be_at("KnobsScreen", "sequence length", "9.8 of 22.8 GiB")
        await person.see("longest piece of text")
        await person.press("right")
        await person.see("< 4096 >", "12.8 of 22.8 GiB")
        await person.press("enter")
        await person.be_at("RecipeStep", "knobs turned", "12.8 GiB")
        await person.press("enter")
        await person.be_at("DataStep")
        assert person.window.draft.verdict is not None
        assert person.window.draft.verdict.knobs.seq_len == 4096


async def test_turning_too_far_is_told_before_it_is_taken(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("k")
        await person.be_at("KnobsScreen")
        await person.press("down", "right", "right", "right")
        await person.see("30.8 of 22.8 GiB")
        assert person.window.screen.query_one(MemoryBar).verdict.status == "no"  # type: ignore[union-attr]
        await person.press("0")
        await person.see("9.8 of 22.8 GiB")


async def test_esc_discards_what_was_turned(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("k")
        await person.be_at("KnobsScreen")
        await person.press("right")
        await person.see("< 4096 >")
        await person.press("escape")
        await person.be_at("RecipeStep", "9.8 GiB")
        assert "knobs turned" not in person.sight


async def test_looking_again_judges_anew(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.choose_goal(1)
        await person.be_at("Hardware", "Good for")
        await person.press("r")
        await person.wait_until(lambda: (True,) in person.asked("machine"))
        await person.accept_hardware()
        await person.be_at("RecipeStep", "recommended")
