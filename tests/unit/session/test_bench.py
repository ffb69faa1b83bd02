"""A sweep's figures, advice and picture; and what becomes of it when the server fails."""

from __future__ import annotations

import json
import threading
import time
import xml.etree.ElementTree as xml
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wizard import words
from wizard.contract import CHAT, Problem
from wizard.errors import WizardError
from wizard.session.chat import Endpoint
from wizard.session.using.bench import Level, Sweep, Wanted, bench
from wizard.session.using.bench.advising import advised, enough
from wizard.session.using.bench.figures import Asked, level_of, share
from wizard.session.using.bench.keeping import keep

TOKEN = 0.008  # seconds


def level(users: int, rate: float, wait: float = 0.5, failures: int = 0) -> Level:
    asked = {"users": users, "requests": 8, "failures": failures, "seconds": 1.0, "read": 9, "written": 9, "client": 0}
    times = {"ttft_p50": wait / 2, "ttft_p90": wait, "itl_p50": 0.01, "itl_p90": 0.02}
    return Level(**asked, **times, tokens_per_second=rate, tokens_per_user=rate / users)


@pytest.mark.parametrize(
    ("ordered", "part", "found"),
    [([], 0.5, None), ([3], 0.9, 3), ([1, 2], 0.5, 1), ([*range(1, 11)], 0.9, 9), ([*range(1, 12)], 0.5, 6)],
)
def test_a_share_is_the_value_that_so_many_do_not_exceed(ordered: list[float], part: float, found: Any) -> None:
    assert share(ordered, part) == found


def test_figures_are_of_what_was_answered_and_count_what_was_not() -> None:
    good = [
        Asked(began=0, ended=2, first=0.5, gaps=(0.1, 0.3), read=10, written=30),
        Asked(began=1, ended=4, first=2.5, gaps=(0.2,), read=20, written=50),
    ]
    failed = Asked(began=1, ended=3, problem=Problem(code="endpoint-busy"))
    found = level_of([*good, failed], 2, 1.0, writes=True)
    assert (found.requests, found.failures, found.faults) == (3, 1, {"endpoint-busy": 1})
    assert (found.ttft_p50, found.ttft_p90, found.itl_p50, found.itl_p90) == (0.5, 1.5, 0.2, 0.3)
    assert (found.seconds, found.tokens_per_second, found.tokens_per_user) == (4, 20, 10)
    assert (found.read, found.written, found.client) == (15, 40, 0.25)
    assert level_of(good, 2, 0, writes=False).tokens_per_second == 7.5


def test_nothing_but_failures_is_told_without_figures() -> None:
    found = level_of([Asked(began=0, ended=1, problem=Problem(code="endpoint-busy"))], 1, 0, writes=True)
    assert (found.failures, found.ttft_p50, found.itl_p90, found.tokens_per_second) == (1, None, None, 0)


@pytest.mark.parametrize(
    ("levels", "stops", "users", "reason"),
    [
        ([level(1, 10)], False, 1, "all_measured"),
        ([level(1, 10), level(2, 19), level(4, 35)], False, 4, "all_measured"),
        ([level(1, 10), level(2, 19), level(4, 20)], True, 2, "flat"),
        ([level(1, 10), level(2, 10.5)], True, 1, "flat"),
        ([level(1, 10), level(2, 19), level(4, 38, wait=3)], False, 2, "slow"),
        ([level(1, 10), level(2, 19), level(4, 38, wait=5)], True, 2, "slow"),
        ([level(1, 10), level(2, 19), level(4, 38, failures=1)], True, 2, "failures"),
        ([level(1, 10, wait=3), level(2, 19)], False, 2, "all_measured"),
        ([level(1, 10, wait=9)], True, 1, "all_slow"),
        ([level(1, 10, failures=8)], True, 0, "none"),
        ([], None, 0, "none"),
    ],
)
def test_the_advice_is_the_fewest_users_with_nearly_all_the_speed(
    levels: list[Level], stops: bool | None, users: int, reason: str
) -> None:
    assert advised(levels, 2.0) == (users, reason)
    assert words.known(f"bench.reason.{reason}")
    assert stops is None or enough(levels, 2.0) is stops


