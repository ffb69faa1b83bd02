"""Rows with a better and a worse answer, in the spellings of TRL, LLaMA-Factory, ms-swift, axolotl and OpenAI."""

from __future__ import annotations

import re
from typing import Any

from wizard.data.shape.asking import TALK, answer_of, built, cell, opening, talk, together, with_system
from wizard.data.shape.columns import ALPACA_FIELDS, CERTAIN_ANSWERS, CERTAIN_QUESTIONS, COMMON, CONTEXTS
from wizard.data.shape.conversation import MESSAGES, TURN_FIELDS, TURNS, answers, asks
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.layout import Format, Roles, Row
from wizard.data.shape.media import Media, references
from wizard.data.shape.turns import checked, merged
from wizard.data.shape.values import is_blank, is_missing, listed, number_of, truth_of

TASKS = ("dpo", "orpo", "simpo", "cpo", "reward", "sft")
CHOSEN = (
    "chosen", "chosen_response", "chosen_messages", "preferred_output", "preferred", "better", "accepted",
    "chosen_answer", "response_chosen", "better_response", "response_j", "pos_resp", "win", "优选", "好回答",
    "更好的回答",
)  # fmt: skip
REJECTED = (
    "rejected", "rejected_response", "rejected_messages", "non_preferred_output", "dispreferred", "worse",
    "rejected_answer", "response_rejected", "worse_response", "response_k", "neg_resp", "lose", "劣选", "坏回答",
    "更差的回答",
)  # fmt: skip
FIRST = ("response_0", "response_a", "answer_0", "answer_a", "conversation_a")
SECOND = ("response_1", "response_b", "answer_1", "answer_b", "conversation_b")
CHOICE = ("better_response_id", "preference", "choice", "winner", "label")
SIDES = {"model_a": False, "a": False, "model_b": True, "b": True}
SAID = re.compile(r"\n\n(Human|H|Assistant|A): ?")
IMAGES = ("rejected_images",)


def by_prompt(row: Row, mapping: Roles) -> Example:
    return _judged(row, mapping, {}, "context", "question")


def by_instruction(row: Row, mapping: Roles) -> Example:
    return _judged(row, mapping, {}, "instruction", "input")


