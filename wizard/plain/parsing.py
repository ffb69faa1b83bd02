"""Flags and verbs as argparse reads them, with help and Problems in our own words and a twin in the environment."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from wizard.contract import HELD_BACK
from wizard.errors import WizardError
from wizard.strict import nearest
from wizard.words import say

WRONG = (  # what argparse says, and the Problem for it
    (re.compile(r"the following arguments are required: (?P<what>.*)"), "usage-lacks"),
    (re.compile(r"argument (?P<what>[^:]*): expected .*"), "usage-lacks-value"),
    (re.compile(r"argument (?P<what>[^:]*): invalid (?P<type>\w+) value: (?P<found>.*)"), "usage-no-number"),
    (re.compile(r"argument (?P<what>[^:]*): ignored explicit argument (?P<found>.*)"), "usage-takes-no-value"),
    (re.compile(r"(?P<what>.*)"), "usage-wrong"),
)


class Help(argparse.RawDescriptionHelpFormatter):
    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, say("cli.usage") if prefix is None else prefix)


class Parser(argparse.ArgumentParser):
    """Every flag has a twin in the environment: --dry-run is YCDY_DRY_RUN."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=Help, allow_abbrev=False, add_help=False, **options)
        self._positionals.title, self._optionals.title = say("cli.arguments"), say("cli.options")
        self.add_argument("-h", "--help", action="help", default=argparse.SUPPRESS, help=say("cli.flag.help"))

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        if names[-1].startswith("--") and options.get("default") is not argparse.SUPPRESS:
            options["default"] = twin(names[-1], options)
        return super().add_argument(*names, **options)

    def flags(self) -> list[str]:
        return [name for action in self._actions for name in action.option_strings]

    def verbs(self) -> Mapping[str, Parser]:
        found = (action for action in self._actions if isinstance(action, argparse._SubParsersAction))
        return next((action.choices for action in found), {})

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            known = [str(choice) for choice in action.choices]
            told = {"found": value, "known": ", ".join(known), "nearest": nearest(value, known)}
            if not action.option_strings:
                raise WizardError("usage-unknown-word", **told)
            raise WizardError("usage-unknown", what=action.option_strings[-1], **told)

    def error(self, message: str) -> NoReturn:
        pattern, code = next(pair for pair in WRONG if pair[0].fullmatch(message))
        found = pattern.fullmatch(message)
        told: dict[str, Any] = found.groupdict() if found else {}
        raise WizardError(code, command=verb_of(self), **told)


def verb_of(parser: argparse.ArgumentParser) -> str:
    """What stands behind the program's name, with a space before it; nothing for the program itself."""
    return parser.prog[len(parser.prog.split()[0]) :]


def twin(flag: str, options: dict[str, Any]) -> Any:
    text = os.environ.get("YCDY_" + flag.lstrip("-").replace("-", "_").upper(), "")
    if options.get("action") == "store_true":
        return text.lower() in ("1", "true", "yes", "on")
    return text or options.get("default")


def share(text: str) -> float:
    """Of `5%` or `0.05`. Raises WizardError usage-no-share."""
    number, percent, rest = text.strip().partition("%")
    try:
        found = float(number) / (100 if percent else 1)
    except ValueError:
        found = -1.0
    if rest or not 0 <= found <= HELD_BACK:
        raise WizardError("usage-no-share", found=text, most=f"{HELD_BACK:.0%}")
    return found


def unknown_flag(word: str, parser: Parser) -> WizardError:
    flag = word.partition("=")[0]
    if not flag.startswith("-"):
        return WizardError("usage-too-much", what=word, command=verb_of(parser))
    return WizardError("usage-unknown-flag", flag=flag, command=verb_of(parser), nearest=nearest(flag, parser.flags()))
