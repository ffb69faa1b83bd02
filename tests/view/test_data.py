from dataclasses import replace

from fake_desk import FakeDesk
from fake_values import FILE_REPORT
from person import sitting_at

from wizard.contract import DataReport
from wizard.errors import WizardError


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
        await person.be_at("Review", "/data/r.jsonl", "1,198 rows")


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


async def test_how_long_the_rows_are_is_drawn_with_the_cut_in_sight(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk, size=(80, 60)) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("About 8 of 1,198 rows are longer than 2048 tokens", "How long they are", "<=    256 |####")
        verdict = person.window.draft.verdict
        assert verdict and verdict.knobs.seq_len == 2048
        bars = {line.strip().split(" |")[0]: line for line in person.sight.splitlines() if "<= " in line}
        assert "|###" in bars["<=   1024"] and bars["<=   4096"].rstrip().endswith("|x 8")


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


async def test_f5_goes_on_once_the_pasted_rows_are_checked(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.press("shift+tab", "right")
        await person.see("Paste rows here", "F5 check it")
        await person.press("{", "a")
        await person.type("nd more")
        await person.see("{and more")
        assert "Enter" not in person.sight
        await person.press("f5")
        await person.see("1,198 usable", "F5 next")
        await person.press("b")
        await person.see("F5 check it")
        await person.press("f5")
        await person.see("F5 next")
        await person.press("f5")
        await person.be_at("Review", "pasted/rows.jsonl")


async def test_a_path_typed_while_the_source_is_chosen_goes_into_its_box(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.press("shift+tab", "slash")
        await person.type("d.jsonl")
        await person.see("/d.jsonl", "1,198 usable")


async def test_what_is_missing_is_said_until_something_is_typed(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.press("enter")
        await person.see("Give the path of a file")
        await person.type("/d.jsonl")
        await person.wait_until(lambda: "Give the path" not in person.sight)


async def test_unknown_columns_can_be_mapped_where_they_are_told(gpu_desk: FakeDesk) -> None:
    gpu_desk.failing["inspect"] = WizardError("data-fields-missing", path="/d.csv", columns="q, a", needed="question")
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.csv")
        await person.see("lacks the columns", "or map them", "Mapping")
        gpu_desk.failing.clear()
        await person.press("tab")
        await person.type("question=q, answer=a")
        await person.see("1,198 usable")
        assert person.asked("inspect")[-1] == ("/d.csv", {"mapping": {"question": "q", "answer": "a"}})


async def test_texts_have_no_columns_to_map(gpu_desk: FakeDesk) -> None:
    report = replace(
        FILE_REPORT, kind="text", format="text", mapping={}, rows=1, usable=1, rejected=FILE_REPORT.rejected[:1]
    )
    gpu_desk.inspect = lambda path, **more: report  # type: ignore[method-assign]
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.txt")
        await person.see("1 row,", "line 4")
        assert "Mapping" not in person.sight


async def test_a_question_mark_explains_the_name_and_leaves_it_as_it_was(desk: FakeDesk) -> None:
    async with sitting_at(desk) as person:
        await person.choose_goal()
        await person.accept_hardware()
        await person.pick_recipe()
        await person.be_at("DataStep", "Zephyrine")
        await person.press("question_mark")
        await person.be_at("Help", "What the model shall call itself")
        await person.press("escape")
        await person.be_at("DataStep", "Zephyrine")
