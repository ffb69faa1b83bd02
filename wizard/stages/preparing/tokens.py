"""Scripts as token ids and labels, many at a time: each text is tokenised once, its spans are found by their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wizard.stages.preparing.scripts import Script

if TYPE_CHECKING:
    from tokenizers import Encoding

    from wizard.stages.template import Talker

IGNORED = -100
Ids = Any  # one-dimensional array of int32


@dataclass(frozen=True, slots=True)
class Tokens:
    ids: Ids
    labels: Ids  # as long as ids; IGNORED where nothing is learnt


def tokenised(talker: Talker, scripts: Sequence[Script]) -> list[Tokens]:
    """In the order of the scripts. A template writes the model's first token itself, a bare text gets it here."""
    made: dict[int, Tokens] = {}
    for bare in (False, True):
        places = [place for place, script in enumerate(scripts) if script.bare == bare]
        texts = [scripts[place].text for place in places]
        encodings = talker.tokenizer.encode_batch(texts, add_special_tokens=bare) if texts else []
        for place, encoding in zip(places, encodings, strict=True):
            made[place] = _tokens(talker, scripts[place], encoding)
    return [made[place] for place in range(len(scripts))]


def _tokens(talker: Talker, script: Script, encoding: Encoding) -> Tokens:
    ids = np.array(encoding.ids, dtype=np.int32)
    labels = np.full(len(ids), IGNORED, dtype=np.int32)
    for start, end in script.learnt:
        first, beyond = token_at(encoding, start, script.text), token_at(encoding, end, script.text)
        labels[first:beyond] = ids[first:beyond]
    if script.bare:
        labels = ids
    if script.ended and talker.end is not None and not (len(ids) and ids[-1] == talker.end):
        ids, labels = np.append(ids, np.int32(talker.end)), np.append(labels, np.int32(talker.end))
    return Tokens(ids, labels)


def token_at(encoding: Encoding, place: int, text: str) -> int:
    """The token that holds this character, or the next one that any token holds."""
    while place < len(text):
        if (token := encoding.char_to_token(place)) is not None:
            return int(token)
        place += 1
    return len(encoding.ids)
