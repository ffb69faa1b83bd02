"""Rows whose columns are the turns: Alpaca (instruction, input, output) and question/answer pairs."""

from __future__ import annotations

from dataclasses import replace

from wizard.data.shape.asking import BESIDE, TALK, answer, answer_of, built, cell, opening, together
from wizard.data.shape.conversation import REFERENCES, others
from wizard.data.shape.example import Example
from wizard.data.shape.layout import Format, Roles, Row, Shape, normal
from wizard.data.shape.media import Media
from wizard.data.shape.options import NAMES as OPTIONS
from wizard.data.shape.options import chosen, offered, options_in
from wizard.data.shape.turns import checked, listed_turns
from wizard.data.shape.values import is_missing

LOOSE_QUESTIONS = ("user", "human", "用户", "article", "dialogue", "message_1", "q")  # with a certain answer only
SHORTENED = ("summary", "highlights")
PARTNERS = {"source": ("target", "targets"), "document": SHORTENED, "content": SHORTENED}  # questions beside these only
ANSWERS = (
    "answer", "response", "output", "completion", "target", "targets", "answers", "solution", "answer_key", "answerkey",
    "reply", "generation", "summary", "highlights", "revision", "message_2", "assistant", "gpt", "bot",
    "model_output", "助手", "回答", "答案", "答", "输出", "回复", "輸出", "回覆", "参考答案", "标准答案", "模型输出",
    "content", "text", "a",
)  # fmt: skip
QUESTIONS = (
    "question", "query", "prompt", "input", "instruction", "problem", "ask", "user_input", "问题", "提问", "问", "输入",
    "指令", "問題", "提問", "輸入", "用户问题", "用户输入", "标准问题",
    *LOOSE_QUESTIONS, "text", "source", "document", "content",
)  # fmt: skip
INPUTS = ("input", "输入", "輸入")
CERTAIN_ANSWERS = tuple(name for name in ANSWERS if name not in ("text", "content", "a"))
CERTAIN_QUESTIONS = tuple(name for name in QUESTIONS if name not in ("text", *PARTNERS))
CONTEXTS = ("context", "article", "passage", "背景", "上下文")
THOUGHTS = ("reasoning_content", "reasoning", "thinking", "complex_cot", "cot", "thought", "思考", "推理")
COMMON = {**TALK, "reasoning": THOUGHTS, **BESIDE}
ALPACA_FIELDS = {
    "instruction": ("instruction", "指令"),
    "input": ("input", "context", "输入"),
    "output": ("output", *(name for name in CERTAIN_ANSWERS if name != "output")),
    **COMMON,
}
PAIR_FIELDS = {
    "question": CERTAIN_QUESTIONS, "answer": CERTAIN_ANSWERS, "context": CONTEXTS, "choices": OPTIONS, **COMMON
}  # fmt: skip
CHECKED_BY = tuple(name for name in REFERENCES if name not in ("answer", "答案"))
REPLIES = ("completion", "response", "output", "reply", "generation")  # never a reference for a reward


def alpaca(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    asked = opening(row, mapping, media, "instruction", "input")
    return built(row, mapping, checked(together(asked, answer(row, mapping, media, "output"))), media)


def pair(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    asked = opening(row, mapping, media, "context", "question")
    if not mapping.get("choices"):
        return built(row, mapping, checked(together(asked, answer(row, mapping, media, "answer"))), media)
    options = options_in(row, mapping["choices"])
    said = answer_of(chosen(cell(row, mapping, "answer"), options), mapping, media)
    return built(row, mapping, checked(together(offered(asked, options), said)), media)


def prompt(row: Row, mapping: Roles) -> Example:
    media: Media = {}
    asked = checked(opening(row, mapping, media, "context", "question", "input"), last=("user", "tool"))
    if mapping.get("choices"):
        asked = offered(asked, options_in(row, mapping["choices"]))
    return built(row, mapping, asked, media, extra=others(row, mapping))


def _answered(row: Row, mapping: Roles) -> bool:
    """Turns with a bare solution beside them are a prompt with what its reward needs; a text and its user are none."""
    asked, answered = normal(mapping["question"]), normal(mapping["answer"])
    if asked in LOOSE_QUESTIONS and answered in ("text", "content"):
        return False
    if answered not in PARTNERS.get(asked, (answered,)) or (answered == "a" and asked != "q"):
        return False
    return listed_turns(row[mapping["question"]]) is None or (
        listed_turns(row[mapping["answer"]]) is not None or answered in REPLIES
    )


def _filled(row: Row, mapping: Roles) -> bool:
    return True


def _named(shape: Shape, rows: list[Row]) -> Shape:
    """query/response are ms-swift's own names. Of an answer and a solution, the longer is what is learned."""
    mapping = dict(shape.mapping)
    if "solution" in mapping and {normal(mapping[role]) for role in ("answer", "solution")} == {"answer", "solution"}:
        long = {role: sum(len(str(row.get(mapping[role], ""))) for row in rows) for role in ("answer", "solution")}
        if long["solution"] > long["answer"]:
            mapping["answer"], mapping["solution"] = mapping["solution"], mapping["answer"]
    swift = normal(mapping["question"]) == "query" and normal(mapping["answer"]) == "response"
    return replace(shape, format="ms-swift" if swift else "qa", mapping=mapping)


def _asked(row: Row, mapping: Roles) -> bool:
    """Turns, or a question in a table that has no place for an answer."""
    question = row[mapping["question"]]
    answerable = any(normal(column) in CERTAIN_ANSWERS for column in row)
    return not is_missing(question) and (not answerable or listed_turns(question) is not None)


ALPACA = Format(
    id="alpaca",
    kind="messages",
    tasks=("sft",),
    fields=ALPACA_FIELDS,
    required=("instruction", "output"),
    fits=_filled,
    convert=alpaca,
)
PAIR = Format(
    id="qa",
    also=("ms-swift",),
    kind="messages",
    tasks=("sft", "grpo"),
    fields={
        "question": QUESTIONS,
        "answer": ANSWERS,
        "context": CONTEXTS,
        "choices": OPTIONS,
        "solution": CHECKED_BY,
        **COMMON,
    },
    required=("question", "answer"),
    fits=_answered,
    convert=pair,
    refine=_named,
)
PROMPT = Format(
    id="prompt",
    kind="prompt",
    tasks=("grpo",),
    fields={
        "question": (
            "prompt",
            *(name for name in CERTAIN_QUESTIONS if name not in ("prompt", *INPUTS, *LOOSE_QUESTIONS)),
        ),
        "input": INPUTS,
        "context": CONTEXTS,
        "choices": OPTIONS,
        **COMMON,
    },
    required=("question",),
    fits=_asked,
    convert=prompt,
)
