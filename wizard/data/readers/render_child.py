"""Run as a program: reads {talks, template, special_tokens, tokenizer} as JSON, writes {told} or {error}.

A talk is {messages, tools, prompt}, or {text} that no template is put around; told of it is {text}, or {error}.
With a `tokenizer` (the path of its file) it is {tokens}, how many there are in the text, instead.
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
COUNTING_SECONDS = 120  # of all cores together
LONGEST = 32 << 20
AT_ONCE = 256  # texts


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
    template = question["template"]
    compiled = environment().from_string(template) if template else None
    settings = {"documents": None, **question["special_tokens"]}
    told = [told_of(talk, compiled, settings) for talk in question["talks"]]
    texts = [each["text"] for each in told if "text" in each]
    if sum(map(len, texts)) >= LONGEST:
        return {"error": "MemoryError"}
    if question.get("tokenizer"):
        lengths = iter(counted(question["tokenizer"], texts))
        return {"told": [{"tokens": next(lengths)} if "text" in each else each for each in told]}
    return {"told": told}


def told_of(talk: dict[str, Any], compiled: Any, settings: dict[str, Any]) -> dict[str, str]:
    if "text" in talk:
        return {"text": talk["text"]}
    messages = [with_reasoning(message) for message in talk["messages"]]
    asked = {"tools": talk.get("tools") or None, "add_generation_prompt": bool(talk.get("prompt"))}
    try:
        return {"text": compiled.render(messages=messages, **asked, **settings)}
    except MemoryError:
        raise
    except Exception as error:  # whatever a foreign template raises is its failure, not ours
        return {"error": f"{type(error).__name__}: {error}"}


def counted(file: str, texts: list[str]) -> list[int]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(file)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    lengths: list[int] = []
    for start in range(0, len(texts), AT_ONCE):
        found = tokenizer.encode_batch_fast(texts[start : start + AT_ONCE], add_special_tokens=False)
        lengths += [len(each.ids) for each in found]
    return lengths


def main() -> None:
    question = json.load(sys.stdin)
    seconds = COUNTING_SECONDS if question.get("tokenizer") else CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        result = answer(question)
    except MemoryError:
        result = {"error": "MemoryError"}
    except BaseException as error:  # a tokenizer's panic is no Exception
        result = {"error": f"{type(error).__name__}: {error}"}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
