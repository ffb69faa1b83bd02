from dataclasses import replace

import pytest
from fake_desk import FakeDesk
from fake_values import FILE_REPORT
from person import Person, sitting_at

from wizard.contract import DataReport, Rejected
from wizard.errors import WizardError


async def test_a_file_is_recognised_shown_and_its_rejects_counted(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk, size=(100, 40)) as person:
        await person.reach_files()
        await person.type("/data/r.jsonl")
        await person.see(
            "conversations (alpaca), 1,204 rows, 1,198 usable",
            "Not used: 5 (an empty answer), lines 4, 19, 88, 91, 202",
            "no field `output`",
            "gb18030, Chinese",
            "instruction=instruction, output=output",
            "learning from questions and answers",
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
        await person.see("Give a file, a folder")


UNREAD = WizardError("data-fields-missing", path="/d.csv", columns="q, a", needed="question")


async def at_the_columns(person: Person, path: str = "/data/r.csv") -> None:
    await person.reach_files()
    await person.type(path)
    await person.see("F6 columns")
    await person.press("f6")
    await person.be_at("ColumnsScreen", "< alpaca >")


async def test_a_column_is_turned_and_the_rows_are_read_again_at_once(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_columns(person)
        await person.see("< gb18030 >", "the answer to learn, needed")
        await person.press("down", "down", "right")
        wanted = {"format": "alpaca", "mapping": {"instruction": "context", "output": "output"}}
        await person.wait_until(lambda: person.asked("inspect")[-1] == ("/data/r.csv", wanted))
        await person.see("< context >", "u undo", "<|im_start|>user")
        await person.press("enter")
        await person.be_at("DataStep", "1,198 usable")
        await person.press("enter")
        await person.be_at("Review")
        assert len(person.asked("inspect")) == 2  # what was shown there is not read again
        (choice,) = person.asked("plan")[-1]
        assert choice.data.mapping == wanted["mapping"]  # type: ignore[attr-defined]


async def test_a_turn_is_taken_back_and_leaving_takes_back_all(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_columns(person)
        await person.press("down", "down", "right")
        await person.see("< context >")
        await person.press("right")
        await person.see("u undo", "< output >")
        await person.press("u")
        await person.see("< context >")
        await person.press("u")
        await person.wait_until(lambda: "< context >" not in person.sight and "u undo" not in person.sight)
        await person.press("right")
        await person.see("< context >")
        await person.press("escape")
        await person.be_at("DataStep", "instruction=instruction")
        assert person.window.draft.told.mapping == {}


async def test_another_format_looks_for_its_columns_anew(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_columns(person)
        await person.press("right")
        await person.wait_until(lambda: person.asked("inspect")[-1] == ("/data/r.csv", {"format": "qa"}))


async def test_a_role_that_is_not_needed_can_be_left_empty(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_columns(person)
        await person.press("down", "down", "down", "right")
        await person.see("< id >")
        await person.press("left")
        await person.see("< - >")
        assert person.asked("inspect")[-1][1]["mapping"]["input"] == ""  # type: ignore[index]


async def test_what_cannot_be_read_so_is_told_and_can_be_taken_back(gpu_desk: FakeDesk) -> None:
    async with sitting_at(gpu_desk) as person:
        await at_the_columns(person)
        gpu_desk.failing["inspect"] = WizardError(
            "data-fields-missing", path="/d.csv", columns="q, a", needed="question"
        )
        await person.press("right")
        await person.see("lacks the columns", "< qa >")
        gpu_desk.failing.clear()
        await person.press("u")
        await person.see("Recognised", "< alpaca >")


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


@pytest.mark.parametrize(
    ("kind", "tasks", "told"),
    [
        (
            "preference",
            ("dpo",),
            ("preferring the better answer (DPO)", "No recipe here does that yet", "read `answer`"),
        ),
        ("text", ("cpt",), ("reading on", "make rows of a question")),
    ],
)
async def test_rows_for_another_goal_are_refused_with_what_they_suit(
    gpu_desk: FakeDesk, kind: str, tasks: tuple[str, ...], told: tuple[str, ...]
) -> None:
    report = DataReport(
        kind=kind, format="chosen", encoding="utf-8", mapping={}, exact=True, rows=30, usable=30, rejected=(),
        samples=(), tasks=tasks,
    )  # fmt: skip
    gpu_desk.inspect = lambda path, **more: report  # type: ignore[method-assign]
    async with sitting_at(gpu_desk, size=(100, 30)) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("do not suit the goal", *told)
        await person.press("enter")
        await person.pilot.pause()
        assert person.screen == "DataStep"


async def test_leaving_the_screen_ends_a_reading(gpu_desk: FakeDesk) -> None:
    gpu_desk.may_inspect.clear()
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/big.jsonl")
        await person.see("1,000 rows so far")
        looking = person.window.screen._looking  # type: ignore[attr-defined]
        await person.press("escape")
        await person.be_at("RecipeStep")
        gpu_desk.may_inspect.set()
        await person.pilot.pause()
        assert looking.rows == 1000  # it heard of no more


async def test_lengths_are_estimated_at_once_and_counted_where_the_tokenizer_is_here(gpu_desk: FakeDesk) -> None:
    gpu_desk.countable = True
    async with sitting_at(gpu_desk, size=(100, 60)) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("counted by the model's tokenizer")
        assert len(person.asked("inspect")) == 2


async def test_typing_on_ends_the_reading_of_what_was_typed_before(gpu_desk: FakeDesk) -> None:
    gpu_desk.may_inspect.clear()
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/a.jsonl")
        await person.see("1,000 rows so far")
        await person.type("l.jsonl")
        await person.wait_until(lambda: len(person.asked("inspect")) == 2)
        gpu_desk.may_inspect.set()
        await person.see("1,198 usable")


async def test_all_reasons_are_listed_in_full(gpu_desk: FakeDesk) -> None:
    codes = ("empty-answer", "empty-question", "no-answer", "bad-json", "no-messages", "bad-history")
    rejected = tuple(Rejected(line=line, code=code) for line, code in enumerate(codes, 5))
    report = replace(FILE_REPORT, rejected=rejected, reasons=dict.fromkeys(codes, 1))
    gpu_desk.inspect = lambda path, **more: report  # type: ignore[method-assign]
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("3 more reasons: F7 lists all")
        await person.press("f7")
        await person.be_at("Leaf", "Rows that are not used", "the history is not a list", "line 10")


async def test_a_better_and_a_worse_answer_are_named(gpu_desk: FakeDesk) -> None:
    gpu_desk.rendered = lambda model, samples: [[("chosen", "good<|im_end|>"), ("rejected", "bad<|im_end|>")]]  # type: ignore[method-assign]
    async with sitting_at(gpu_desk, size=(100, 40)) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("1 (the better answer) good<|im_end|>", "1 (the worse answer) bad<|im_end|>")


async def test_a_row_that_the_template_refuses_is_shown_as_it_is_with_the_reason(gpu_desk: FakeDesk) -> None:
    def refuse(model: str, samples: object) -> list[list[tuple[str, str]]]:
        raise WizardError("template-failed", why="no system turn")

    gpu_desk.rendered = refuse  # type: ignore[method-assign]
    async with sitting_at(gpu_desk, size=(100, 40)) as person:
        await person.reach_files()
        await person.type("/d.jsonl")
        await person.see("does not accept this row", "1 user: 你是谁？")


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
    gpu_desk.rendered = lambda model, samples: [[("", "[/foo] list[int] \x1b[31mred\x1b[0m <|im_end|>")]]  # type: ignore[method-assign]
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
        await person.see("Give a file, a folder")
        await person.type("/d.jsonl")
        await person.wait_until(lambda: "Give the path" not in person.sight)


async def test_unknown_columns_can_be_mapped_where_they_are_told(gpu_desk: FakeDesk) -> None:
    gpu_desk.failing["inspect"] = UNREAD
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.csv")
        await person.see("lacks the columns", "F6 columns")
        await person.press("f6")
        await person.be_at("ColumnsScreen", "question", "< - >")
        await person.press("down", "down", "right")
        await person.see("< q >", "lacks the columns")
        gpu_desk.failing.clear()
        await person.press("down", "left")
        await person.see("Recognised")
        told = {"format": "qa", "mapping": {"question": "q", "answer": "a"}}
        await person.wait_until(lambda: person.asked("inspect")[-1] == ("/d.csv", told))


async def test_texts_have_no_columns(gpu_desk: FakeDesk) -> None:
    report = replace(
        FILE_REPORT, kind="text", format="text", mapping={}, rows=1, usable=1, rejected=FILE_REPORT.rejected[:1]
    )
    gpu_desk.inspect = lambda path, **more: report  # type: ignore[method-assign]
    async with sitting_at(gpu_desk) as person:
        await person.reach_files()
        await person.type("/d.txt")
        await person.see("1 row,", "line 4", "no columns: a row is a text")


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
