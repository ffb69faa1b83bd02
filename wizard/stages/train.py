"""Train as the recipe says; every step is told, every checkpoint can be gone on from.

python -m wizard.stages.train RUN/03-train
tail -f RUN/03-train/metrics.jsonl
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.stages import rehearsal, sharing
from wizard.stages.checkpoints import UNFINISHED, newest_whole, step_of
from wizard.stages.crew import Crew
from wizard.stages.desk import STOPPED, Bench, run
from wizard.stages.keeping.retention import best_of, kept_in
from wizard.stages.settings import number_type
from wizard.stages.training import Job, make_trainer
from wizard.stages.weights import check_model
from wizard.tuners.hooks import resave
from wizard.tuners.unsloth import come_first


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
    finally:
        shutil.rmtree(checkpoints / UNFINISHED, ignore_errors=True)


def train(bench: Bench, start: Path | None, rehearsed: Mapping[str, Any], card: int | None = None) -> None:
    """On the only card, or one card's part."""
    bench.phase("load-libraries")
    come_first(bench.order.spec["method"])
    from wizard.stages.keeping.keeper import Keeper, forget_from
    from wizard.stages.keeping.moments import Interrupted
    from wizard.stages.reporter import Astray, Reporter

    checkpoints = bench.folder / "checkpoints"
    reporter = Reporter(bench, number_type(bench.order.spec) == "float16", card)
    trainer = make(bench, checkpoints, reporter)
    keeper = Keeper(bench, trainer, reporter, start)
    if start is not None:
        bench.note("resumed", step=step_of(start))
    try:
        outcome = trainer.train(resume_from_checkpoint=str(start) if start else None)
    except Astray as astray:
        if not card:
            forget_from(bench, checkpoints, astray.since)
        raise
    if bench.asked_to_stop and trainer.state.global_step < trainer.state.max_steps:
        sys.exit(STOPPED)
    trainable = bench.order.spec["method"]["trainable"]
    bench.phase("save-adapter" if trainable == "adapter" else "save-model")
    trained = save(trainer, bench.folder, trainable)
    result = {
        "steps": trainer.state.global_step,
        "loss": round(reporter.losses[-1], 6) if reporter.losses else None,
        "seconds": round(outcome.metrics["train_runtime"], 2),
        "tokens": int(reporter.tokens),
        "dtype": number_type(bench.order.spec),
    }
    if trainer.eval_dataset is not None:
        try:
            result |= keeper.last_validation()
        except Interrupted:
            sys.exit(STOPPED)
    if (best := best_of(kept_in(checkpoints))) is not None:
        result["best_step"] = best.step
    if rehearsed:
        result["rehearsal"] = {name: rehearsed[name] for name in ("predicted", "measured", "ratio")}
    bench.finish({trained.name: trained}, result)


def make(bench: Bench, checkpoints: Path, callback: Any, rows: Sequence[Mapping[str, Any]] = (), **changes: Any) -> Any:
    """Of the order's model and rows; a rehearsal has rows and settings of its own."""
    bench.phase("load-model")
    job = Job(bench=bench, checkpoints=checkpoints, callbacks=[callback], rows=rows, changes=changes)
    return make_trainer(bench.order.spec["trainer"], job)


def save(trainer: Any, folder: Path, trainable: str) -> Path:
    """`adapter`, or `model` where all of it is trained. Whole or not there: the next stage trusts what it finds. Each
    card hands in its part, one of them writes."""
    trained = folder / ("adapter" if trainable == "adapter" else "model")
    part = trained.with_suffix(".part")
    if trainer.args.should_save:
        shutil.rmtree(part, ignore_errors=True)
    trainer.save_model(str(part))
    resave(trainer, part)
    if trainer.args.should_save:
        shutil.rmtree(trained, ignore_errors=True)
        part.rename(trained)
    return trained


if __name__ == "__main__":
    run(work)
