"""Conversations as the model reads them. A template is a foreign program: it runs in a child with bounds."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizard.errors import WizardError

CHILD = Path(__file__).with_name("render_child.py")
PATIENCE_SECONDS = 60
TICK_SECONDS = 0.2
Turns = Sequence[Mapping[str, Any]]
Tick = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """`text` stands alone: no template is put around it. `prompt`: with the opening of the answer that is awaited."""

    messages: Turns = ()
    tools: Sequence[Mapping[str, Any]] = ()
    prompt: bool = False
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A model's own; without a source it is plain ChatML, which most models of today speak. `tokenizer`: its file."""

    source: str | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    tokenizer: Path | None = None

    def render(self, talks: Sequence[Talk]) -> list[str]:
        """Several at the price of one child; WizardError where one of them is refused."""
        found = self._asked(talks)
        if wrong := next((each["error"] for each in found if "error" in each), None):
            raise WizardError("template-failed", why=wrong)
        return [str(each["text"]) for each in found]

    def count(self, talks: Sequence[Talk], tick: Tick = lambda: None) -> list[int | None]:
        """Tokens of each; None where the template refuses it. `tick` is called meanwhile and may raise to end it."""
        assert self.tokenizer
        return [each.get("tokens") for each in self._asked(talks, str(self.tokenizer), tick)]

    def _asked(self, talks: Sequence[Talk], tokenizer: str = "", tick: Tick = lambda: None) -> list[dict[str, Any]]:
        told = [self._told(talk) for talk in talks]
        if not (self.source or tokenizer):
            return told
        question = {
            "talks": told, "template": self.source, "special_tokens": dict(self.tokens), "tokenizer": tokenizer,
        }  # fmt: skip
        answer = _answered(json.dumps(question, default=str).encode(), tick)
        if "told" not in answer:
            raise WizardError("template-failed", why=answer.get("error", ""))
        found: list[dict[str, Any]] = answer["told"]
        return found

    def _told(self, talk: Talk) -> dict[str, Any]:
        if talk.text is not None:
            return {"text": talk.text}
        if not self.source:
            return {"text": _chatml(talk)}
        return {"messages": list(talk.messages), "tools": list(talk.tools), "prompt": talk.prompt}


def _chatml(talk: Talk) -> str:
    turns = "".join(f"<|im_start|>{turn['role']}\n{_said(turn)}<|im_end|>\n" for turn in talk.messages)
    return turns + ("<|im_start|>assistant\n" if talk.prompt else "")


def _said(turn: Mapping[str, Any]) -> str:
    calls = [json.dumps(call.get("function", call), ensure_ascii=False) for call in turn.get("tool_calls") or ()]
    return "\n".join([turn["content"]] * bool(turn.get("content")) + calls)


def _answered(question: bytes, tick: Tick) -> dict[str, Any]:
    # -I: nothing but the wizard's own environment is importable, neither the working folder nor this one
    command = [sys.executable, "-I", str(CHILD)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as child:
        try:
            out, told = _waited(child, question, tick)
        finally:
            child.kill()
    if child.returncode < 0:
        raise WizardError("template-too-heavy")
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        last = told.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise WizardError("template-failed", why="".join(last)) from None
    if answer.get("error") == "MemoryError":
        raise WizardError("template-too-heavy")
    return answer


def _waited(child: subprocess.Popen[bytes], question: bytes, tick: Tick) -> tuple[bytes, bytes]:
    limit = time.monotonic() + PATIENCE_SECONDS
    asked: bytes | None = question
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(asked, timeout=TICK_SECONDS)
        asked = None
        tick()
        if time.monotonic() > limit:
            raise WizardError("template-too-heavy")
