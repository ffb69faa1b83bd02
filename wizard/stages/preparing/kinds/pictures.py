"""Conversations over pictures, as TRL's collator for models that see takes them: `prompt` and `completion` as texts in
which the template has marked where a picture belongs, and `images`, the paths of those in the prompt.

One row an answer, since the collator learns one stretch of a row: what stands behind its prompt. `tokens` counts a
picture by what its family makes of it; the processor puts them in place of the mark while training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from wizard.contract import Rejected
from wizard.data.files.media.checking import checked
from wizard.data.shape import Example
from wizard.data.shape.pieces import pieces_of
from wizard.data.shape.sight import family_of, image_tokens
from wizard.stages.preparing.kinds.kind import Draft, Drafts, Kind, Made, Row
from wizard.stages.preparing.scripts import scripts
from wizard.stages.preparing.spellings import spelt
from wizard.stages.preparing.tokens import IGNORED, Tokens
from wizard.stages.safety import read
from wizard.stages.template import Message, Talker

MARK = "<image>"


def drafts(talker: Talker, example: Example) -> Drafts:
    found = [_draft(talker, example, turn) for turn in _taught(example.messages)]
    return Drafts([each for each in found if each], sum(each is None for each in found))


def rows(draft: Draft, tokens: Sequence[Tokens], limit: int) -> Made:
    """What is too long is cut in its answer; a picture cannot be cut."""
    (whole,) = tokens
    seen, learnt = draft.values["tokens"], int((whole.labels != IGNORED).sum())
    length = seen + len(whole.ids)
    asked = length - learnt
    if asked >= limit:
        return "prompt-too-long"
    kept = min(length, limit)
    return [Row({**draft.values, "tokens": kept}, kept, min(learnt, limit - asked), length)]


def family_at(folder: Path) -> str:
    """By the model's config.json."""
    return family_of(read(folder / "config.json"))


def _taught(messages: Sequence[Message]) -> list[int]:
    return [
        number for number, turn in enumerate(messages) if turn["role"] == "assistant" and turn.get("loss") is not False
    ]


def _draft(talker: Talker, example: Example, turn: int) -> Draft | None:
    """Of one answer, behind all that was said before; None where the template does not write it out."""
    talk = [{**each, "loss": number == turn} for number, each in enumerate(example.messages[: turn + 1])]
    images = example.images[: sum((each["content"] or "").count(MARK) for each in talk)]
    told = scripts(talker, [_in_pieces(each) for each in talk] if images else talk, example.tools)
    script = next((each for each in told.scripts if each.learnt), None)
    if script is None:
        return None
    start, end = script.learnt[-1]
    text = script.text[:end]
    values = {
        "images": images,
        "prompt": text[:start],
        "completion": text[start:],
        "tokens": sum(map(_tokens_of(talker), images)),
    }
    return Draft((replace(script, text=text),), values)


def _in_pieces(message: Message) -> Message:
    return {**message, "content": pieces_of(message["content"])} if message["content"] else message


def _tokens_of(talker: Talker) -> Any:
    """Path of a picture -> tokens it adds to those of its mark."""
    family, marks = family_at(talker.folder), _marks(talker)

    def count(path: str) -> int:
        facts = checked(Path(path), "image", path)
        return 0 if isinstance(facts, Rejected) else image_tokens(family, facts.width, facts.height) - marks

    return count


@lru_cache
def _marks(talker: Talker) -> int:
    """Tokens that the template writes for a picture, before the processor gives it its own."""
    text = {"type": "text", "text": "Hi"}
    sizes = []
    for content in ([text], [{"type": "image"}, text]):
        try:
            written = talker.text(spelt(talker.text, [{"role": "user", "content": content}]))
        except jinja2.TemplateError:
            return 1
        sizes.append(len(talker.encoded(written)))
    return sizes[1] - sizes[0]


KIND = Kind(
    columns={"images": "texts", "prompt": "text", "completion": "text", "tokens": "number"},
    drafts=drafts,
    rows=rows,
    sees=True,
)
