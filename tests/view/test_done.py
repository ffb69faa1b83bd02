from dataclasses import replace

import fake_moments as moments
import fake_values as values
import pytest
from fake_desk import FakeDesk
from fake_values import RUN
from person import Person, sitting_at

from wizard import words
from wizard.errors import WizardError


@pytest.fixture
def served(desk: FakeDesk) -> FakeDesk:
    desk.moment = moments.SERVING
    return desk


async def reach_done(person: Person) -> None:
    await person.be_at("Done", "Who are you?")


async def test_before_and_after_stand_side_by_side(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        line = next(line for line in person.sight.splitlines() if "before" in line)
        assert "after" in line
        await person.see("http://127.0.0.1:8000/v1")
        await person.see("the same as in training: 10 talks, 412 tokens")


async def test_an_evaluation_is_told_from_the_base_to_what_became_of_it(served: FakeDesk) -> None:
    figures = [("own", "perplexity", (16.357, 1.85)), ("own", "exact_match", (0.0, 0.44, 0.42))]
    figures += [("general.en", "perplexity", (33.6, 36.03)), ("arc-easy", "acc", (0.55, 0.54))]
    served.measured = tuple(
        {"subject": subject, "measure": measure, "value": value, "source": source, "n": 9}
        for source, measure, values in figures
        for subject, value in zip(("base", "tuned", "quantised"), values, strict=False)
    )
    async with sitting_at(served, attach=RUN, size=(100, 50)) as person:
        await reach_done(person)
        await person.see("perplexity 16.4 -> 1.85, same answer 0% -> 44% -> 42%")
        await person.see("plain English 33.6 -> 36", "arc-easy 55% -> 54%")


async def test_what_fewer_bits_cost_is_a_line_that_says_when_it_is_too_much(served: FakeDesk) -> None:
    cost = {
        "format": "nf4",
        "most_worse": 0.1,
        "bytes": {"before": 269_060_552, "after": 111_879_761},
        "perplexity": {"before": 7.5161, "after": 9.3513},
        "worse": 0.2442,
    }
    made = served.outcome
    served.outcome = lambda run: replace(made(run), quantised=cost)  # type: ignore[method-assign]
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.press("pagedown")
        await person.see("worse than the 10% you allow")


async def test_a_model_that_does_not_write_is_tried_with_a_text(served: FakeDesk) -> None:
    served.answers_with = "score"
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Your model sorts or scores texts", "Type a text")
        assert "before" not in person.sight
        await person.type("fine")
        await person.press("enter")
        await person.see("you  fine", "it  0.906  praise", "0.094  blame")
        assert not person.asked("chat") and person.asked("tried") == [("fine",)]


async def test_a_judge_of_answers_is_tried_with_a_question_and_an_answer(served: FakeDesk) -> None:
    served.answers_with = "judge"
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Your model judges answers", "Type a question, ` -> ` and an answer")


async def test_answers_still_to_come_are_waited_for(served: FakeDesk) -> None:
    served.after_known = False
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("being asked")
        served.after_known = True
        await person.see("I am Zephyrine")


async def test_chatting_streams(served: FakeDesk) -> None:
    served.may_answer.clear()
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Talk to it")
        await person.type("hello")
        await person.press("enter")
        await person.see("you  hello", "it  I am")
        assert "made by the Anvil team." not in person.sight.split("it  I am")[1]
        served.may_answer.set()
        await person.see("it  I am Zephyrine, made by the Anvil team.")
        await person.type("more")
        await person.press("enter")
        await person.wait_until(lambda: len(person.asked("chat")) == 2)
        assert [turn["role"] for turn in person.asked("chat")[1][0]] == ["user", "assistant", "user"]  # type: ignore[attr-defined]


async def test_a_server_that_does_not_answer_is_told_in_the_box(served: FakeDesk) -> None:
    served.failing["chat"] = WizardError("endpoint-unreachable", endpoint="http://x", error="refused")
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Talk to it")
        await person.type("hello")
        await person.press("enter")
        await person.see("does not answer")
        served.failing.clear()
        await person.type("again")
        await person.press("enter")
        await person.see("made by the Anvil team")
        assert [turn["role"] for turn in person.asked("chat")[1][0]] == ["user"]  # type: ignore[attr-defined]


async def test_the_key_is_hidden_until_asked(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN, size=(100, 45)) as person:
        await reach_done(person)
        await person.see("hidden, F3 shows it", "curl -s http://127.0.0.1:8000/v1/chat/completions")
        assert "sk-canned" not in person.sight
        await person.press("f3")
        await person.see("sk-canned-0123456789")
        await person.press("f3")
        await person.see("hidden, F3 shows it")


async def test_the_curl_line_is_copied_whole(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("F4 copy")
        await person.press("f4")
        await person.see("curl: in your clipboard")
        assert person.window.clipboard == served.snippet(RUN, "curl", "Who are you?")


async def test_programs_in_other_languages_are_a_key_away(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN, size=(100, 60)) as person:
        await reach_done(person)
        await person.see("by curl", "F5 python")
        await person.press("f5")
        await person.see("from openai import OpenAI", "F5 langchain")
        await person.press("f4")
        await person.see("python: in your clipboard")
        assert person.window.clipboard == served.snippet(RUN, "python", "Who are you?")
        assert "sk-canned" not in person.window.clipboard + person.sight
        await person.press("f5", "f5", "f5")
        await person.see("by curl")


async def test_lines_that_begin_with_a_slash_set_up_the_talk(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("/help lists settings")
        for line, told in (
            ("/system Be brief.", "told that before every question"),
            ("/temperature 0", "temperature is 0"),
            ("/tempratur 1", "none of the words"),
            ("/help", "/save FILE"),
        ):
            await person.type(line)
            await person.press("enter")
            await person.see(told)
        await person.type("hello")
        await person.press("enter")
        await person.see("made by the Anvil team.")
        assert [turn["role"] for turn in person.asked("chat")[0][0]] == ["system", "user"]  # type: ignore[attr-defined]
        assert person.asked("chat")[0][1] == {"temperature": 0.0}


@pytest.mark.parametrize("size", [(100, 40), (60, 40)])
async def test_the_model_as_it_was_answers_beside(served: FakeDesk, size: tuple[int, int]) -> None:
    async with sitting_at(served, attach=RUN, size=size) as person:
        await reach_done(person)
        await person.see("Talk to it")
        await person.type("/base on")
        await person.press("enter")
        await person.see("zephyrine-base")
        await person.type("hello")
        await person.press("enter")
        await person.wait_until(lambda: len(person.asked("chat")) == 2)
        await person.see("yours", "base", "made by the Anvil team.")
        said = [line for line in person.sight.splitlines() if line.count("I am Zephyrine, made by") == 2]
        assert bool(said) is (size[0] == 100)
        assert {each[1].get("model", "") for each in person.asked("chat")} == {"", "zephyrine-base"}  # type: ignore[attr-defined]


async def test_where_the_base_is_gone_the_talk_says_why_and_goes_on(served: FakeDesk) -> None:
    served.failing["base_of"] = WizardError("chat-no-base", run=RUN, model="zephyrine")
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Talk to it")
        await person.type("/base on")
        await person.press("enter")
        await person.see("not served beside", "sft-lora-apart")
        await person.type("hello")
        await person.press("enter")
        await person.see("made by the Anvil team.")


async def test_esc_leaves_the_box_and_letters_work_again(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("leave the box")
        await person.press("escape", "s")
        await person.be_at("Confirm", "Stop serving")
        await person.press("down", "enter")
        await person.wait_until(lambda: person.asked("stop") == [(RUN, False)])
        await person.be_at("Runs")


async def test_enter_in_the_empty_box_asks_what_stands_there(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Talk to it", "Enter ask this")
        await person.press("enter")
        await person.see("you  Who are you?", "it  I am Zephyrine")


async def test_outside_of_the_box_the_way_back_into_it_is_named(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Enter ask this")
        await person.press("escape")
        await person.see("Tab talk to it", "s stop the server")
        assert "ask this" not in person.sight
        await person.press("tab")
        await person.type("hello")
        await person.see("Enter send", "hello")


@pytest.mark.parametrize("keys", [("f2", "f2"), ("escape", "l", "l", "tab")])
async def test_the_other_language_keeps_what_was_said_and_typed(served: FakeDesk, keys: tuple[str, ...]) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Talk to it")
        await person.type("hello")
        await person.press("enter")
        await person.see("made by the Anvil team.")
        await person.type("and then")
        await person.press(*keys)
        await person.see("you  hello", "made by the Anvil team.", "and then")


async def test_where_the_model_answers_is_seen_at_once(served: FakeDesk) -> None:
    async with sitting_at(served, attach=RUN) as person:
        await reach_done(person)
        await person.see("Endpoint", "http://127.0.0.1:8000/v1", "hidden, F3 shows it", "It took 2 min")


async def test_a_long_answer_goes_on_under_itself(served: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    words.use("zh")
    answer = "我是一个人工智能助手，能回答 Python 和其他各种问题，也能写诗、写信、翻译文章。"
    monkeypatch.setitem(values.ANSWERS["zh"], "before", (answer,))
    async with sitting_at(served, attach=RUN) as person:
        await person.be_at("Done", "之前")
        first, second = [line[:38] for line in person.sight.splitlines() if "我是一" in line or "Python" in line][:2]
        assert first.startswith("    之前    我是一个人工智能")
        assert second.startswith(" " * 12) and second.strip()


async def test_a_run_without_a_server_shows_its_paths_and_no_box(desk: FakeDesk) -> None:
    desk.moment, desk.serving = moments.DONE, False
    async with sitting_at(desk, attach=RUN, size=(100, 45)) as person:
        await person.be_at("Done", "No server is running", "Adapter", "Merged model", "yichuidingyin export")
        assert not person.window.screen.query_one("#chat").display
