"""The last step's switches: serving, rows kept to check with, a copy of data that lie on a network."""

from __future__ import annotations

from fake_desk import FakeDesk
from person import Person, sitting_at

from wizard.contract import Choice, DataChoice, Problem

FAR = Problem(
    code="data-far",
    params={
        "path": "/net/r.jsonl",
        "file_system": "nfs4",
        "mb": 12,
        "bytes": 9e9,
        "seconds": 750,
        "store": "/home/you",
    },
)


async def at_the_review(person: Person) -> None:
    await person.reach_files()
    await person.type("/data/r.jsonl")
    await person.see("1,198 usable")
    await person.press("enter")
    await person.review()


def planned(person: Person) -> DataChoice:
    choice = person.asked("plan")[-1][0]
    assert isinstance(choice, Choice)
    return choice.data


async def test_five_in_a_hundred_rows_are_kept_aside_at_a_key(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_review(person)
        await person.see("(o) learn all rows", "v keep some aside")
        assert planned(person).validation == 0.0
        await person.press("v")
        await person.see("(o) keep 5% to check with", "1,138 rows to learn, 60 kept")
        assert planned(person).validation == 0.05
        await person.press("tab", "tab", "tab", "question_mark")
        await person.see("learned by heart")


async def test_bundled_rows_have_no_switch_for_that(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.reach_review()
        assert "learn all rows" not in person.sight
        await person.press("v", "n")
        assert (planned(person).validation, planned(person).copied) == (0.0, False)


async def test_data_on_a_network_are_copied_first_at_a_key_and_only_they_can_be(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk, size=(100, 40)) as person:
        await at_the_review(person)
        assert "copy" not in person.sight
        await person.press("escape")
        gpu_desk.warned = (FAR,)
        await person.press("enter")
        await person.be_at("Review", "reads 12 MB a second", "`n`", "( ) copy them here first")
        await person.press("n")
        gpu_desk.warned = ()
        await person.see("(o) copy them here first")
        assert planned(person).copied
