"""The calls of OpenAI's own client, against the server on plain transformers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.unit.stages.programs import Forge, served

KEY = "a key"  # as `served` has it
ASKED: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 3 and 3?"}]


@pytest.fixture(scope="module")
def url(forge: Forge, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[str]:
    with served(forge, tmp_path_factory.mktemp("served"), tiny_model, "chat") as client:
        yield client.url


@pytest.fixture(scope="module")
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=KEY, max_retries=0)


def said(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(model="me", messages=ASKED, **{"max_tokens": 12, "temperature": 0, **more})


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["me"]
    found = client.models.retrieve("me")
    assert (found.id, found.object) == ("me", "model")
    with pytest.raises(openai.NotFoundError, match="serves me"):
        client.models.retrieve("other")


def test_an_answer_whole_streamed_and_by_an_asynchronous_client_is_the_same(client: openai.OpenAI, url: str) -> None:
    whole = said(client)
    text = whole.choices[0].message.content
    assert whole.choices[0].message.role == "assistant"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    pieces = list(said(client, stream=True, stream_options={"include_usage": True}))
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices) == text
    assert pieces[-1].usage == whole.usage
    with client.chat.completions.stream(model="me", messages=ASKED, temperature=0, stop=text[3:5]) as stream:
        assert stream.get_final_completion().choices[0].message.content == text[: text.index(text[3:5])]

    async def elsewhere() -> Any:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY) as other:
            return await other.chat.completions.create(model="me", messages=ASKED, max_tokens=12, temperature=0)

    assert asyncio.run(elsewhere()).choices[0].message.content == text
    raw = client.chat.completions.with_raw_response.create(model="me", messages=ASKED, max_tokens=12, temperature=0)
    assert raw.parse().choices[0].message.content == text


def test_an_answer_ends_where_it_is_told_to(client: openai.OpenAI) -> None:
    text = said(client, max_tokens=40).choices[0].message.content
    stop = text[3:5]
    for stream in (False, True):
        found = said(client, max_tokens=40, stop=["never said", stop], stream=stream)
        if stream:
            pieces = [piece.choices[0] for piece in found]
            cut, reason = "".join(piece.delta.content or "" for piece in pieces), pieces[-1].finish_reason
        else:
            cut, reason = found.choices[0].message.content, found.choices[0].finish_reason
        assert (cut, reason) == (text[: text.index(stop)], "stop")


def test_several_answers_are_told_apart_and_a_seed_makes_them_again(client: openai.OpenAI) -> None:
    twice = [said(client, n=3, seed=5, temperature=1.0, max_completion_tokens=10) for _ in range(2)]
    first, second = ([choice.message.content for choice in each.choices] for each in twice)
    assert first == second
    assert len(set(first)) == 3
    assert twice[0].usage.completion_tokens <= 30
    pieces = list(said(client, n=2, stream=True))
    assert {piece.choices[0].index for piece in pieces} == {0, 1}
    assert sum(bool(piece.choices[0].finish_reason) for piece in pieces) == 2


def test_a_text_is_gone_on_with(client: openai.OpenAI) -> None:
    def go_on(prompt: Any, **more: Any) -> Any:
        return client.completions.create(model="me", prompt=prompt, temperature=0, **{"max_tokens": 6, **more})

    whole = go_on("One two")
    assert whole.object == "text_completion"
    assert whole.usage.prompt_tokens == 7  # a token a byte
    assert "".join(piece.choices[0].text for piece in go_on("One two", stream=True)) == whole.choices[0].text
    both = go_on(["One two", "Three"])
    assert [choice.index for choice in both.choices] == [0, 1]
    assert both.choices[0].text == whole.choices[0].text
    assert go_on("One two", max_tokens=openai.NOT_GIVEN).usage.completion_tokens <= 16
    assert go_on([0, 1, 2]).usage.prompt_tokens == 3
    for wrong in ([], "", [[]], [10**6]):
        with pytest.raises(openai.BadRequestError):
            go_on(wrong)


@pytest.mark.parametrize(
    "wish",
    [
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"n": 99},
        {"stop": [""]},
        {"max_tokens": 10_000},
    ],
)
def test_what_is_not_done_is_refused_rather_than_left_out(client: openai.OpenAI, wish: dict[str, Any]) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        said(client, **wish)
    assert caught.value.body["message"]  # type: ignore[index]


def test_faults_come_as_the_client_s_own(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="other", messages=ASKED)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=url, api_key="wrong").models.list()
