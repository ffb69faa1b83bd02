"""Texts that are alike or not: rows of sentence-transformers, FlagEmbedding, MTEB and ms-swift."""

from __future__ import annotations

from typing import Any

from wizard.data.shape import conversation
from wizard.data.shape.asking import built, cell, talk
from wizard.data.shape.example import Example, Messages
from wizard.data.shape.fault import Refused
from wizard.data.shape.labelled import FIRST, SECOND
from wizard.data.shape.layout import Format, Roles, Row, cell_of, normal
from wizard.data.shape.media import Media
from wizard.data.shape.turns import listed_turns, turns_of
from wizard.data.shape.values import is_blank, is_missing, listed, number_of, text_of, truth_of

ANCHORS = ("anchor", "query", "question", "sentence", "text", "prompt", "sentence1", "查询")
POSITIVES = (
    "positive", "pos", "positives", "positive_passages", "positive_passage", "positive_doc", "positive_docs",
    "positive_document", "positive_ctxs", "正例",
)  # fmt: skip
NEGATIVES = (
    "negative", "neg", "negatives", "negative_passages", "negative_passage", "hard_negative", "hard_negatives",
    "negative_doc", "negative_docs", "negative_document", "negative_1", "hard_negative_ctxs", "negative_ctxs", "负例",
)  # fmt: skip
SCORES = ("score", "label", "similarity", "similarity_score", "labels", "is_duplicate", "相似度", "标签")
DOCUMENTS = ("document", "passage", "doc", "documents", "passages", "docs", "candidate", "candidates", "文档", "段落")
RELEVANCE = ("label", "labels", "relevance", "score", "scores", "relevant", "标签", "相关性")
TURN_FIELDS = {
    **conversation.TURN_FIELDS,
    "positive": ("positive_messages",),
    "negative": ("negative_messages",),
    "label": ("label",),
}
EMBEDDING, RERANKER = ("embedding", "reranker"), ("reranker", "embedding")


def turns(row: Row, mapping: Roles) -> Example:
    """ms-swift's positive_messages and negative_messages: lists of conversations."""
    media: Media = {}
    messages = talk(row, mapping, media)
    if not messages or any(is_blank(turn["content"]) for turn in messages):
        raise Refused("empty-text")
    return _compared(row, mapping, messages, media)


def table(row: Row, mapping: Roles) -> Example:
    return _compared(row, mapping, _text(cell(row, mapping, "anchor"), "user"), {})


def _compared(row: Row, mapping: Roles, messages: Messages, media: Media) -> Example:
    positives = _several(row, mapping, "positive")
    negatives = [each for column in _siblings(row, mapping) for each in _sided(row.get(column), mapping)]
    label = number_of(row.get(mapping["label"])) if mapping.get("label") else None
    if not positives:
        raise Refused("no-positive")
    if not {_told(each) for each in positives}.isdisjoint(_told(each) for each in negatives):
        raise Refused("positive-is-negative")
    return built(row, mapping, messages, media, positives=positives, negatives=negatives, label=label)


def _told(talk: Messages) -> tuple[str, ...]:
    return tuple(turn["content"] for turn in talk)


def _several(row: Row, mapping: Roles, role: str) -> list[Messages]:
    return _sided(row.get(mapping[role]), mapping) if mapping.get(role) else []


def _siblings(row: Row, mapping: Roles) -> list[str]:
    """negative_1 stands for negative_2 and the rest as well."""
    column = mapping.get("negative", "")
    stem = column.removesuffix("1")
    return (
        [name for name in row if name.startswith(stem) and name[len(stem) :].isdigit()] if stem != column else [column]
    )


def _sided(value: Any, mapping: Roles) -> list[Messages]:
    """Conversations, or texts, one or a list of them."""
    if is_missing(value):
        return []
    many = listed(value)
    if many and listed_turns(many) is not None:
        many = [many]
    return [_side(each, mapping) for each in (many if many is not None else [value])]


def _side(value: Any, mapping: Roles) -> Messages:
    if (said := listed_turns(value)) is not None:
        return turns_of(said, mapping, {})
    return _text(value, "assistant")


def _text(value: Any, role: str) -> Messages:
    if isinstance(value, dict) and isinstance(value.get("text"), str):  # Tevatron's passages: docid, title, text
        value = f"{value.get('title') or ''}\n{value['text']}".strip()
    text = text_of(value)
    if is_blank(text):
        raise Refused("empty-text")
    return [{"role": role, "content": text}]


