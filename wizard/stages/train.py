"""Train a LoRA adapter with TRL's SFTTrainer; every step is told, every checkpoint can be gone on from.

python -m wizard.stages.train RUN/03-train
tail -f RUN/03-train/metrics.jsonl
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.stages import prompts, rehearsal, sharing
from wizard.stages.checkpoints import fault_of, newest_first, newest_whole
from wizard.stages.crew import Crew
from wizard.stages.desk import STOPPED, Bench, run
from wizard.stages.faults import problem_of
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.prepared import kept_back, rows_of, steps_of_stream
from wizard.stages.settings import adapter_config, arguments, number_type, quantisation
from wizard.stages.weights import check_model

if TYPE_CHECKING:
    from trl import SFTTrainer


def work(bench: Bench) -> None:
    order, checkpoints = bench.order, bench.folder / "checkpoints"
    check_model(order.input("fetch", "model"))
    several = sharing.cards_of(order.knobs) > 1
    if several:
        sharing.check(bench)
    start = newest_whole(bench, checkpoints)
    rehearsed = rehearsal.hold(bench) if start is None else rehearsal.told_before(bench)
    try:
        if several:
            Crew(bench, "train", *([str(start)] if start else [])).wait()
        else:
            train(bench, start, rehearsed)
    except Exception as error:
        told = problem_of(error, order.stage, bench.folder)
        if told and told.problem.code == "disk-full":
            drop_unfinished(checkpoints, order.knobs)
        raise


def train(bench: Bench, start: Path | None, rehearsed: Mapping[str, Any]) -> None:
    """On the only card, or one card's part."""
    bench.phase("load-libraries")
    from wizard.stages.reporter import Reporter

    reporter = Reporter(bench)
    trainer = make_trainer(bench, bench.folder / "checkpoints", reporter)
    if start is not None:
        bench.note("resumed", step=int(start.name.rpartition("-")[2]))
    outcome = trainer.train(resume_from_checkpoint=str(start) if start else None)
    if reporter.asked_to_stop and trainer.state.global_step < trainer.state.max_steps:
        sys.exit(STOPPED)
    bench.phase("save-adapter")
    adapter = save_adapter(trainer, bench.folder)
    result = {
        "steps": trainer.state.global_step,
        "loss": round(reporter.losses[-1], 6) if reporter.losses else None,
        "seconds": round(outcome.metrics["train_runtime"], 2),
        "tokens": int(reporter.tokens),
        "dtype": number_type(bench.order.spec),
    }
    if trainer.eval_dataset is not None:
        bench.phase("validate")
        result["validation_loss"] = round(trainer.evaluate()["eval_loss"], 6)
    if rehearsed:
        result["rehearsal"] = {name: rehearsed[name] for name in ("predicted", "measured", "ratio")}
    bench.finish({"adapter": adapter}, result)


def make_trainer(
    bench: Bench, checkpoints: Path, callback: Any, rows: Sequence[Mapping[str, Any]] = (), **changes: Any
) -> SFTTrainer:
    """Of the order's model and rows; a rehearsal has rows and settings of its own."""
    import torch
    from datasets import Dataset
    from trl import SFTTrainer

    order = bench.order
    folder = order.input("fetch", "model")
    bench.phase("load-model")
    prepared = order.input("prepare", "rows")
    steps = {} if rows else steps_of_stream(prepared, order.knobs)
    tokenizer = tokenizer_of(folder)
    prompts.hold_library(order, tokenizer, folder)  # hours before it would stop the serving
    told = arguments(order.knobs, order.spec, checkpoints, **steps, **changes)  # before the model: it may split it up
    settings: dict[str, Any] = {"dtype": getattr(torch, number_type(order.spec))}
    if packing := quantisation(order.spec["method"]["base"], settings["dtype"]):
        settings["quantization_config"] = packing
    torch.manual_seed(int(order.knobs["seed"]))
    model = model_of(folder, **settings)
    return SFTTrainer(
        model=model,
        args=told,
        train_dataset=Dataset.from_list(rows) if rows else rows_of(prepared, order.knobs),
        eval_dataset=None if rows else kept_back(order.inputs["prepare"], order.knobs),
        processing_class=tokenizer,
        peft_config=adapter_config(order.knobs, order.spec["method"], model),
        callbacks=[callback],
    )


def save_adapter(trainer: SFTTrainer, folder: Path) -> Path:
    """Whole or not there: the next stage trusts what it finds. Each card hands in its part, one of them writes."""
    part, adapter = folder / "adapter.part", folder / "adapter"
    if trainer.args.should_save:
        shutil.rmtree(part, ignore_errors=True)
    trainer.save_model(str(part))
    if trainer.args.should_save:
        shutil.rmtree(adapter, ignore_errors=True)
        part.rename(adapter)
    return adapter


def drop_unfinished(checkpoints: Path, knobs: Mapping[str, Any]) -> None:
    """Room for what comes next; the newest whole checkpoint stays."""
    for checkpoint in newest_first(checkpoints):
        if fault_of(checkpoint, knobs):
            shutil.rmtree(checkpoint, ignore_errors=True)


if __name__ == "__main__":
    run(work)
