"""The verbs for a served model: `chat`, `snippet`, `bench`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from wizard.contract import CHAT
from wizard.errors import ExitCode, WizardError
from wizard.plain.output import answer, print_json, problem, problem_data, table, talk
from wizard.plain.talking import converse
from wizard.plain.verbs import named
from wizard.session import Desk
from wizard.session.using import FORMS, Conversation, obey
from wizard.session.using.bench import BOUND, USERS, Level, Sweep, Wanted, beyond
from wizard.words import say

FLAGS = {"system": "system", "temperature": "temperature", "top_p": "top_p", "max_tokens": "max"}  # flag -> order


def chat(desk: Desk, options: argparse.Namespace) -> int:
    name = named(desk, options.run, serving=True)
    endpoint = desk.endpoint(name)
    if (head := desk.head(name)) != CHAT:
        raise WizardError("chat-not-writing", run=name, head=head)
    held = Conversation()
    for flag, order in FLAGS.items():
        if (value := getattr(options, flag)) is not None:
            obey(f"/{order} {value}", held, str)
    for path in options.image or ():
        held.show(Path(path))
    if options.base:
        held.base = desk.base_of(name)
    talk(say("plain.chatting", model=endpoint.model, url=endpoint.url))
    return converse(desk, name, held)


def snippet(desk: Desk, options: argparse.Namespace) -> int:
    name, form = named(desk, options.run, serving=True), getattr(options, "as") or FORMS[0]
    questions = desk.outcome(name).questions
    question = questions[0] if questions else say("chat.example")
    text = desk.snippet(name, form, question)
    if options.json:
        print_json({known: desk.snippet(name, known, question) for known in desk.snippet_forms(name)})
        return ExitCode.OK
    answer(text)
    others = ", ".join(known for known in desk.snippet_forms(name) if known != form)
    talk(say("plain.snippet", others=others, key_file=desk.endpoint(name).key_file))
    return ExitCode.OK


def bench(desk: Desk, options: argparse.Namespace) -> int:
    name = named(desk, options.run, serving=True)
    wanted = Wanted(
        users=options.concurrency or USERS,
        read=options.prompt or 0,
        written=options.tokens or 0,
        bound=options.wait or BOUND,
    )
    talk(say("bench.begins", model=desk.endpoint(name).model))
    sweep = desk.bench(name, wanted, lambda level: talk(say("bench.level", **asdict(level))))
    if options.json:
        fault = {"problem": problem_data(sweep.problem)} if sweep.problem else {}
        print_json({**asdict(sweep), "problem": None, **fault})
    else:
        answer(told(sweep))
        if sweep.problem:
            talk()
            problem(sweep.problem)
    if not sweep.problem:
        return ExitCode.OK
    return ExitCode.INTERRUPTED if sweep.problem.code == "bench-ended" else ExitCode.FAILED


def told(sweep: Sweep) -> str:
    """The table, the advice and its reason in words, and where both are kept."""
    writes = any(level.itl_p50 is not None for level in sweep.levels)
    names = ["users", "requests", "failed", "first_p50", "first_p90"] if writes else []
    names = names or ["users", "requests", "failed", "answer_p50", "answer_p90"]
    names += ["gap_p50", "gap_p90"] if writes else []
    names += ["rate", "each"] if writes else ["rate_read", "each"]
    rows = [[say(f"bench.column.{name}") for name in names]]
    rows += [list(_cells(level, writes)) for level in sweep.levels]
    lines = [table(rows), ""] if sweep.levels else []
    lines.append(_advice(sweep))
    if any(level.client > 0.8 for level in sweep.levels):
        lines.append(say("bench.client"))
    lines += [say("bench.kept", picture=sweep.picture, report=sweep.report)]
    return "\n".join(lines)


def _cells(level: Level, writes: bool) -> Iterator[str]:
    yield str(level.users)
    yield str(level.requests)
    yield str(level.failures)
    yield from (_seconds(level.ttft_p50), _seconds(level.ttft_p90))
    if writes:
        yield from (_milliseconds(level.itl_p50), _milliseconds(level.itl_p90))
    yield f"{level.tokens_per_second:.1f}"
    yield f"{level.tokens_per_user:.1f}"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"


def _advice(sweep: Sweep) -> str:
    best = next((level for level in sweep.levels if level.users == sweep.recommended), None)
    further = beyond(sweep.levels, sweep.recommended)
    last, wait = further.users if further else sweep.recommended, _seconds(best.ttft_p90 if best else None)
    told = {"users": sweep.recommended, "last": last, "bound": f"{sweep.bound:g}", "wait": wait}
    reason = say(f"bench.reason.{sweep.reason}", **told)
    if not best or sweep.reason == "all_slow":
        return reason
    return say("bench.advice", **told, rate=f"{best.tokens_per_second:.0f}", reason=reason)
