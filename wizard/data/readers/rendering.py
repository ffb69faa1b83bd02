"""Conversations as the model reads them. A template is a foreign program: it runs in a child with bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import WizardError

CHILD = Path(__file__).with_name("render_child.py")
PATIENCE_SECONDS = 30
Conversation = Sequence[Mapping[str, Any]]


def render(messages: Conversation, template: str | None, special_tokens: Mapping[str, str] | None = None) -> str:
    return render_all([messages], template, special_tokens)[0]


def render_all(
    conversations: Sequence[Conversation], template: str | None, special_tokens: Mapping[str, str] | None = None
) -> list[str]:
    """Several at the price of one child. Without a template: plain ChatML, which most models of today speak."""
    if not template:
        return [_chatml(messages) for messages in conversations]
    question = {"conversations": conversations, "template": template, "special_tokens": dict(special_tokens or {})}
    answer = _asked(json.dumps(question))
    if "texts" not in answer:
        raise WizardError("template-failed", why=answer.get("error", ""))
    return [str(text) for text in answer["texts"]]


def _chatml(messages: Conversation) -> str:
    return "".join(f"<|im_start|>{turn['role']}\n{turn['content']}<|im_end|>\n" for turn in messages)


def _asked(question: str) -> dict[str, Any]:
    # -I: nothing but the wizard's own environment is importable, neither the working folder nor this one
    command = [sys.executable, "-I", str(CHILD)]
    try:
        done = subprocess.run(command, input=question.encode(), capture_output=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        raise WizardError("template-too-heavy") from None
    if done.returncode < 0:
        raise WizardError("template-too-heavy")
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise WizardError("template-failed", why="".join(last)) from None
    if answer.get("error") == "MemoryError":
        raise WizardError("template-too-heavy")
    return dict(answer)
