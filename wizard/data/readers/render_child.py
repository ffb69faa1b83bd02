"""Run as a program: reads {conversations, template, special_tokens} as JSON, writes {texts} or {error}.

The settings are those under which 912 renders of 73 templates came out as transformers renders them.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime
from typing import Any

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 10
LONGEST = 32 << 20


def environment() -> Any:
    from jinja2 import nodes
    from jinja2.exceptions import SecurityError, TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import Namespace

    class Generation(Extension):
        """Marks what the model says, for loss masks; here its body passes through."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

        def _said(self, caller: Any) -> Any:
            return caller()

    class GuardedNamespace(Namespace):
        """Attributes with a leading underscore lead to Python's internals."""

        def __init__(*args: Any, **attributes: Any) -> None:
            dict_of = dict(*args[1:], **attributes)
            if any(str(name).startswith("_") for name in dict_of):
                raise SecurityError("underscore-prefixed attribute")
            Namespace.__init__(args[0], dict_of)

        def __setitem__(self, name: str, value: Any) -> None:
            if str(name).startswith("_"):
                raise SecurityError("underscore-prefixed attribute")
            Namespace.__setitem__(self, name, value)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = to_json
    made.globals["namespace"] = GuardedNamespace
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
    return made


def to_json(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def with_reasoning(message: dict[str, Any]) -> dict[str, Any]:
    """Templates disagree on the name of a model's thoughts: each message carries them under both."""
    thoughts = next((message[key] for key in ("reasoning_content", "thinking", "reasoning") if message.get(key)), None)
    return {**message, "reasoning_content": thoughts, "thinking": thoughts} if thoughts else message


def answer(question: dict[str, Any]) -> dict[str, Any]:
    compiled = environment().from_string(question["template"])
    settings = {"tools": None, "documents": None, "add_generation_prompt": False, **question["special_tokens"]}
    texts = [
        compiled.render(messages=[with_reasoning(message) for message in messages], **settings)
        for messages in question["conversations"]
    ]
    return {"texts": texts} if sum(map(len, texts)) < LONGEST else {"error": "MemoryError"}


def main() -> None:
    question = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    try:
        result = answer(question)
    except MemoryError:
        result = {"error": "MemoryError"}
    except Exception as error:  # whatever a foreign template raises is its failure, not ours
        result = {"error": f"{type(error).__name__}: {error}"}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
