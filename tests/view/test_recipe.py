from dataclasses import replace

import pytest
from fake_desk import FakeDesk
from fake_values import CATALOG, IDENTITY, METHODS, MODELS, RECIPES, SFT
from person import Person, sitting_at
from textual.widgets import DataTable

from wizard.contract import Generator, Problem, Verdict
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
        await person.see("Enter cannot take this one", "needs 29.4 GiB")
        assert person.screen == "RecipeStep" and "choose" not in person.sight
        await person.press("up")
        await person.wait_until(lambda: "Enter cannot take" not in person.sight and "choose" in person.sight)


async def test_a_tight_one_says_what_it_gave_up(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("slash")
        await person.type("dora")
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
        await person.see("called `nosuch`", "Esc end the search")
        await person.press("enter", "enter")
        assert person.screen == "RecipeStep"
        await person.press("escape")
        await person.see("Qwen3-8B")


async def test_a_model_has_one_line_of_the_way_that_is_advised(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        table = person.window.screen.query_one("#offers", DataTable)
        assert [str(table.get_row_at(row)[0]).strip() for row in range(table.row_count)] == [
            "Qwen3-8B", "Qwen3-14B", "Qwen3-32B",
        ]  # fmt: skip
        assert "DoRA" not in person.sight


async def test_other_ways_stand_behind_m_with_for_whom_they_are(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("m")
        await person.be_at("WaysScreen", "advised", "LoRA", "QLoRA", "DoRA", "The list then has one line a model")
        await person.press("down")
        await person.see("The usual way.")
        await person.press("down", "enter")
        await person.be_at("RecipeStep", "Only QLoRA: 3 of 5")
        await person.press("m")
        await person.be_at("WaysScreen", "third of the memory")
        await person.press("home", "enter")
        await person.be_at("RecipeStep")
        await person.wait_until(lambda: "Only" not in person.sight)
        assert current(person) == SFT[0]


async def test_esc_leaves_the_ways_as_they_were(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("m")
        await person.be_at("WaysScreen")
        await person.press("down", "escape")
        await person.be_at("RecipeStep")
        assert "Only" not in person.sight


async def test_what_no_card_has_run_says_so(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.see("Not yet run on a GPU")


def judged(place: int, **more: object) -> Verdict:
    return replace(SFT[place], **more)  # type: ignore[arg-type]


async def test_the_same_model_on_more_cards_stands_apart(gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    two = judged(1, recipe="sft-dora", knobs=replace(SFT[1].knobs, n_gpus=2))
    monkeypatch.setattr(gpu_desk, "offers", lambda *_, **__: (SFT[0], SFT[1], two))
    for width in (60, 80):
        async with sitting_at(gpu_desk, size=(width, 24)) as person:
            await person.reach_recipes()
            await person.press("slash")
            await person.type("qwen3-8b")
            lines = [line.split() for line in person.sight.splitlines() if "19.1 GiB" in line]
            assert [line[2] for line in lines] == ["1", "2"]
            await person.see("Cards")


async def test_a_recipe_whose_answers_a_card_writes_says_which_card_does_what(
    gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    gib = 2**30
    apart = Generator(gpus=(2,), needed_bytes=8 * gib, safe_bytes=9 * gib, capacity_bytes=22 * gib, passing_bytes=gib)
    three = judged(0, gpus=(0, 1, 2), generator=apart, knobs=replace(SFT[0].knobs, n_gpus=2))
    monkeypatch.setattr(gpu_desk, "offers", lambda *_, **__: (three,))
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.see("on 2+1 cards", "GPU 0, 1: training; GPU 2: answers by vLLM, 8.0 GiB or more of 22.0 GiB")


async def test_without_a_card_the_row_says_what_is_lacking(desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = judged(4, capacity_bytes=0, reason=Problem(code="needs-gpu", params={"needed_bytes": 30e9}), remedies=())
    monkeypatch.setattr(desk, "offers", lambda *_, **__: (IDENTITY, replace(lacking, task="identity")))
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.be_at("RecipeStep", "no GPU")
        await person.press("down")
        await person.see("needs a GPU with about")
        assert "of 0 GiB" not in person.sight


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40)])
async def test_the_row_under_the_cursor_is_always_in_sight(
    gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    many = [judged(4, model=model, recipe=recipe) for recipe in RECIPES for model in MODELS]
    monkeypatch.setattr(gpu_desk, "offers", lambda *_, **__: (SFT[0], *[v for v in many if v.model != "qwen3-8b"]))
    async with sitting_at(gpu_desk, size=size) as person:
        await person.reach_recipes()
        await person.press("slash")
        await person.type("-")
        await person.press("enter", "end")
        await person.see("What helps")
        table = person.window.screen.query_one("#offers", DataTable)
        await person.wait_until(lambda: table.scroll_y + table.size.height - 1 > table.cursor_row)
        assert table.max_scroll_x == 0


async def test_g_shows_only_what_fits(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("g")
        await person.wait_until(lambda: "Qwen3-32B" not in person.sight)
        await person.press("g")
        await person.see("Qwen3-32B")


@pytest.mark.parametrize(
    ("tuner", "shown", "hidden"),
    [("full", "sequence length", ("rank", "alpha")), ("vera", "rank", ("alpha",)), ("lora", "alpha", ())],
)
async def test_only_the_knobs_that_a_method_has_are_there_to_turn(
    gpu_desk: FakeDesk, monkeypatch: pytest.MonkeyPatch, tuner: str, shown: str, hidden: tuple[str, ...]
) -> None:
    methods = {**METHODS, "qlora": replace(METHODS["qlora"], tuner=tuner)}  # type: ignore[arg-type]
    monkeypatch.setattr(gpu_desk, "catalog", lambda: replace(CATALOG, methods=methods))
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("k")
        await person.be_at("KnobsScreen", shown, "learning rate")
        table = person.window.screen.query_one("#knobs", DataTable)
        names = {str(key.value) for key in table.rows}
        assert not names & set(hidden)


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


async def test_no_limit_is_said_and_knobs_that_no_longer_fit_are_told(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_recipes()
        await person.press("k")
        await person.be_at("KnobsScreen", "< no limit >", "Qwen3-8B  QLoRA")
        await person.press("question_mark")
        await person.be_at("Help", "turn the knob under the cursor")
        await person.press("escape")
        await person.press("right", "right", "right", "right")
        await person.see("GiB short: It with this needs", "of GPU memory are")
