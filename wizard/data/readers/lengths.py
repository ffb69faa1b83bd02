"""How long rows are in tokens: an estimate from their characters, or counted where the model's tokenizer is here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from wizard.contract import Measure
from wizard.data.readers.rendering import Talk, Template, Tick
from wizard.data.readers.talks import Sample, Turn, asked, before_answer, lone_text, talks, text_in
from wizard.errors import WizardError

LETTERS_A_TOKEN = 4  # of ASCII; what is not is about a token each
TURN_TOKENS = 6  # that a chat template puts around a turn
COUNTED_LETTERS = 16 << 20  # of the first rows: some ten seconds of a tokenizer
SAMPLED_LETTERS = 1 << 19  # of a file that is only sampled
BATCH_LETTERS = 1 << 20
NO_ANSWER = -1
Pair = tuple[int, int]  # a row's tokens, and those before its first answer


def estimated(messages: Sequence[Turn]) -> int:
    return sum(TURN_TOKENS + _tokens(_weighed(turn)) for turn in messages)


def _weighed(turn: Turn) -> str:
    calls = turn.get("tool_calls")
    return text_in(turn) + (json.dumps(calls, default=str) if calls else "")


def _tokens(text: str) -> int:
    letters = len(text.encode("ascii", "ignore"))
    return -(-letters // LETTERS_A_TOKEN) + len(text) - letters


def start_of(sample: Sample) -> Sequence[Turn] | None:
    """The turns before the first answer that is learnt."""
    if "rejected" in sample or isinstance(sample.get("label"), bool):
        return asked(sample["messages"])
    return before_answer(sample["messages"])


def guessed(sample: Sample) -> Pair:
    start = start_of(sample)
    longest = max(estimated(turns) for _, turns in talks(sample))
    return longest, NO_ANSWER if start is None else estimated(start) + TURN_TOKENS // 2 if start else 0


@dataclass(slots=True)
class Lengths:
    """`template` with a tokenizer: `room` letters of the first rows are counted by it, a batch at a time, and the
    guesses at the rest are put right by what those showed."""

    template: Template | None = None
    room: int = COUNTED_LETTERS
    tick: Tick = lambda: None
    guesses: Counter[Pair] = field(default_factory=Counter)
    counted: Counter[Pair] = field(default_factory=Counter)
    refused: int = 0  # by the template
    waiting: list[tuple[Sample, Pair]] = field(default_factory=list)
    letters: int = 0  # of those that wait
    guessed_tokens: int = 0  # of the rows that were counted
    real_tokens: int = 0

    def add(self, sample: Sample) -> None:
        pair = guessed(sample)
        if not (self.template and self.template.tokenizer and self.room > 0):
            self.guesses[pair] += 1
            return
        self.waiting.append((sample, pair))
        self.letters += sum(len(text_in(turn)) for turn in sample["messages"])
        if self.letters > BATCH_LETTERS:
            self._count()

    def found(self) -> tuple[Counter[Pair], Measure]:
        """Rows by their lengths, and how these were found."""
        if self.waiting:
            self._count()
        if not self.counted:
            return self.guesses, "estimated"
        ratio, right = self.real_tokens / max(1, self.guessed_tokens), Counter[Pair]()
        for (whole, start), rows in self.guesses.items():
            right[(round(whole * ratio), round(start * ratio) if start > 0 else start)] += rows
        return self.counted + right, "partly" if self.guesses.total() > self.refused else "counted"

    def _count(self) -> None:
        batch, self.waiting = self.waiting, []
        self.room, self.letters = self.room - self.letters, 0
        for (_, guess), pair in zip(batch, self._pairs([sample for sample, _ in batch]), strict=True):
            if pair is None:
                self.guesses[guess] += 1
                continue
            self.counted[pair] += 1
            self.guessed_tokens += guess[0]
            self.real_tokens += pair[0]

    def _pairs(self, samples: Sequence[Sample]) -> list[Pair | None]:
        """None for a row that the template refuses, or for all where nothing can be counted."""
        assert self.template
        asked_of = [_asked_of(sample) for sample in samples]
        try:
            tokens = self.template.count([talk for row in asked_of for talk in row], self.tick)
        except WizardError:  # a tokenizer that cannot be read is told of when it is needed
            self.template = None
            return [None] * len(samples)
        ends = accumulate(len(row) for row in asked_of)
        spans = [tokens[end - len(row) : end] for row, end in zip(asked_of, ends, strict=True)]
        pairs = [_pair(sample, span) for sample, span in zip(samples, spans, strict=True)]
        self.refused += pairs.count(None)
        return pairs


def _asked_of(sample: Sample) -> list[Talk]:
    """What is before the first answer, then all that may be read; an empty text where nothing is before it."""
    tools, start = sample.get("tools") or (), start_of(sample)
    before = Talk(messages=start, tools=tools, prompt=True) if start else Talk(text="")
    return [before, *(as_talk(turns, sample) for _, turns in talks(sample))]


def as_talk(turns: Sequence[Turn], sample: Sample) -> Talk:
    """`sample`: the example they are of."""
    if lone_text(turns) or sample.get("positives") or sample.get("negatives"):  # what is to lie near is read as it is
        return Talk(text="\n".join(map(text_in, turns)))
    return Talk(messages=turns, tools=sample.get("tools") or ())


def _pair(sample: Sample, tokens: Sequence[int | None]) -> Pair | None:
    start, *wholes = tokens
    if start is None or None in wholes:
        return None
    end = int(lone_text(sample["messages"]))  # a text is ended as the model ends its own
    return max(whole or 0 for whole in wholes) + end, NO_ANSWER if start_of(sample) is None else start
