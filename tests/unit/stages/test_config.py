"""A model's config.json from a hub: the real SDKs in the real environment, asked by one process, against a stand-in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hub import Hub, running
from tests.unit.stages.programs import environment
from wizard import words

CONFIG = {"model_type": "llama", "hidden_size": 64}
KINDS = ("modelscope", "huggingface")
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running(
        Hub({"config.json": json.dumps(CONFIG).encode(), "model.safetensors": b"weights", "assets/notes.json": b"{}"})
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def friendly(hub: Hub) -> None:
    hub.status.clear()
    hub.asked.clear()
    hub.hides = False


@pytest.fixture(scope="module")
def ask(hub: Hub, hub_python: Path, lib: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    home = tmp_path_factory.mktemp("user")
    addresses = {"MODELSCOPE_ENDPOINT": hub.url, "HF_ENDPOINT": hub.url, "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false"}
    process = subprocess.Popen(
        [str(hub_python), "-m", "wizard.stages.config"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(lib, HOME=str(home), HF_HUB_DISABLE_XET="1", **addresses),
        cwd=home,
        text=True,
    )
    assert process.stdin and process.stdout
    orders, answers = process.stdin, process.stdout

    def one(*hubs: str, ref: str = "org/tiny", **more: bool) -> dict[str, Any]:
        print(json.dumps({"ref": ref, "hubs": hubs, **more}), file=orders, flush=True)
        answer: dict[str, Any] = json.loads(answers.readline())
        return answer

    yield one
    orders.close()
    assert process.wait() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_the_config_alone_is_fetched(ask: Ask, hub: Hub, kind: str) -> None:
    assert ask(kind) == {"hub": kind, "config": CONFIG}
    assert not [line for line in hub.asked if "safetensors" in line]


def test_the_first_hub_that_has_it_answers(ask: Ask, hub: Hub) -> None:
    assert ask("huggingface", "modelscope")["hub"] == "huggingface"
    hub.status["huggingface"] = 404
    assert ask("huggingface", "modelscope") == {"hub": "modelscope", "config": CONFIG}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("status", "code"), [(401, "hub-refused"), (403, "hub-refused"), (404, "hub-has-no-model")])
def test_a_refusal_says_which_hub_and_why(ask: Ask, hub: Hub, kind: str, status: int, code: str) -> None:
    hub.status[kind] = status
    found = ask(kind)
    assert (found["code"], found["params"]["hub"], found["params"]["model"]) == (code, kind, "org/tiny")
    assert "?" not in "".join(words.problem(code, found["params"], "en").values())


def test_a_model_that_hugging_face_does_not_have_is_not_one_that_wants_a_token(ask: Ask, hub: Hub) -> None:
    hub.status["huggingface"], hub.hides = 401, True
    assert ask("huggingface")["code"] == "hub-has-no-model"


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [((404, 410), "hub-has-no-model", "modelscope"), ((404, 401), "hub-refused", "huggingface")],
)
def test_where_no_hub_gives_it_a_refusal_is_told_else_the_first_one_s_reason(
    ask: Ask, hub: Hub, status: tuple[int, int], code: str, told: str
) -> None:
    hub.status |= dict(zip(KINDS, status, strict=True))
    found = ask(*KINDS)
    assert (found["code"], found["params"]["hub"]) == (code, told)


def test_facts_are_those_of_every_hub_that_has_the_same(ask: Ask, hub: Hub) -> None:
    found = ask(*KINDS, facts=True)
    assert list(found["facts"]) == list(KINDS)
    assert all(facts["bytes"] == sum(map(len, hub.files.values())) for facts in found["facts"].values())


def test_after_a_failure_the_next_order_is_answered(ask: Ask, hub: Hub) -> None:
    hub.status["modelscope"] = 404
    assert "code" in ask("modelscope")
    hub.status.clear()
    assert ask("modelscope")["config"] == CONFIG