def by_turns(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    return _weighed(row, mapping, media, talk(row, mapping, media), *_answers(row, mapping, media))


def bare(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    better, worse = (_transcript(row.get(mapping[role])) for role in ("chosen", "rejected"))
    if better and worse:
        return _weighed(row, mapping, media, [], better, worse)
    return _weighed(row, mapping, media, [], *_answers(row, mapping, media))


def answered(row: Row, mapping: Roles) -> Example:
    """The better answer ends the conversation: ms-swift's rejected_response, rejected_messages, rejected_images."""
    media: Media = {}
    messages = checked(talk(row, mapping, media))
    here = _last_asked(messages)
    worse = _side(row, mapping, "rejected", {}) if mapping.get("rejected") else messages[here:]
    return _weighed(row, mapping, media, messages[:here], messages[here:], worse)


def answered_pair(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    better, worse = (_side(row, mapping, role, media) for role in ("answer", "rejected"))
    return _weighed(row, mapping, media, opening(row, mapping, media, "context", "question"), better, worse)


def chosen_by_mark(row: Row, mapping: Roles) -> Example:
    """Two answers and which of them is better: 0 or a, 1 or b."""
    mark = cell(row, mapping, "choice")
    second = SIDES.get(str(mark).strip().lower(), truth_of(mark))
    if second is None:
        raise Refused("bad-label", found=str(mark)[:40])
    order = ("second", "first") if second else ("first", "second")
    media: Media = {}
    asked = opening(row, mapping, media, "context", "question") if mapping.get("question") else []
    better, worse = (answer_of(cell(row, mapping, role), mapping, media) for role in order)
    return _weighed(row, mapping, media, asked, better, worse)


def ranked(row: Row, mapping: Roles) -> Example:
    """Several answers with ranks (1 is best) or scores (more is better): the best and the worst."""
    key = "rank" if all("rank" in each for each in _ranking(row, mapping)) else "score"
    answers = [(number_of(each.get(key)), each) for each in _ranking(row, mapping)]
    if len(answers) < 2 or any(place is None for place, _ in answers):
        raise Refused("bad-ranking", field=mapping["ranked"])
    order = [each for _, each in sorted(answers, key=lambda answer: answer[0] or 0, reverse=key == "score")]
    media: Media = {}
    asked = opening(row, mapping, media, "context", "question")
    return _weighed(row, mapping, media, asked, *(answer_of(each, mapping, media) for each in (order[0], order[-1])))


def _ranking(row: Row, mapping: Roles) -> list[dict[str, Any]]:
    """The answers as objects that tell a rank or a score; nothing where they do not."""
    answers = listed(row.get(mapping["ranked"])) or []
    told = all(isinstance(each, dict) and ("rank" in each or "score" in each) for each in answers)
    return answers if told else []


def _is_ranked(row: Row, mapping: Roles) -> bool:
    return bool(_ranking(row, mapping))


def _judged(row: Row, mapping: Roles, media: Media, *asked: str) -> Example:
    return _weighed(row, mapping, media, opening(row, mapping, media, *asked), *_answers(row, mapping, media))


def _answers(row: Row, mapping: Roles, media: Media) -> tuple[Messages, Messages]:
    return _side(row, mapping, "chosen", media), _side(row, mapping, "rejected", {})


def _side(row: Row, mapping: Roles, role: str, media: Media) -> Messages:
    value = cell(row, mapping, role)
    if is_missing(value):
        raise Refused(EMPTY[role])
    return answer_of(value, mapping, media)


EMPTY = {"chosen": "empty-chosen", "answer": "empty-answer", "rejected": "empty-rejected"}


def _weighed(row: Row, mapping: Roles, media: Media, asked: Messages, better: Messages, worse: Messages) -> Example:
    """`better` and `worse` may begin with the conversation itself; what they share is then the prompt."""
    if any(turn["role"] == "user" for turn in better):
        asked, better = with_system(better, [turn for turn in asked if turn["role"] == "system"]), []
        here = _last_asked(asked)
        asked, better = asked[:here], asked[here:]
    if any(turn["role"] == "user" for turn in worse):
        here = _last_asked(worse)
        if _spoken(worse[:here]) != _spoken(asked):
            raise Refused("prompts-differ")
        worse = worse[here:]
    _compared(row, mapping, better, worse)
    messages = together(asked, better)
    if asked:
        checked(messages)
    images = references(row.get(mapping["rejected_images"])) if mapping.get("rejected_images") else []
    more: dict[str, Any] = {"extra": {"rejected_images": images}} if images else {}
    return built(row, mapping, messages, media, rejected=worse, **more)


def _compared(row: Row, mapping: Roles, better: Messages, worse: Messages) -> None:
    for code, turns in (("empty-chosen", better), ("empty-rejected", worse)):
        if not turns or any(is_blank(turn["content"]) and "tool_calls" not in turn for turn in turns[-1:]):
            raise Refused(code)
        if turns[-1]["role"] != "assistant":
            raise Refused("no-answer")
    if better == worse and is_missing(row.get(mapping.get("rejected_images", ""))):
        raise Refused("chosen-is-rejected")


def _spoken(turns: Messages) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"].strip()) for turn in turns if turn["role"] != "system"]


def _last_asked(messages: Messages) -> int:
    """Where the answer begins: after the last turn of the user."""
    return max((place for place, turn in enumerate(messages) if turn["role"] == "user"), default=-1) + 1


def _transcript(value: Any) -> Messages:
    """Anthropic's HH: "\\n\\nHuman: ...\\n\\nAssistant: ..." in one text."""
    if not isinstance(value, str) or "\n\nAssistant:" not in value:
        return []
    text = value if value.startswith("\n\n") else f"\n\n{value.lstrip()}"
    pieces = SAID.split(text)[1:]
    speakers = {"H": "user", "A": "assistant"}
    turns = [
        {"role": speakers[who[0]], "content": said.strip()} for who, said in zip(pieces[::2], pieces[1::2], strict=True)
    ]
    return merged(turns)


def _marked(row: Row, mapping: Roles) -> bool:
    mark = row[mapping["choice"]]
    return str(mark).strip().lower() in SIDES or truth_of(mark) is not None or str(mark).startswith("tie")


def _always(row: Row, mapping: Roles) -> bool:
    return True


SIDE_FIELDS = {"chosen": CHOSEN, "rejected": REJECTED}
ASKED = {"question": (*CERTAIN_QUESTIONS, "text"), "context": CONTEXTS}
PREFERENCES = (
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **TURN_FIELDS, "messages": (*MESSAGES, "context", "input")},
        required=("messages", "chosen", "rejected"),
        fits=asks,
        convert=by_turns,
    ),
    Format(
        id="alpaca",
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **{role: names for role, names in ALPACA_FIELDS.items() if role != "output"}},
        required=("instruction", "chosen", "rejected"),
        fits=_always,
        convert=by_instruction,
    ),
    Format(
        id="preference",
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **ASKED, **COMMON},
        required=("question", "chosen", "rejected"),
        fits=_always,
        convert=by_prompt,
    ),
    Format(
        id="preference",
        kind="preference",
        tasks=TASKS,
        fields={**SIDE_FIELDS, **TALK},
        required=("chosen", "rejected"),
        fits=_always,
        convert=bare,
    ),
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={"rejected": REJECTED, "rejected_images": IMAGES, **TURN_FIELDS},
        required=("messages", "rejected"),
        fits=answers,
        convert=answered,
    ),
    Format(
        **TURNS,  # type: ignore[arg-type]
        kind="preference",
        tasks=TASKS,
        fields={"rejected_images": IMAGES, **TURN_FIELDS},
        required=("messages", "rejected_images"),
        fits=answers,
        convert=answered,
    ),
    Format(
        id="ms-swift",
        kind="preference",
        tasks=TASKS,
        fields={
            "rejected": REJECTED,
            "question": CERTAIN_QUESTIONS,
            "answer": CERTAIN_ANSWERS,
            "context": CONTEXTS,
            **COMMON,
        },
        required=("question", "answer", "rejected"),
        fits=_always,
        convert=answered_pair,
    ),
    Format(
        id="choice",
        kind="preference",
        tasks=TASKS,
        fields={"first": FIRST, "second": SECOND, "choice": CHOICE, **ASKED, **COMMON},
        required=("first", "second", "choice"),
        fits=_marked,
        convert=chosen_by_mark,
    ),
    Format(
        id="ranked",
        kind="preference",
        tasks=TASKS,
        fields={"ranked": ("answers", "responses", "completions", "candidates"), **ASKED, **COMMON},
        required=("question", "ranked"),
        fits=_is_ranked,
        convert=ranked,
    ),
)
