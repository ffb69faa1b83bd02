from fake_desk import FakeDesk
from person import sitting_at

from wizard.contract import DataReport


async def test_a_file_is_recognised_shown_and_its_rejects_counted(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk, size=(100, 40)) as person:
        await person.reach_files()
        await person.type("/data/r.jsonl")
        await person.see(
            "conversations (alpaca), 1,204 rows, 1,198 usable, gb18030",
            "Not used: 5 (an empty answer), lines 4, 19, 88, 91, 202",
            "no field `output`",
            "user=instruction, assistant=output",
            "<|im_start|>user",
        )
        await person.press("enter")
        await person.be_at("Review", "/data/r.jsonl", "1198 rows")


async def test_a_missing_file_is_told_beside_the_box(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/data/nosuch")
        await person.press("enter")
        await person.see("There is no file /data/nosuch", "Check the path")
        assert person.screen == "DataStep"
        await person.press("enter")
        assert person.screen == "DataStep"
        await person.type(".jsonl")
        await person.see("1,198 usable")


async def test_enter_without_an_answer_says_what_is_missing(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.press("enter")
        await person.see("Give the path of a file")


async def test_the_mapping_can_be_changed(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/data/r.csv")
        await person.see("Mapping")
        await person.press("tab", "end", "ctrl+u")
        await person.type("user=q, assistant=a")
        wanted = {"mapping": {"user": "q", "assistant": "a"}}
        await person.wait_until(lambda: ("/data/r.csv", wanted) in person.asked("inspect"))


async def test_pasted_rows_are_kept_as_a_file_and_checked(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.press("shift+tab", "right")
        await person.see("(o) paste", "check it")
        await person.press("tab")
        await person.type("rows")
        await person.press("f5")
        await person.see("1,198 usable")
        assert person.asked("paste") == [("rows",)]
        await person.press("shift+tab", "enter")
        await person.be_at("Review", "pasted/rows.jsonl")


async def test_rows_for_another_goal_are_refused(gpu_desk: FakeDesk) -> None:
    report = DataReport(
        kind="preference", format="chosen", encoding="utf-8", mapping={}, exact=True, rows=3, usable=3, rejected=(),
        samples=(), tasks=("dpo",),
    )  # fmt: skip
    gpu_desk.inspect = lambda path, **more: report  # type: ignore[method-assign]
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("preference pairs")
        await person.press("enter")
        await person.see("do not suit this goal")
        assert person.screen == "DataStep"


async def test_square_brackets_and_escapes_in_rows_are_just_text(gpu_desk: FakeDesk) -> None:
    gpu_desk.rendered = lambda model, messages: "[/foo] list[int] \x1b[31mred\x1b[0m <|im_end|>"  # type: ignore[method-assign]
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("[/foo] list[int] red <|im_end|>")


async def test_the_defaults_follow_the_language_until_they_are_typed_over(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.pick_recipe()
        await person.be_at("DataStep", "Zephyrine", "the Anvil team")
        await person.press("f2")
        await person.see("小锤", "铁砧团队", "我是小锤")
        await person.press("end", "ctrl+u")
        await person.type("Bo")
        await person.press("f2")
        await person.see("I am Bo, a helpful assistant built by the Anvil team")
