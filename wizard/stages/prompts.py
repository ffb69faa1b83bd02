"""Prompts as token ids: those of the training, held against every other side that makes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Order
from wizard.stages.preparing.spellings import spelt

if TYPE_CHECKING:
    from wizard.stages.template import Message, Talker, Tools

TALKS = Path(__file__).with_name("talks.json")
ANOTHER_DAY = 400 * 86400.0
DONE = "Done"


class Talk(NamedTuple):
    name: str
    messages: Sequence[Message]
    tools: Tools = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """One talk up to where the answer would begin, and its ids."""

    name: str
    messages: Sequence[Message]
    tools: Tools
    ids: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the prepare stage notes down for the others."""

    made: float  # epoch seconds
    dated: bool  # the template tells the date, so its prompts are others tomorrow
    ends: Sequence[int]  # the special token that the training puts behind an answer
    lines: Sequence[Line] = field(default_factory=tuple)


Side = Callable[[Talk], Sequence[int]]


def standard() -> list[Talk]:
    found = json.loads(TALKS.read_text(encoding="utf-8"))
    return [Talk(name, talk["messages"], talk.get("tools")) for name, talk in found.items()]


def asked(questions: Iterable[str]) -> list[Talk]:
    return [Talk(f"question-{n}", [{"role": "user", "content": text}]) for n, text in enumerate(questions, 1)]


def sheet_of(talker: Talker, questions: Iterable[str], now: float | None = None) -> Sheet:
    """Talks that the template refuses, and tools that it does not take, are left out: no row could have them.
    Empty for a model without a template, which can only read on."""
    made = time.time() if now is None else now
    if not talker.source:
        return Sheet(made=made, dated=False, ends=())
    lines = []
    for talk in [*asked(questions), *standard()]:
        try:
            ids = ids_at(talker, talk, made)
            if talk.tools and ids == ids_at(talker, talk._replace(tools=None), made):
                continue
        except jinja2.TemplateError:
            continue
        lines.append(Line(**talk._asdict(), ids=ids))
    later = [ids_at(talker, talk_of(line), made + ANOTHER_DAY) for line in lines]
    dated = later != [line.ids for line in lines]
    return Sheet(made=made, dated=dated, ends=ends_of(talker), lines=lines)


def talk_of(line: Line) -> Talk:
    return Talk(line.name, line.messages, line.tools)


def ids_at(talker: Talker, talk: Talk, when: float) -> list[int]:
    clock = talker.template.globals
    usual, clock["strftime_now"] = clock["strftime_now"], datetime.fromtimestamp(when).strftime
    try:
        text_of = partial(talker.text, tools=talk.tools, prompt=True)
        return talker.encoded(text_of(spelt(text_of, talk.messages)))
    finally:
        clock["strftime_now"] = usual


def ends_of(talker: Talker) -> list[int]:
    """The token behind an answer, if it is a special one."""
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": DONE}]
    try:
        ids = talker.encoded(talker.text(talk).rpartition(DONE)[2])
    except jinja2.TemplateError:
        return []
    added = talker.tokenizer.get_added_tokens_decoder()
    return [end for end in ids[:1] if end in added and added[end].special]


def note(talker: Talker, questions: Iterable[str], folder: Path) -> Path:
    """The sheet of this training, as a file."""
    file = folder / "prompts.json"
    file.write_text(json.dumps(asdict(sheet_of(talker, questions)), ensure_ascii=False), encoding="utf-8")
    return file


def noted(order: Order) -> Sheet | None:
    file = order.inputs.get("prepare", {}).get("prompts")
    return read(Path(file)) if file else None


def read(file: Path) -> Sheet:
    found = json.loads(file.read_text(encoding="utf-8"))
    return Sheet(**{**found, "lines": [Line(**line) for line in found["lines"]]})


def hold(sheet: Sheet, side: str, ids_of: Side, talker: Talker, longest: int | None = None) -> dict[str, int]:
    """Every talk of the sheet through `ids_of`; raises the Problem that names the first token that differs.

    `talker`: of the model folder that this side reads. `longest`: talks of more tokens are left out.
    """
    held = [line for line in sheet.lines if longest is None or len(line.ids) < longest]
    for line in held:
        expected = line.ids
        if sheet.dated:
            compare(line, expected, ids_at(talker, talk_of(line), sheet.made), side, talker)
            expected = ids_at(talker, talk_of(line), time.time())
        compare(line, expected, ids_of(talk_of(line)), side, talker)
    return {"talks": len(held), "tokens": sum(len(line.ids) for line in held)}


def hold_library(order: Order, tokenizer: Any, folder: Path) -> dict[str, int]:
    """The training's sheet through transformers, with the tokenizer that was loaded from `folder`."""
    from wizard.stages.template import Talker

    sheet = noted(order)
    return hold(sheet, "library", partial(library_ids, tokenizer), Talker(folder)) if sheet else {}


def library_ids(tokenizer: Any, talk: Talk) -> list[int]:
    try:
        return templated(tokenizer, talk.messages, talk.tools)
    except jinja2.TemplateError:
        return []


def templated(tokenizer: Any, messages: Sequence[Message], tools: Tools) -> list[int]:
    """The prompt by transformers, spelt as the template wants it. Raises jinja2.TemplateError."""
    render = partial(tokenizer.apply_chat_template, tools=tools, add_generation_prompt=True)
    form = spelt(lambda each: str(render(list(each), tokenize=False)), messages)
    ids: list[int] = render(form, return_dict=True)["input_ids"]
    return ids


def compare(line: Line, expected: Sequence[int], found: Sequence[int], side: str, talker: Talker) -> None:
    place = first_difference(expected, found)
    if place is None:
        return
    raise WizardError(
        "prompts-differ",
        exit_code=ExitCode.FAILED,
        side=side,
        talk=line.name,
        position=place + 1,
        trained=spelled(talker, expected, place),
        found=spelled(talker, found, place),
        cause=cause_of(expected, found, talker.tokenizer.token_to_id(talker.special.get("bos_token", ""))),
    )


def first_difference(expected: Sequence[int], found: Sequence[int]) -> int | None:
    """The place of the first token that is not the same; the shorter one's end where it is the other's beginning."""
    pairs = enumerate(zip(expected, found, strict=False))
    place = next((at for at, (one, other) in pairs if one != other), min(len(expected), len(found)))
    return None if place == len(expected) == len(found) else place


def cause_of(expected: Sequence[int], found: Sequence[int], begin: int | None) -> str:
    """Which of the known mistakes it is."""
    expected, found = list(expected), list(found)
    if not found:
        return "prompt-refused"
    if begin is not None and found == [begin, *expected]:
        return "begin-doubled" if expected[:1] == [begin] else "begin-added"
    if begin is not None and expected == [begin, *found]:
        return "begin-missing"
    if expected[: len(found)] == found:
        return "prompt-cut"
    if found[: len(expected)] == expected:
        return "prompt-longer"
    if len(found) > len(expected) and found[-len(expected) // 2 :] == expected[-len(expected) // 2 :]:
        return "text-added"
    return "template-other"


def spelled(talker: Talker, ids: Sequence[int], place: int) -> str:
    """`4093 "assistant"`, or `-` behind the end."""
    if place >= len(ids):
        return "-"
    text = talker.tokenizer.decode([ids[place]], skip_special_tokens=False)
    shown = text if text and "\N{REPLACEMENT CHARACTER}" not in text else talker.tokenizer.id_to_token(ids[place])
    return f"{ids[place]} {json.dumps(shown, ensure_ascii=False)}"
