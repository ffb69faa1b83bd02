"""A model's chat template and tokenizer without transformers and torch: same text, same token ids, 50 times sooner."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.parser
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from tokenizers import Tokenizer

from wizard.data.files.templates import source_of, special_tokens
from wizard.errors import ExitCode, WizardError

Message = Mapping[str, Any]
Tools = Sequence[Mapping[str, Any]] | None


class Generation(jinja2.ext.Extension):
    """`{% generation %}` marks what the assistant says; here its body just passes through."""

    tags = {"generation"}  # noqa: RUF012 - jinja2 declares it so

    def parse(self, parser: jinja2.parser.Parser) -> list[jinja2.nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


class GuardedNamespace(Namespace):
    """Attributes with a leading underscore lead to Python's internals."""

    def __init__(*args: Any, **attributes: Any) -> None:
        told = dict(*args[1:], **attributes)
        for name in told:
            guard(name)
        Namespace.__init__(args[0], told)

    def __setitem__(self, name: str, value: Any) -> None:
        guard(name)
        Namespace.__setitem__(self, name, value)


def guard(name: object) -> None:
    if str(name).startswith("_"):
        raise SecurityError("underscore-prefixed attribute")


def refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def compiled(source: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, "jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = to_json
    environment.globals["namespace"] = GuardedNamespace
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda format: datetime.now().strftime(format)
    return environment.from_string(source)


@dataclass(frozen=True)
class Talker:
    """Turns messages into text and token ids as transformers' apply_chat_template does."""

    folder: Path

    def __reduce__(self) -> tuple[type[Talker], tuple[Path]]:
        """Another process reads the folder anew."""
        return Talker, (self.folder,)

    @cached_property
    def tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def special(self) -> Mapping[str, str]:
        return special_tokens(self.folder)

    @cached_property
    def source(self) -> str:
        """Of the template; nothing for a model that can only read on."""
        return source_of(self.folder)

    @cached_property
    def template(self) -> jinja2.Template:
        """Raises no-chat-template."""
        if not self.source:
            raise WizardError("no-chat-template", exit_code=ExitCode.FAILED, path=str(self.folder))
        return compiled(self.source)

    def text(self, messages: Sequence[Message], *, tools: Tools = None, prompt: bool = False) -> str:
        """Raises jinja2.TemplateError, whatever the template, a foreign program, stumbles over."""
        told, template = [with_reasoning(message) for message in messages], self.template
        try:
            return template.render(
                messages=told, tools=tools, documents=None, add_generation_prompt=prompt, **self.special
            )
        except (jinja2.TemplateError, MemoryError):
            raise
        except Exception as error:
            raise jinja2.TemplateError(f"{type(error).__name__}: {error}") from error

    def encoded(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def ids(self, messages: Sequence[Message], *, tools: Tools = None, prompt: bool = False) -> list[int]:
        return self.encoded(self.text(messages, tools=tools, prompt=prompt))

    @cached_property
    def end(self) -> int | None:
        """The token with which the model ends a text."""
        token: int | None = self.tokenizer.token_to_id(self.special.get("eos_token", ""))
        return token


def with_reasoning(message: Message) -> dict[str, Any]:
    """Templates disagree on what a turn's reasoning is called, so it goes by all the names transformers gives it."""
    copy = dict(message)
    reasoning = next((copy[name] for name in ("reasoning_content", "reasoning", "thinking") if copy.get(name)), None)
    if reasoning is not None:
        copy.setdefault("reasoning_content", reasoning)
        copy.setdefault("thinking", reasoning)
    return copy
