"""What all ways of training share in which the model answers questions while it is trained: their rows, and how many
of the answers are made at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import answers
from wizard.contract.sharing import readers_of
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.prepared import kept_back, lengths_of, rows_of
from wizard.stages.preparing.kinds.prompts import unfolded
from wizard.stages.sharing import accumulation, steps_between
from wizard.stages.training.job import Job

RESERVED = (  # names by which TRL gives rewards its own, or looks for pictures
    "prompts", "completion", "completions", "completion_ids", "trainer_state", "log_extra", "log_metric",
    "environment", "environments", "image", "images",
)  # fmt: skip


def told_settings(job: Job) -> dict[str, Any]:
    return {**job.order.spec["settings"], **job.changes}


def answer_tokens(job: Job) -> int:
    """The longest answer; what is shorter than it was told to be is noted."""
    limit, told = int(job.order.knobs["seq_len"]), told_settings(job)
    most, wanted = answers.answer_tokens(told, limit), answers.wanted_tokens(told, limit)
    if wanted > most:
        job.bench.note("answers-shorter", "warning", wanted=wanted, most=most, limit=limit)
    return most


def rows_for(job: Job, answer: int) -> Any:
    """The questions that leave room for an answer of so many tokens in the sequence."""
    prepared, knobs = job.order.input("prepare", "rows"), job.order.knobs
    room = int(knobs["seq_len"]) - answer
    if job.rows:
        from datasets import Dataset

        return Dataset.from_list([row for row in job.rows if row["tokens"] <= room] or list(job.rows))
    refuse_tools(prepared)
    rows = rows_of(prepared, {**knobs, "seq_len": room})
    if prepared.suffix != ".arrow":  # made anew, with that limit
        return rows
    if left := len(lengths_of(prepared)) - len(rows):
        job.bench.note("prompts-left-out", "warning", left=left, room=room, answer=answer)
    if not len(rows):
        raise WizardError("prompts-too-long", exit_code=ExitCode.FAILED, room=room, answer=answer)
    return rows


def kept_back_for(job: Job, answer: int) -> Any:
    outputs, knobs = job.order.inputs["prepare"], job.order.knobs
    return None if job.rows else kept_back(outputs, {**knobs, "seq_len": int(knobs["seq_len"]) - answer})


def refuse_tools(prepared: Path) -> None:
    """TRL renders these prompts without the tools of a row: the model would be asked otherwise than it will be."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if prepared.suffix != ".arrow":
        return
    with pa.memory_map(str(prepared)) as file:
        told = pc.not_equal(pa.ipc.open_stream(file).read_all()["tools"], "[]")
        if rows := int(pc.sum(told).as_py() or 0):
            raise WizardError("prompts-with-tools", exit_code=ExitCode.FAILED, rows=rows)


def collated(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """As TRL wants a batch: `prompt` and the same further columns in every row, None where one has not all."""
    made = [unfolded(row) for row in rows]
    names = [name for name in {name: None for row in made for name in row} if name not in RESERVED]
    return [{name: row.get(name) for name in names} for row in made]


def grouped(job: Job, kind: Any) -> dict[str, Any]:
    """Changes by which a step learns from whole groups of answers to one question, told where they are needed.

    `kind`: TRL's class of settings, with a group's usual size. Of a stream the steps that its epochs come to.
    """
    told, knobs = told_settings(job), job.order.knobs
    group = int(told.get("num_generations", kind.num_generations))
    together = int(knobs["micro_batch"]) * readers_of(knobs)
    whole = group // math.gcd(group, together)
    before = int(told.get("gradient_accumulation_steps", accumulation(knobs)))
    changes: dict[str, Any] = {"gradient_accumulation_steps": rounded(before, whole)}
    for name, unit in (("steps_per_generation", whole), ("generation_batch_size", math.lcm(group, together))):
        if told.get(name):
            changes = {"gradient_accumulation_steps": before, name: rounded(int(told[name]), unit)}
    if changes["gradient_accumulation_steps"] > before:
        filled = changes["gradient_accumulation_steps"] * together
        job.bench.note("groups-filled", "warning", group=group, wanted=before * together, answers=filled)
    iterations = int(told.get("num_iterations", 1))
    period = steps_between(learnt_from(told | changes, together) * iterations, changes["gradient_accumulation_steps"])
    if (every := rounded(int(knobs["save_steps"]), period)) > int(knobs["save_steps"]):
        job.bench.note("saves-between", save_steps=every, period=period)
    changes["save_steps"] = every
    rows = math.lcm(int(knobs["micro_batch"]), group)
    changes["per_device_eval_batch_size"] = rows
    return {**changes, **steps_of(job, group * iterations, changes)}


def rounded(number: int, unit: int) -> int:
    return -(-number // unit) * unit


def learnt_from(told: Mapping[str, Any], together: int) -> int:
    """Micro-batches that one making of answers fills."""
    made = int(told.get("generation_batch_size") or int(told["gradient_accumulation_steps"]) * together)
    return int(told.get("steps_per_generation") or max(1, made // together))


def steps_of(job: Job, answers: int, changes: Mapping[str, Any]) -> dict[str, int]:
    """`answers`: learnt from for each row."""
    prepared, knobs = job.order.input("prepare", "rows"), job.order.knobs
    if job.rows or prepared.suffix == ".arrow" or int(knobs["max_steps"]):
        return {}
    batch = int(knobs["micro_batch"]) * int(changes["gradient_accumulation_steps"]) * readers_of(knobs)
    return {"max_steps": math.ceil(float(knobs["epochs"]) * read_json(prepared)["made"] * answers / batch)}


def check_enough(rows: Any, told: Any) -> None:
    """TRL trains on nothing where the rows do not fill the answers of one generation."""
    wanted = told.generation_batch_size // told.num_generations
    if hasattr(rows, "__len__") and len(rows) < wanted:
        raise WizardError("prompts-too-few", exit_code=ExitCode.FAILED, rows=len(rows), wanted=wanted)


def rehearsed(job: Job, answer: int) -> dict[str, Any]:
    """In a rehearsal every answer is as long as it may become, since that is what memory and time are asked for."""
    if not job.rows:
        return {}
    least = "min_tokens" if told_settings(job).get("use_vllm") else "min_new_tokens"
    return {"generation_kwargs": {least: answer}, "shuffle_dataset": False}
