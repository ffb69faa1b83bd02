"""Models that write: their loss on what was to be learnt, their answers beside the references, and what general text
costs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wizard.contract import EVALUATED, Result
from wizard.stages.desk import Bench
from wizard.stages.evaluating import likeness, neutral
from wizard.stages.evaluating.answers import answered
from wizard.stages.evaluating.figures import corpus, losses_of, mean_of
from wizard.stages.evaluating.items import Item, item_of, weighed
from wizard.stages.evaluating.losses import Loss, mean, row_loss
from wizard.stages.evaluating.questions import asked_in, frame_of
from wizard.stages.evaluating.rows import held
from wizard.stages.evaluating.subjects import Subject, number_type, opened
from wizard.stages.loading import tokenizer_of
from wizard.stages.rewards import exact

LONGEST = {"cpu": 96, "cuda": 512}  # tokens of an answer
ROOM = 16  # tokens beyond the longest reference, for an answer that is put otherwise
REWARDED = ("grpo", "rloo")


@dataclass(kw_only=True)
class Task:
    """What every subject is given. `length`: tokens of an answer at most."""

    bench: Bench
    tokenizer: Any
    items: Sequence[Item]
    questions: Sequence[Item]
    length: int
    settings: Mapping[str, Any]

    @property
    def weighed(self) -> list[Item]:
        return [item for item in self.items if item.ids]

    @property
    def steps(self) -> int:
        return len(self.weighed) + len(self.questions)


@dataclass(kw_only=True)
class Found:
    """What one subject did, item by item and paragraph by paragraph."""

    losses: list[Loss]
    refused: list[Loss]  # of the worse answers, where there are any
    general: Mapping[str, list[Loss]]
    answers: list[str] = field(default_factory=list)


def measure(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], dict[str, Any]]:
    task = task_of(bench, subjects)
    found = {subject.name: looked(task, subject, number, len(subjects)) for number, subject in enumerate(subjects)}
    results = [result for name in found for result in results_of(task, name, found)]
    frame = frame_of(task.tokenizer)
    answers = [
        {
            "asked": asked_in(task.tokenizer, frame, item.asked),
            "reference": item.reference,
            "answers": {name: each.answers[at] for name, each in found.items()},
        }
        for at, item in enumerate(task.questions)
    ]
    return results, {"answers": answers, "rows": len(task.items)}


def task_of(bench: Bench, subjects: Sequence[Subject]) -> Task:
    spec = bench.order.spec
    device = str(spec.get("device", "cpu"))
    most, few = EVALUATED[device]
    bench.phase("load-libraries")
    tokenizer = tokenizer_of(subjects[min(1, len(subjects) - 1)].folder)  # of the trained one, where there is one
    chosen = held(bench, most)
    items = [item for item in (item_of(row, tokenizer) for row in chosen.rows) if item]
    questions = [item for item in items if item.asked][:few]
    longest = max((len(item.ids) - len(item.asked) for item in questions if item.ids), default=LONGEST[device])
    length = min(longest + ROOM, LONGEST[device])
    settings = {**chosen.settings, "dtype": str(number_type(spec)).removeprefix("torch."), "seed": spec["seed"]}
    return Task(bench=bench, tokenizer=tokenizer, items=items, questions=questions, length=length, settings=settings)


def looked(task: Task, subject: Subject, number: int, of: int) -> Found:
    task.bench.phase(f"evaluate-{subject.kind}")
    begun, total = number * task.steps, of * task.steps
    with opened(subject, task.bench.order.spec) as network:
        losses = []
        for done, item in enumerate(task.weighed, 1):
            losses.append(row_loss(network, item.ids, item.labels))
            task.bench.progress(begun + done, total, "rows")
        found = Found(
            losses=losses,
            refused=[row_loss(network, *weighed(item)) for item in task.weighed if item.refused],
            general=neutral.read(network, task.tokenizer),
        )
        prompts, begun = [item.asked for item in task.questions], begun + len(losses)
        tell = lambda done: task.bench.progress(begun + done, total, "rows")  # noqa: E731
        found.answers = answered(network, subject.folder, prompts, task.length, tell)
    return found


def results_of(task: Task, name: str, found: Mapping[str, Found]) -> Iterator[Result]:
    mine, base = found[name], found["base"] if "base" in found and name != "base" else None
    if mine.losses:
        yield from losses_of(name, mine.losses, base.losses if base else None, "own", task.settings)
    if mine.refused:
        values = preferred(mine)
        yield mean_of(name, "preference", values, preferred(base) if base else None, task.settings)
    if task.questions:
        yield from answers_of(task, name, mine.answers, base.answers if base else None)
    for language, losses in mine.general.items():
        kept = base.general[language] if base else None
        yield from losses_of(name, losses, kept, f"general.{language}", {"dtype": task.settings["dtype"]})


def preferred(found: Found) -> list[float]:
    """1 where a token of the better answer surprises less than one of the worse."""
    pairs = zip(found.losses, found.refused, strict=False)
    return [float(mean([better]) < mean([worse])) for better, worse in pairs]


def answers_of(task: Task, name: str, mine: Sequence[str], base: Sequence[str] | None) -> Iterator[Result]:
    settings = {**task.settings, "answer_tokens": task.length, "greedy": True}
    if task.bench.order.spec["trainer"] in REWARDED:
        yield from solved(task, name, mine, base, settings)
        return
    places = [at for at, item in enumerate(task.questions) if item.reference]
    wanted = [task.questions[at].reference for at in places]
    given = [mine[at] for at in places]
    before = [base[at] for at in places] if base else None
    if not wanted:
        return
    for measure, of in (("exact_match", likeness.exact), ("rouge_l", likeness.rouge_l)):
        if measure == "exact_match" or likeness.wordy(wanted):
            yield mean_of(name, measure, of(given, wanted), of(before, wanted) if before else None, settings)
    if likeness.wordy(wanted):
        score, way = likeness.bleu(given, wanted)
        yield corpus(name, "bleu", score, len(wanted), {**settings, "tokenize": way})
        yield corpus(name, "chrf", likeness.chrf(given, wanted), len(wanted), settings)


def solved(
    task: Task, name: str, mine: Sequence[str], base: Sequence[str] | None, settings: Mapping[str, Any]
) -> Iterator[Result]:
    """The share of right answers, as the training rewards them."""
    solutions = [item.solution for item in task.questions]
    right = [each for each in exact.reward(mine, solutions) if each is not None]
    before = [each for each in exact.reward(base, solutions) if each is not None] if base else None
    if right:
        yield mean_of(name, "accuracy", right, before, settings)