@dataclass
class Engine:
    """Answers `slots` at once, a token every TOKEN seconds, and does as it is told at the request of a number."""

    slots: int = 2
    head: str = CHAT
    at: dict[int, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    dead: bool = False
    context: int = 400

    def __post_init__(self) -> None:
        self.turn = threading.Semaphore(self.slots)

    def answer(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        self.asked.append(body)
        if wrong := self.at.get(len(self.asked)):
            wrong(http)
        elif self.head != CHAT:
            read = sum(len(text.split()) for text in body["input"])
            http.wfile.write(json.dumps({"data": [], "usage": {"prompt_tokens": read}}).encode())
        else:
            self.write(http, body)

    def write(self, http: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        def tell(event: Any) -> None:
            http.wfile.write(f"data: {json.dumps(event)}\n\n".encode())

        tell({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        with self.turn:
            for _ in range(body["max_tokens"]):
                time.sleep(TOKEN)
                tell({"choices": [{"delta": {"content": "word "}}]})
        read = 7 + 2 * len(body["messages"][-1]["content"].split())  # a template's own tokens, two a word
        tell({"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": body["max_tokens"]}})
        http.wfile.write(b"data: [DONE]\n\n")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def endpoint(engine: Engine, tmp_path: Path) -> Iterator[Endpoint]:
    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503 if engine.dead else 200)
            self.end_headers()
            self.wfile.write(json.dumps({"data": [{"id": "m", "max_model_len": engine.context}]}).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            engine.answer(self, body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    yield Endpoint(url=url, model="m", engine="e", key="sk-secret", header_file=tmp_path / "h.header")
    server.shutdown()


def quiet(_: Level) -> None: ...


def measured(endpoint: Endpoint, head: str = CHAT, told: Callable[[Level], None] = quiet, **wanted: Any) -> Sweep:
    return bench("r", endpoint, head, Wanted(**{"written": 5, **wanted}), told, slept=0)


def test_it_stops_where_more_users_only_share_the_speed(endpoint: Endpoint) -> None:
    seen: list[int] = []
    sweep = measured(endpoint, told=lambda level: seen.append(level.users))
    assert [each.users for each in sweep.levels] == seen == [1, 2, 4]
    assert (sweep.recommended, sweep.reason, sweep.problem) == (2, "flat", None)
    one, two, four = sweep.levels
    assert two.tokens_per_second > one.tokens_per_second
    assert four.ttft_p90 > two.ttft_p90  # type: ignore[operator]
    assert one.itl_p50 and one.itl_p50 >= TOKEN / 2
    assert all(level.written == 5 and not level.failures for level in sweep.levels)


def test_questions_have_the_wanted_length_and_no_beginning_in_common(endpoint: Endpoint, engine: Engine) -> None:
    sweep = measured(endpoint, users=(1,), read=60)
    assert sweep.levels[0].read == pytest.approx(60, abs=2)
    assert engine.asked[-1]["stream_options"] == {"include_usage": True}
    begun = [body["messages"][-1]["content"].split()[0] for body in engine.asked]
    assert len(set(begun)) == len(begun)


def test_a_small_context_is_shared_between_question_and_answer(endpoint: Endpoint, engine: Engine) -> None:
    engine.context = 80
    sweep = measured(endpoint, users=(1,), written=0)
    assert (sweep.levels[0].read, sweep.levels[0].written) == (pytest.approx(20, abs=2), 20)


def test_one_request_that_fails_is_counted_and_ends_the_sweep(endpoint: Endpoint, engine: Engine) -> None:
    engine.at[6] = lambda http: http.wfile.write(b'data: {"error": {"message": "no"}}\n\n')
    sweep = measured(endpoint)
    assert (sweep.levels[0].failures, sweep.levels[0].faults) == (1, {"endpoint-refused": 1})
    assert (sweep.recommended, sweep.reason, sweep.problem) == (0, "none", None)


def test_a_connection_that_broke_is_no_death_where_the_server_still_answers(endpoint: Endpoint, engine: Engine) -> None:
    engine.at[15] = lambda http: None
    sweep = measured(endpoint)
    assert [each.failures for each in sweep.levels] == [0, 1]
    assert (sweep.recommended, sweep.reason, sweep.problem) == (1, "failures", None)


def test_a_server_that_dies_leaves_what_was_measured(endpoint: Endpoint, engine: Engine, tmp_path: Path) -> None:
    def die(_: object) -> None:
        engine.dead = True

    engine.at[15] = die
    sweep = keep(measured(endpoint), tmp_path)
    assert sweep.problem and sweep.problem.code == "bench-broke-off"
    assert sweep.problem.params["users"] == 2
    assert [each.failures > 0 for each in sweep.levels] == [False, True]
    kept = json.loads(Path(sweep.report).read_text())
    assert len(kept["levels"]) == 2
    assert kept["problem"]["code"] == "bench-broke-off"
    for language in words.LANGUAGES:
        assert "?" not in words.problem("bench-broke-off", sweep.problem.params, language)["why"]


def test_what_fails_at_once_is_told_at_once(endpoint: Endpoint, engine: Engine) -> None:
    engine.at[1] = lambda http: http.wfile.write(b'data: {"error": "maximum context length is 9"}\n\n')
    with pytest.raises(WizardError) as caught:
        measured(endpoint)
    assert caught.value.problem.code == "endpoint-refused"


def test_ctrl_c_leaves_the_levels_that_are_whole(endpoint: Endpoint) -> None:
    def end(level: Level) -> None:
        if level.users == 2:
            raise KeyboardInterrupt

    sweep = measured(endpoint, told=end)
    assert [each.users for each in sweep.levels] == [1, 2]
    assert sweep.problem and sweep.problem.code == "bench-ended"
    assert sweep.recommended == 2


def test_a_model_that_does_not_write_is_measured_by_what_it_reads(endpoint: Endpoint, engine: Engine) -> None:
    engine.head = "embedding"
    sweep = measured(endpoint, "embedding", users=(1, 2), read=50)
    first = sweep.levels[0]
    assert (first.itl_p50, first.written) == (None, 0)
    assert first.read == pytest.approx(50, abs=2)
    assert first.ttft_p50 and first.tokens_per_second > 0


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_picture_is_whole_in_both_languages_and_holds_no_key(
    endpoint: Endpoint, tmp_path: Path, language: str
) -> None:
    words.use(language)
    sweep = keep(measured(endpoint, users=(1, 2)), tmp_path)
    text = Path(sweep.picture).read_text(encoding="utf-8")
    root = xml.fromstring(text)
    shown = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words.say("bench.picture.users") in shown
    assert words.say("bench.picture.advised") in shown
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 3 * 2
    assert "sk-secret" not in text + Path(sweep.report).read_text(encoding="utf-8")


def test_a_second_benchmark_leaves_the_first(tmp_path: Path) -> None:
    common: dict[str, Any] = {"run": "r", "model": "<m&>", "engine": "e", "head": CHAT, "bound": 2.0, "reason": "none"}
    for at in (0.0, 60.0):
        xml.fromstring(Path(keep(Sweep(**common, at=at, levels=(), recommended=0), tmp_path).picture).read_text())
    assert len(list((tmp_path / "bench").iterdir())) == 4
