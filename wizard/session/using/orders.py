"""Lines of a talk that are not for the model: `/system TEXT`, `/temperature 0.2`, `/image PATH` ...; the same words on
the terminal and in the wizard's box."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from wizard.errors import WizardError
from wizard.session.using.conversation import Conversation
from wizard.strict import nearest


class Reply(NamedTuple):
    """A word key chat.<code> and its parameters."""

    code: str
    params: Mapping[str, Any] = {}


class Range(NamedTuple):
    name: str  # as the API has it
    least: float
    most: float
    kind: type


NUMBERS = {
    "temperature": Range("temperature", 0, 2, float),
    "top_p": Range("top_p", 0.01, 1, float),
    "max": Range("max_tokens", 1, 1_000_000, int),
}
NEED = ("image", "save")  # a file
ON, OFF = ("on", "yes", "1", ""), ("off", "no", "0")
Bases = Callable[[], str]  # the name the base is served by; raises chat-no-base


def is_order(line: str) -> bool:
    """A path at the beginning of a question is none."""
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    return word.startswith("/") and "/" not in word[1:]


def obey(line: str, talk: Conversation, bases: Bases) -> Reply:
    """Raises chat-order-unknown, chat-order-lacks, chat-order-value, chat-picture-unreadable, chat-file-exists,
    chat-file, chat-no-base."""
    word, _, rest = line.strip().removeprefix("/").partition(" ")
    word, rest = word.lower().replace("-", "_"), rest.strip()
    if word not in ORDERS:
        raise WizardError("chat-order-unknown", order=f"/{word}", nearest=nearest(word, ORDERS))
    if word in NEED and not rest:
        raise WizardError("chat-order-lacks", order=f"/{word}")
    return ORDERS[word](talk, rest, bases)


def turned(word: str, talk: Conversation, value: str, _: Bases) -> Reply:
    """Without a value it is as the model's own settings have it."""
    wanted = NUMBERS[word]
    if not value:
        talk.sampling.pop(wanted.name, None)
        return Reply("usual", {"name": wanted.name})
    try:
        number = wanted.kind(value)
    except ValueError:
        number = wanted.least - 1
    if not wanted.least <= number <= wanted.most:  # of NaN neither holds
        raise WizardError(
            "chat-order-value", order=f"/{word}", found=value, least=f"{wanted.least:g}", most=f"{wanted.most:g}"
        )
    talk.sampling[wanted.name] = number
    return Reply("set", {"name": wanted.name, "value": f"{number:g}"})


def system(talk: Conversation, text: str, _: Bases) -> Reply:
    talk.system = text
    return Reply("system" if text else "no_system")


def image(talk: Conversation, path: str, _: Bases) -> Reply:
    talk.show(Path(path.strip("'\"")))
    return Reply("image", {"names": ", ".join(file.name for file in talk.pictures)})


def base(talk: Conversation, value: str, bases: Bases) -> Reply:
    if value not in (*ON, *OFF):
        raise WizardError("chat-order-value", order="/base", found=value, least=ON[0], most=OFF[0])
    talk.base = bases() if value in ON else ""
    return Reply("base_on" if talk.base else "base_off", {"name": talk.base})


def clear(talk: Conversation, *_: Any) -> Reply:
    talk.clear()
    return Reply("cleared")


def save(talk: Conversation, path: str, _: Bases) -> Reply:
    """As one row of data; a file that is there is never written over."""
    file = Path(path.strip("'\"")).expanduser()
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(json.dumps(talk.as_row(), ensure_ascii=False) + "\n")
    except FileExistsError as error:
        raise WizardError("chat-file-exists", path=str(file)) from error
    except OSError as error:
        raise WizardError("chat-file", path=path, error=error.strerror or str(error)) from error
    return Reply("saved", {"path": str(file), "count": len(talk.exchanges)})


def help_(*_: Any) -> Reply:
    return Reply("help")


ORDERS: Mapping[str, Callable[[Conversation, str, Bases], Reply]] = {
    "system": system,
    **{name: partial(turned, name) for name in NUMBERS},
    "image": image,
    "base": base,
    "clear": clear,
    "save": save,
    "help": help_,
}
