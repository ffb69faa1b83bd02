"""Who speaks in a turn, in every spelling, and the keys that say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLE_KEYS = ("role", "from", "角色", "speaker")
CONTENT_KEYS = ("content", "value", "text", "parts", "内容")
CALL = "tool_call"  # an assistant's turn whose content is the call
SPELLINGS = {
    "user": ("user", "human", "prompter", "usr", "用户", "提问者", "人类"),
    "assistant": ("assistant", "gpt", "bot", "chatgpt", "model", "ai", "chatbot", "助手", "助理", "机器人"),
    "system": ("system", "developer", "系统"),
    CALL: ("tool_call", "tool_calls", "function_call"),
    "tool": (
        "tool", "tool_response", "tool_result", "tool_output", "function", "function_response", "function_return",
        "observation", "observations", "ipython", "工具",
    ),
}  # fmt: skip
ROLE_OF = {spelling: role for role, spellings in SPELLINGS.items() for spelling in spellings}
SIDE_OF = {  # turns written as {"human": ..., "assistant": ...} or {"question": ..., "answer": ...}
    **ROLE_OF,
    **dict.fromkeys(("question", "query", "instruction", "input", "prompt", "q", "问", "问题"), "user"),
    **dict.fromkeys(("answer", "response", "output", "a", "答", "回答", "答案"), "assistant"),
}
TAGS = {  # LLaMA-Factory's names for the values of the role key
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": CALL,
    "system_tag": "system",
}
INNER = ("role", "content", *TAGS)
_TAGS = frozenset(TAGS)


def speakers(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """Spelling -> role: those known to all, and the tags that a mapping tells."""
    if _TAGS.isdisjoint(mapping):
        return ROLE_OF
    return {**ROLE_OF, **{mapping[tag]: role for tag, role in TAGS.items() if tag in mapping}}


def role_of(spoken: Any, known: Mapping[str, str]) -> str:
    """user, assistant, system, tool or tool_call; empty where unknown."""
    said = str(spoken)
    return known.get(said) or known.get(said.strip().lower().replace("-", "_"), "")


def key_in(turn: Mapping[str, Any], wanted: str | None, known: tuple[str, ...]) -> str | None:
    return next((key for key in (wanted, *known) if key and key in turn), None)
