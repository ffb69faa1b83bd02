"""A judge behind a real server on the loopback interface, asked in both orders."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.plain.conftest import Typed, command
from tests.unit.session.evaluated import evaluated
from wizard.journal import Home

__all__ = ["command"]
Say = Callable[[str], Any]


class Server:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.say: Say = lambda question: "T"
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                outer.keys.append(self.headers["Authorization"])
                said = outer.say(body["messages"][0]["content"])
                told = (
                    said
                    if isinstance(said, bytes)
                    else json.dumps({"choices": [{"message": {"content": said}}]}).encode()
                )
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def told(self) -> str:
        return f"a-judge@http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def judge() -> Iterator[Server]:
    made = Server()
    yield made
    made.server.shutdown()


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    home = Home(tmp_path / "home", tmp_path / "home")
    return evaluated(home, "one")


def honest(question: str) -> str:
    """It likes what the trained one says, wherever it stands."""
    first = question.partition("[Answer A]")[2].partition("[Answer B]")[0]
    return "B" if "A model." in first or "alert" in first else "A"


def rate(out: str) -> dict[str, Any]:
    return next(each for each in json.loads(out)["results"] if each["measure"] == "win_rate")


def test_who_wins_in_both_orders_has_won(command: Typed, judge: Server, stage: Path) -> None:
    judge.say = honest
    code, out, told = command("compare", "one", "--judge", judge.told, "--json")
    assert code == 0 and "judged 2 of 2" in told
    assert (rate(out)["value"], rate(out)["n"], rate(out)["settings"]["disagreed"]) == (1.0, 2, 0)
    assert len(judge.asked) == 4  # rows in which both said the same are not asked about
    assert {each["model"] for each in judge.asked} == {"a-judge"}
    assert rate(command("compare", "one", "--json")[1])["value"] == 1.0  # it is kept


@pytest.mark.parametrize(("said", "torn"), [("A", 2), ("B", 2), ("T", 0), ("<think>\nA or B?\n</think>\nT", 0)])
def test_who_always_likes_one_place_or_none_makes_ties(
    command: Typed, judge: Server, stage: Path, said: str, torn: int
) -> None:
    judge.say = lambda question: said
    out = command("compare", "one", "--judge", judge.told, "--json")[1]
    assert (rate(out)["value"], rate(out)["settings"]["disagreed"]) == (0.5, torn)


def test_who_names_no_answer_has_judged_nothing(command: Typed, judge: Server, stage: Path) -> None:
    judge.say = lambda question: "I would rather not say"
    code, out, _ = command("compare", "one", "--judge", judge.told, "--json")
    assert code == 1
    assert json.loads(out)["problem"]["code"] == "judge-says-nothing"


def test_the_key_comes_from_the_environment_or_a_file_and_goes_nowhere_else(
    command: Typed, judge: Server, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("compare", "one", "--judge", judge.told)
    secrets = stage.parents[2] / "secrets"
    secrets.mkdir()
    (secrets / "judge.key").write_text("from-a-file\n")
    command("compare", "one", "--judge", judge.told)
    monkeypatch.setenv("YCDY_JUDGE_KEY", "from-outside")
    _, out, told = command("compare", "one", "--judge", judge.told, "--json")
    assert list(dict.fromkeys(judge.keys)) == [None, "Bearer from-a-file", "Bearer from-outside"]
    written = "".join(file.read_text() for file in stage.rglob("*.json"))
    assert "from-outside" not in out + told + written and "from-a-file" not in written


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (401, "", "judge-wrong-key"),
        (500, "", "judge-refused"),
        (200, b"<html>", "judge-silent"),
        (200, b"{}", "judge-silent"),
    ],
)
def test_a_judge_that_fails_is_a_problem_and_keeps_nothing(
    command: Typed, judge: Server, stage: Path, status: int, said: Any, code: str
) -> None:
    judge.status, judge.say = status, lambda question: said
    told = json.loads(command("compare", "one", "--judge", judge.told, "--json")[1])
    assert told["problem"]["code"] == code
    assert not (stage / "judged.json").exists()


def test_nobody_there_is_told(command: Typed, stage: Path) -> None:
    told = json.loads(command("compare", "one", "--judge", "x@http://127.0.0.1:9/v1", "--json")[1])
    assert told["problem"]["code"] == "judge-silent"
