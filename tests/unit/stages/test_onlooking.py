"""A served model that sees: pictures come with the request or not at all."""

from __future__ import annotations

import base64
import json
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.unit.stages.programs import StageRun, serving
from tests.unit.stages.recipe_rows import drawn
from tests.unit.stages.test_serve import KEY, Served, engine_environment, spec
from wizard.session.chat import Endpoint, stream
from wizard.session.using import Conversation

RED, WIDE = drawn("red"), drawn("red", 224, 224)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_seeing: Path
) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("serve")
    serve = StageRun(root / "serve", "serve", trl_python, lib, root, engine_environment("transformers"))
    serve.order(spec("transformers", root), {"fetch": {"model": tiny_seeing}})
    with serving(serve) as process:
        yield Served(serve, process, serve.events("ready")[0]["endpoint"].removesuffix("/v1"))


def shown(*urls: str, text: str = "Which colour?") -> dict[str, Any]:
    pictures = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"messages": [{"role": "user", "content": [*pictures, {"type": "text", "text": text}]}], "max_tokens": 6}


def told(served: Served, **asked: Any) -> Any:
    with served.chat(**asked) as answer:
        return json.loads(answer.read())


def refused(served: Served, **asked: Any) -> str:
    with pytest.raises(urllib.error.HTTPError) as caught:
        served.chat(**asked)
    assert caught.value.code == 400
    return str(json.loads(caught.value.read())["error"]["message"])


def test_its_prompts_are_those_of_its_template(served: Served) -> None:
    notes = [event for event in served.stage.events("note") if event["code"] == "prompts-written"]
    assert notes[0]["params"]["talks"] > 3


def test_it_answers_about_a_picture_and_counts_the_tokens_of_it(served: Served) -> None:
    sizes = [told(served, **shown(url))["usage"]["prompt_tokens"] for url in (RED, WIDE)]
    nothing = told(served, **shown())["usage"]["prompt_tokens"]
    assert sizes[0] - nothing == 84 // 28 * 56 // 28 + 2
    assert sizes[1] - nothing == 8 * 8 + 2
    two = told(served, **shown(RED, WIDE))["usage"]
    assert two["prompt_tokens"] == sizes[0] + sizes[1] - nothing
    assert two["completion_tokens"] == 6


def test_the_same_request_is_answered_the_same_and_streamed_too(served: Served) -> None:
    for warmth in ({"temperature": 0}, {"temperature": 1, "seed": 3}):
        answers = [told(served, **shown(RED), **warmth)["choices"][0]["message"]["content"] for _ in range(2)]
        assert answers[0] == answers[1]
        with served.chat(**shown(RED), **warmth, stream=True) as answer:
            lines = [line[6:] for line in answer.read().decode().split("\n\n") if line.startswith("data: {")]
        assert "".join(json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines) == answers[0]


def test_a_talk_shows_it_a_picture_of_a_person_s_own(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "red.png"
    file.write_bytes(base64.b64decode(WIDE.partition(",")[2]))
    talk = Conversation(sampling={"temperature": 0, "max_tokens": 4})
    talk.show(file)
    exchange = talk.asked("Which colour?")
    here = Endpoint(url=f"{served.url}/v1", model="tiny", engine="e", key=KEY, header_file=tmp_path / "h")
    exchange.answers["tuned"] = "".join(stream(here, talk.messages(exchange), **talk.options()))
    assert exchange.answers["tuned"]
    talk.keep(exchange)
    assert list(stream(here, talk.messages(talk.asked("And now?")), **talk.options()))


def test_an_address_is_never_fetched_and_a_file_never_read(served: Served, tmp_path: Path) -> None:
    asked_for: list[str] = []

    class Watch(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked_for.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Watch)
    Thread(target=server.serve_forever, daemon=True).start()
    picture = tmp_path / "red.png"
    picture.write_bytes(base64.b64decode(RED.partition(",")[2]))
    for url in (
        f"http://127.0.0.1:{server.server_port}/red.png",
        "https://127.0.0.1/x",
        f"file://{picture}",
        str(picture),
    ):
        assert "no address is fetched" in refused(served, **shown(url))
    server.shutdown()
    server.server_close()
    assert asked_for == []


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (shown("data:image/png;base64,AAAA"), "media-unknown"),
        (shown(RED[:90]), "broken-media"),
        (shown("data:nothing"), "media-data"),
        (shown(*[RED] * 17), "At most 16"),
        (
            {"messages": [{"role": "user", "content": [{"type": "video_url", "video_url": {"url": "x"}}]}]},
            "'video_url'",
        ),
        (shown(drawn("red", 560, 560)), "context is 256 tokens"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_by_its_reason(served: Served, asked: dict[str, Any], said: str) -> None:
    assert said in refused(served, **asked)
    assert told(served, **shown())["usage"]["completion_tokens"] == 6
