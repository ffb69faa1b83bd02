"""More and more users at once, each asking as soon as it was answered (a closed loop), until more bring nothing."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from wizard.contract import CHAT, Problem
from wizard.errors import ExitCode, WizardError
from wizard.session import chat
from wizard.session.using.bench.advising import BOUND, advised, enough
from wizard.session.using.bench.asking import ask, text_of
from wizard.session.using.bench.figures import Asked, Level, Sweep, level_of

USERS = (1, 2, 4, 8, 16, 32, 64, 128)
TOKENS = 128  # of a question, and of an answer
FEW, EACH = 8, 3  # requests of a level: at least so many, and so many of each user
SECONDS = 30.0  # of a level: what is asked by then is waited for
GONE = ("endpoint-unreachable", "endpoint-broke-off")
AskFor = Callable[[int, Callable[[], bool]], Asked]  # (number of the request, whether to end) -> how it went


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    users: Sequence[int] = USERS
    read: int = 0  # tokens of a question; 0: TOKENS, or what the context has room for
    written: int = 0
    bound: float = BOUND


def bench(
    run: str, endpoint: chat.Endpoint, head: str, wanted: Wanted, told: Callable[[Level], None], slept: float = 0.5
) -> Sweep:
    """`told`: of each level as it ends. What breaks off is the sweep's problem; what fails at once is raised."""
    read, written = amounts(endpoint, wanted)
    words = words_for(read, partial(ask, endpoint, head, tokens=min(8, written)))
    levels: list[Level] = []
    began, problem = time.time(), None
    numbers = itertools.count(1000)
    try:
        for users in wanted.users:
            level, fault = measured(
                lambda number, ended: ask(endpoint, head, text_of(words, number), written, ended),
                users,
                numbers,
                writes=head == CHAT,
            )
            levels.append(level)
            told(level)
            time.sleep(slept if fault else 0)
            if fault and not alive(endpoint):
                told_of = {"code": fault.code, "params": dict(fault.params)}
                raise WizardError("bench-broke-off", users=users, failed=level.failures, fault=told_of)
            if enough(levels, wanted.bound):
                break
    except KeyboardInterrupt:
        problem = Problem(code="bench-ended", params={"users": len(levels)})
    except WizardError as error:
        problem = error.problem
    recommended, reason = advised(levels, wanted.bound)
    return Sweep(
        run=run,
        model=endpoint.model,
        engine=endpoint.engine,
        head=head,
        at=began,
        bound=wanted.bound,
        levels=tuple(levels),
        recommended=recommended,
        reason=reason,
        problem=problem,
    )


def amounts(endpoint: chat.Endpoint, wanted: Wanted) -> tuple[int, int]:
    """Tokens of a question and of an answer: a quarter of the context each, where that is less than is usual."""
    cards = chat.told(endpoint, "GET", "/models").get("data", ())
    room = min((int(card["max_model_len"]) for card in cards if card.get("max_model_len")), default=8 * TOKENS)
    usual = max(1, min(TOKENS, room // 4))
    return wanted.read or usual, wanted.written or usual


def words_for(tokens: int, ask_for: Callable[[str], Asked]) -> int:
    """How many words make a question of so many tokens, by the server's own count of two: they warm it up too.

    Raises what these two were refused for.
    """
    few, more = 4, 12
    counts = []
    for words in (few, more):
        asked = ask_for(text_of(words, words))
        if asked.problem:
            raise WizardError.of(asked.problem, ExitCode.FAILED)
        counts.append(asked.read)
    each = max(0.5, (counts[1] - counts[0]) / (more - few))
    return max(1, round(few + (tokens - counts[0]) / each))


def measured(
    ask_for: AskFor, users: int, numbers: Iterator[int], *, writes: bool, seconds: float = SECONDS
) -> tuple[Level, Problem | None]:
    """(what was measured, the last fault that says that the server is gone)."""
    asked: list[Asked] = []
    quota, deadline = itertools.count(), time.perf_counter() + seconds
    most, ended = max(FEW, EACH * users), threading.Event()

    def user() -> None:
        while next(quota) < most and not ended.is_set():
            one = ask_for(next(numbers), ended.is_set)
            asked.append(one)
            if (one.problem and one.problem.code in GONE) or time.perf_counter() > deadline:
                return

    before = time.process_time()
    threads = [threading.Thread(target=user, daemon=True) for _ in range(users)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        ended.set()
        raise
    level = level_of(list(asked), users, time.process_time() - before, writes=writes)
    return level, next((one.problem for one in asked if one.problem and one.problem.code in GONE), None)


def alive(endpoint: chat.Endpoint) -> bool:
    try:
        return bool(chat.names(endpoint))
    except WizardError:
        return False
