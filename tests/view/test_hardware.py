from dataclasses import replace

import pytest
from fake_desk import FakeDesk
from fake_values import IDENTITY
from person import sitting_at

from wizard.view.screens.hardware import largest_that_fit, skills
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


async def test_that_it_is_pretended_is_seen_in_the_smallest_window() -> None:
    async with sitting_at(FakeDesk(pretend="rtx-4090x2"), size=(60, 20)) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "2/5 HARDWARE", "pretending: rtx-4090x2")


async def test_a_value_that_is_too_long_goes_on_under_itself(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk, size=(60, 20)) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "Good for")
        await person.press("pagedown")
        await person.see("not answer")
        lines = person.sight.splitlines()
        first = next(place for place, line in enumerate(lines) if line.strip().startswith("Hub"))
        assert lines[first + 1].startswith(" " * 9) and lines[first + 1].strip()


def test_what_takes_days_here_is_not_what_the_machine_is_good_for(desk: FakeDesk) -> None:
    slow = replace(IDENTITY, model="qwen3-8b", seconds=60 * 3600.0)
    catalog = desk.catalog()
    assert largest_that_fit([slow, IDENTITY], catalog) == [IDENTITY]
    assert largest_that_fit([slow], catalog) == [slow]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("avx", "avx2", "fma"), ["AVX2"]),
        (("avx2", "avx512f", "avx512bw", "avx512_bf16", "amx_bf16", "amx_int8"), ["AMX", "AVX-512 BF16"]),
        (("avx2", "avx512f"), ["AVX-512"]),
        (("sve", "bf16"), ["SVE", "BF16"]),
        (("fma",), []),
    ],
)
def test_of_a_processor_only_what_decides_is_told(flags: tuple[str, ...], told: list[str]) -> None:
    assert skills(flags) == told


async def test_all_recipes_are_judged_once_while_it_is_read(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.be_at("Hardware", "Good for")
        await person.wait_until(lambda: len(person.asked("offers")) == 2)
        await person.accept_hardware()
        await person.be_at("RecipeStep", "recommended")
        assert person.asked("offers") == [("identity", True), ("identity", False)]