def scored(row: Row, mapping: Roles) -> Example:
    """Two sentences and how alike they are; without a score they are alike."""
    label = None
    if mapping.get("label"):
        value = row.get(mapping["label"])
        if is_missing(value):
            raise Refused("no-label")
        if (label := _degree(value)) is None:
            raise Refused("bad-label", found=str(value)[:40])
    first, second = (_text(cell(row, mapping, role), who) for role, who in (("anchor", "user"), ("other", "assistant")))
    return built(row, mapping, first, {}, positives=[second], label=label)


def ranked(row: Row, mapping: Roles) -> Example:
    """A query, a document or several, and which of them answer it."""
    documents, marks = (listed(cell(row, mapping, role)) for role in ("document", "label"))
    label = None
    if documents is None:
        documents, marks = [row[mapping["document"]]], [row[mapping["label"]]]
        label = _degree(marks[0])
    if marks is None or len(marks) != len(documents):
        raise Refused("labels-mismatch", documents=len(documents), labels=len(marks or ()))
    degrees = [_degree(mark) for mark in marks]
    if None in degrees:
        missing = any(is_missing(mark) for mark in marks)
        raise Refused("no-label") if missing else Refused("bad-label", found=str(marks)[:40])
    read = [(_text(document, "assistant"), degree) for document, degree in zip(documents, degrees, strict=True)]
    sides = {side: [text for text, degree in read if bool(degree and degree > 0) == side] for side in (True, False)}
    query = _text(cell(row, mapping, "anchor"), "user")
    return built(row, mapping, query, {}, positives=sides[True], negatives=sides[False], label=label)


def _degree(value: Any) -> int | float | None:
    number = number_of(value)
    truth = truth_of(value) if number is None else None
    return int(truth) if truth is not None else number


def _likeness(row: Row, mapping: Roles) -> bool:
    """A label of more classes than alike and not alike is a classification's."""
    if not mapping.get("label"):
        return True
    degree = _degree(row.get(mapping["label"]))
    return degree is not None and (normal(mapping["label"]) not in ("label", "labels") or 0 <= degree <= 1)


def _reranks(row: Row, mapping: Roles) -> bool:
    """Lists of a query's documents; of ms-swift's turns those that assistants speak, or more than one positive."""
    if not is_missing(cell_of(row, mapping, "label")):
        return False
    column = mapping["positive"]
    positives = listed(row[column])
    if positives is None or not positives:
        return False
    if normal(column) != "positive_messages":
        return normal(column) not in ("pos",) and "negative" in mapping and normal(mapping["anchor"]) != "anchor"
    first = positives[0][0] if isinstance(positives[0], list) and positives[0] else {}
    return len(positives) > 1 or (isinstance(first, dict) and first.get("role") == "assistant")


def _compares(row: Row, mapping: Roles) -> bool:
    return True


def _ranks(row: Row, mapping: Roles) -> bool:
    value = row[mapping["label"]]
    return _degree(value) is not None or (isinstance(value, list) and isinstance(row[mapping["document"]], list))


_TABLE = {"anchor": ANCHORS, "positive": POSITIVES, "negative": NEGATIVES, "label": SCORES}
SIMILAR = (
    *(
        Format(
            **conversation.TURNS,  # type: ignore[arg-type]
            kind=kind,
            tasks=tasks,
            fields=TURN_FIELDS,
            required=("messages", "positive"),
            fits=fits,
            convert=turns,
        )
        for kind, tasks, fits in (("reranker", RERANKER, _reranks), ("embedding", EMBEDDING, _compares))
    ),
    *(
        Format(
            id=kind,
            kind=kind,
            tasks=tasks,
            fields=_TABLE,
            required=("anchor", "positive"),
            fits=fits,
            convert=table,
        )
        for kind, tasks, fits in (("reranker", RERANKER, _reranks), ("embedding", EMBEDDING, _compares))
    ),
    Format(
        id="embedding",
        kind="embedding",
        tasks=("embedding", "cls"),
        fields={
            "anchor": ("sentence_a", *(name for name in FIRST if name != "premise")),
            "other": ("sentence_b", *(name for name in SECOND if name != "hypothesis")),
            "label": SCORES,
        },
        required=("anchor", "other"),
        fits=_likeness,
        convert=scored,
    ),
    Format(
        id="reranker",
        kind="reranker",
        tasks=RERANKER,
        fields={"anchor": ("query", "question", "查询", "问题"), "document": DOCUMENTS, "label": RELEVANCE},
        required=("anchor", "document", "label"),
        fits=_ranks,
        convert=ranked,
    ),
)
