"""Turn rows into token ids by the model's own template, with the loss on the answers only.

python -m wizard.stages.prepare RUN/02-prepare
cat RUN/02-prepare/report.json
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import jinja2

from wizard.contract import Rejected
from wizard.data.files import open_sources
from wizard.data.shape import Converted, DataFault, Example
from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench, run
from wizard.stages.template import Message, Talker

IGNORED = -100
TELL_EVERY = 2000
SHOWN_REJECTS = 100

Numbered = Iterator[tuple[int, Converted]]


@dataclass(kw_only=True)
class Tally:
    rows: int = 0
    usable: int = 0
    tokens: int = 0
    learnt: int = 0
    longest: int = 0
    cut: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    examples: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, line: int, code: str) -> None:
        self.rejected[code] += 1
        if len(self.examples) < SHOWN_REJECTS:
            self.examples.append({"line": line, "code": code})


def work(bench: Bench) -> None:
    bench.phase("prepare-rows")
    talker = Talker(bench.order.input("fetch", "model"))
    limit = int(bench.order.knobs["seq_len"])
    rows, sources = bench.folder / "rows.jsonl", bench.folder / "messages.jsonl"
    tally = Tally()
    with rows.open("w", encoding="utf-8") as ids, sources.open("w", encoding="utf-8") as texts:
        for line, example in examples_of(bench.order.spec):
            tally.rows += 1
            take(talker, limit, tally, line, example, ids, texts)
            if tally.rows % TELL_EVERY == 0:
                bench.progress(tally.rows, 0, "rows")
    report = bench.folder / "report.json"
    report.write_text(json.dumps({**vars(tally)}, ensure_ascii=False, indent=1), encoding="utf-8")
    tell(bench, tally, limit)
    counted = {name: getattr(tally, name) for name in ("rows", "usable", "tokens", "learnt", "longest", "cut")}
    result = {**counted, "rejected": tally.rejected.total()}
    bench.progress(tally.rows, tally.rows, "rows")
    bench.finish({"rows": rows, "report": report, "sources": sources}, result)


def examples_of(spec: Mapping[str, Any]) -> Numbered:
    if "rows" in spec:
        yield from bundled(spec["rows"])
        return
    try:
        yield from open_sources(spec["data"]["sources"], int(spec["knobs"]["seed"]))
    except DataFault as fault:
        raise WizardError.of(fault.problem, ExitCode.FAILED) from fault


def bundled(rows: Sequence[Mapping[str, str]]) -> Numbered:
    for line, row in enumerate(rows, 1):
        asked, answered = row["question"], row["answer"]
        yield (
            line,
            Example(messages=[{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]),
        )


def take(
    talker: Talker,
    limit: int,
    tally: Tally,
    line: int,
    example: Converted,
    ids: IO[str],
    texts: IO[str],
) -> None:
    if isinstance(example, Rejected):
        return tally.reject(line, example.code)
    messages = example.messages
    try:
        tokens, labels = encoded(talker, messages)
    except jinja2.TemplateError:
        return tally.reject(line, "template-refuses")
    if all(label == IGNORED for label in labels[:limit]):
        return tally.reject(line, "answer-cut-off" if len(tokens) > limit else "nothing-to-learn")
    tally.usable += 1
    tally.longest = max(tally.longest, len(tokens))
    tally.cut += len(tokens) > limit
    tally.tokens += min(len(tokens), limit)
    tally.learnt += sum(label != IGNORED for label in labels[:limit])
    ids.write(json.dumps({"input_ids": tokens[:limit], "labels": labels[:limit]}) + "\n")
    texts.write(json.dumps({"messages": list(messages)}, ensure_ascii=False) + "\n")


def encoded(talker: Talker, messages: Sequence[Message]) -> tuple[list[int], list[int]]:
    """Ids of the whole talk, and labels that leave out all that the assistant does not say."""
    if [message["role"] for message in messages] == ["assistant"]:
        ids = talker.reading(messages[0]["content"])
        return ids, list(ids)
    text = talker.text(messages)
    ids = talker.encoded(text)
    labels = [IGNORED] * len(ids)
    for start, end in answers(talker, messages, text, ids):
        labels[start:end] = ids[start:end]
    return ids, labels


def answers(talker: Talker, messages: Sequence[Message], text: str, ids: list[int]) -> Iterator[tuple[int, int]]:
    """Where the answers lie: what each adds to the prompt before it, if the template only ever adds."""
    for number, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = talker.text(messages[:number], prompt=True)
        after = talker.text(messages[: number + 1])
        if text.startswith(before) and text.startswith(after):
            yield shared(ids, talker.encoded(before)), shared(ids, talker.encoded(after))


def shared(ids: list[int], others: list[int]) -> int:
    """How many tokens both begin with."""
    pairs = enumerate(zip(ids, others, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(ids), len(others)))


def tell(bench: Bench, tally: Tally, limit: int) -> None:
    if not tally.usable:
        why = tally.rejected.most_common(1)[0][0] if tally.rejected else "empty"
        raise WizardError("no-usable-rows", exit_code=ExitCode.FAILED, rows=tally.rows, code=why)
    if tally.rejected:
        bench.note("rows-rejected", "warning", rejected=tally.rejected.total(), rows=tally.rows)
    if tally.cut:
        bench.note("rows-cut", "warning", cut=tally.cut, limit=limit)


if __name__ == "__main__":
    run(work)
