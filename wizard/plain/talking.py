"""A talk with a served model in lines: questions on stdin, answers piece by piece on stdout, the rest on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from wizard.errors import ExitCode, WizardError
from wizard.plain.output import answer, piece, problem, talk
from wizard.session import Desk
from wizard.session.using import Conversation, is_order, obey
from wizard.words import say


def converse(desk: Desk, name: str, conversation: Conversation | None = None) -> int:
    """Until an empty line or Ctrl-D. What fails is told, and the talk goes on; a pipe's exit code tells it too."""
    held, failed = conversation or Conversation(), False
    for line in _typed():
        try:
            if is_order(line):
                reply = obey(line, held, lambda: desk.base_of(name))
                talk(say(f"chat.{reply.code}", **reply.params))
            else:
                _answer(desk, name, held, line)
        except WizardError as error:
            problem(error.problem)
            failed = True
    return ExitCode.FAILED if failed and not sys.stdin.isatty() else ExitCode.OK


def _answer(desk: Desk, name: str, held: Conversation, line: str) -> None:
    exchange = held.asked(line)
    for voice in held.voices:
        label = f"{say(f'chat.voice.{voice}')}  " if len(held.voices) > 1 else ""
        pieces: list[str] = []
        try:
            _stream(desk.chat(name, held.messages(exchange, voice), **held.options(voice)), label, pieces)
        finally:
            if pieces:
                answer()
        exchange.answers[voice] = "".join(pieces)
    held.keep(exchange)


def _stream(said: Iterator[str], label: str, pieces: list[str]) -> None:
    """Ctrl-C ends the answer, not the talk."""
    try:
        for text in said:
            piece(text if pieces else label + text)
            pieces.append(text)
    except KeyboardInterrupt:
        if not pieces:
            raise


def _typed() -> Iterator[str]:
    """An empty line ends it for a person; a pipe may have some."""
    interactive = sys.stdin.isatty()
    while True:
        if interactive:
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line or (interactive and not line.strip()):
            return
        if line.strip():
            yield line.strip()
