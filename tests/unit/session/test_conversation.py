"""How a talk is set up and remembered, whatever shows it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wizard.data.shape import recognise
from wizard.errors import WizardError
from wizard.session.using import ORDERS, Conversation, is_order, obey
from wizard.words import known

RED = (200, 30, 60)


@pytest.fixture
def talk() -> Conversation:
    return Conversation()


def told(talk: Conversation, line: str, base: str = "me-base") -> str:
    reply = obey(line, talk, lambda: base)
    assert known(f"chat.{reply.code}")
    return reply.code


def say(talk: Conversation, text: str, **answers: str) -> None:
    exchange = talk.asked(text)
    exchange.answers.update(answers)
    talk.keep(exchange)


def drawn(path: Path, size: tuple[int, int] = (40, 30), form: str = "PNG") -> Path:
    Image.new("RGB", size, RED).save(path, form)
    return path


def test_the_next_question_carries_all_that_was_said(talk: Conversation) -> None:
    told(talk, "/system Be brief.")
    say(talk, "one", tuned="1")
    assert talk.messages(talk.asked("two")) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "1"},
        {"role": "user", "content": "two"},
    ]
    told(talk, "/system")
    told(talk, "/clear")
    assert talk.messages(talk.asked("three")) == [{"role": "user", "content": "three"}]


def test_a_question_that_failed_was_never_asked(talk: Conversation) -> None:
    say(talk, "one")
    assert talk.messages(talk.asked("two")) == [{"role": "user", "content": "two"}]


def test_each_voice_hears_its_own_answers(talk: Conversation) -> None:
    say(talk, "one", tuned="t1")
    told(talk, "/base on")
    assert talk.voices == ("tuned", "base")
    assert talk.options("base") == {"model": "me-base"}
    say(talk, "two", tuned="t2", base="b2")
    heard = {voice: [turn["content"] for turn in talk.messages(talk.asked("three"), voice)] for voice in talk.voices}
    assert heard == {"tuned": ["one", "t1", "two", "t2", "three"], "base": ["one", "t1", "two", "b2", "three"]}
    told(talk, "/base off")
    assert talk.voices == ("tuned",)


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("/temperature 0", {"temperature": 0.0}),
        ("/temperature 2", {"temperature": 2.0}),
        ("/top_p 0.5", {"top_p": 0.5}),
        ("/top-p 1", {"top_p": 1.0}),
        ("/MAX 64", {"max_tokens": 64}),
    ],
)
def test_sampling_goes_with_every_request(talk: Conversation, line: str, sent: dict[str, Any]) -> None:
    told(talk, line)
    assert talk.options() == sent
    told(talk, line.split()[0])
    assert talk.options() == {}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/temperature hot", "chat-order-value"),
        ("/temperature nan", "chat-order-value"),
        ("/temperature -0.1", "chat-order-value"),
        ("/top_p 0", "chat-order-value"),
        ("/max 1.5", "chat-order-value"),
        ("/max 0", "chat-order-value"),
        ("/base perhaps", "chat-order-value"),
        ("/tempratur 1", "chat-order-unknown"),
        ("/", "chat-order-unknown"),
        ("/image", "chat-order-lacks"),
        ("/save", "chat-order-lacks"),
        ("/image /no/such.png", "chat-picture-unreadable"),
        ("/save /no/such/folder/x.jsonl", "chat-file"),
    ],
)
def test_a_wrong_line_is_told_and_changes_nothing(talk: Conversation, line: str, code: str) -> None:
    with pytest.raises(WizardError) as caught:
        obey(line, talk, str)
    assert caught.value.problem.code == code
    assert talk == Conversation()


def test_every_word_is_in_the_help() -> None:
    from wizard.words import say_in

    for language in ("en", "zh"):
        assert [word for word in ORDERS if word != "help" and f"/{word} " not in say_in(language, "chat.help")] == []


@pytest.mark.parametrize(("line", "order"), [("/clear", True), ("/usr/bin/env is what?", False), ("what /is", False)])
def test_a_question_may_begin_with_a_path(line: str, order: bool) -> None:
    assert is_order(line) is order


def test_a_picture_goes_with_one_question(talk: Conversation, tmp_path: Path) -> None:
    told(talk, f"/image '{drawn(tmp_path / 'a b.png')}'")
    content = talk.asked("Which colour?").question["content"]
    assert content[-1] == {"type": "text", "text": "Which colour?"}
    head, _, data = content[0]["image_url"]["url"].partition(",")
    assert head == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).getpixel((0, 0)) == RED
    assert talk.asked("And now?").question["content"] == "And now?"


def test_a_large_picture_is_sent_no_larger_than_models_look_at(talk: Conversation, tmp_path: Path) -> None:
    told(talk, f"/image {drawn(tmp_path / 'a.jpg', (6000, 1500), 'JPEG')}")
    head, _, data = talk.asked("?").question["content"][0]["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (2048, 512)


def test_what_is_no_picture_is_told(talk: Conversation, tmp_path: Path) -> None:
    cut = drawn(tmp_path / "cut.png").read_bytes()[:60]
    for name, content in (("cut.png", cut), ("text.png", b"hello"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WizardError) as caught:
            obey(f"/image {tmp_path / name}", talk, str)
        assert caught.value.problem.code == "chat-picture-unreadable"
    assert talk.pictures == {}


def test_what_is_saved_is_a_row_to_learn_from_and_never_written_over(talk: Conversation, tmp_path: Path) -> None:
    told(talk, "/system Be brief.")
    say(talk, "你好", tuned="你好！", base="hi")
    file = tmp_path / "talk.jsonl"
    told(talk, f"/save {file}")
    row = json.loads(file.read_text(encoding="utf-8"))
    assert [turn["content"] for turn in row["messages"]] == ["Be brief.", "你好", "你好！"]
    assert recognise([row]).kind == "messages"
    before = file.read_bytes()
    with pytest.raises(WizardError) as caught:
        obey(f"/save {file}", talk, str)
    assert caught.value.problem.code == "chat-file-exists"
    assert file.read_bytes() == before
