"""Blocking calls off the window's thread: daemon threads that post their result back and never hold up leaving."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from textual.message import Message
from textual.message_pump import MessagePump

from wizard.contract import Problem
from wizard.errors import WizardError

T = TypeVar("T")


class Once(Generic[T]):
    """A slow answer that is worked out one time, whoever asks first; a failure is not remembered."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._value: list[T] = []

    def __call__(self) -> T:
        with self._lock:
            if not self._value:
                self._value.append(self._work())
            return self._value[0]


class OnceEach(Generic[T]):
    """The same for each of several questions."""

    def __init__(self, work: Callable[..., T]) -> None:
        self._work = work
        self._answers: dict[tuple[object, ...], Once[T]] = {}

    def __call__(self, *question: object) -> T:
        return self._answers.setdefault(question, Once(lambda: self._work(*question)))()


class Returned(Message):
    """An errand came back; `then` is called with `value` on the window's thread."""

    def __init__(self, then: Callable[[Any], None], value: Any) -> None:
        super().__init__()
        self.then = then
        self.value = value


def send(
    target: MessagePump,
    work: Callable[[], T],
    then: Callable[[T], None],
    failed: Callable[[Problem], None],
    logs: Path,
) -> None:
    def go() -> None:
        try:
            answer = Returned(then, work())
        except WizardError as error:
            answer = Returned(failed, error.problem)
        except Exception as error:
            answer = Returned(failed, unexpected(error, logs))
        with contextlib.suppress(RuntimeError):  # the window has closed meanwhile
            target.post_message(answer)

    threading.Thread(target=go, daemon=True).start()


def unexpected(error: Exception, logs: Path) -> Problem:
    """A fault of ours: the traceback goes to a file, and the problem names it."""
    log = logs / "wizard.log"
    with contextlib.suppress(OSError):
        logs.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)) + "\n")
    return Problem(code="unforeseen", params={"error": f"{type(error).__name__}: {error}", "log": str(log)})
