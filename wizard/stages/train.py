"""Train as the recipe says; every step is told, every checkpoint can be gone on from.

python -m wizard.stages.train RUN/03-train
tail -f RUN/03-train/metrics.jsonl
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import compiling, generator, rehearsal, sharing
from wizard.stages.checkpoints import PREFIX, UNFINISHED, fault_of, newest_first, newest_whole, step_of
from wizard.stages.crew import Crew
from wizard.stages.desk import STOPPED, Bench, run
from wizard.stages.keeping.retention import best_of, kept_in
from wizard.stages.meeting import SHARED, Meeting, node_rank, shared_folder
from wizard.stages.sequences import keep_place
from wizard.stages.settings import number_type
from wizard.stages.training import Job, make_trainer
from wizard.stages.weights import check_model
from wizard.tuners.hooks import resave
from wizard.tuners.unsloth import come_first


def work(bench: Bench) -> None:
    order, checkpoints = bench.order, bench.folder / "checkpoints"
    check_model(order.input("fetch", "model"))
    several = sharing.several(order.knobs) or generator.wanted(order)
    sharing.check(bench)
    compiling.check(order.knobs, order.spec["device"])
    meeting = met(bench) if sharing.nodes_of(order.knobs) > 1 else None
    start = gathered(bench, meeting, checkpoints) if meeting else newest_whole(bench, checkpoints)
    rehearsed = rehearsal.hold(bench) if start is None else rehearsal.told_before(bench)
    try:
        if several:
            with generator.up(bench) as beside:
                Crew(bench, "train", *([str(start)] if start else []), meeting=meeting, beside=beside).wait()
        else:
            train(bench, start, rehearsed)
    finally:
        if node_rank() == 0 or not shared_folder():
            shutil.rmtree(Path(shared_folder() or checkpoints) / UNFINISHED, ignore_errors=True)


def met(bench: Bench) -> Meeting:
    nodes = sharing.nodes_of(bench.order.knobs)
    bench.phase("meet")
    meeting = Meeting(nodes)
    bench.note("machines-met", nodes=nodes, rank=meeting.rank)
    return meeting


def gathered(bench: Bench, meeting: Meeting, own: Path) -> Path | None:
    """The checkpoint to go on from. What they cannot agree on each of them hears before the first one leaves."""
    try:
        meeting.hold_alike(bench.order.knobs)
        return agreed(bench, meeting, own)
    except WizardError:
        meeting.leave()
        raise


def agreed(bench: Bench, meeting: Meeting, own: Path) -> Path | None:
    """The checkpoint that all machines go on from: on a disk that they share the newest whole one, else the newest that
    each has whole. What is split up among them has to lie on one disk."""
    shared = meeting.shared(own)
    if shared is not None:
        os.environ[SHARED] = str(shared)
        newest = newest_whole(bench, shared) if meeting.rank == 0 else None
        step = meeting.of_the_first("start", step_of(newest) if newest else 0)
        return shared / f"{PREFIX}{step}" if step else None
    if sharing.zero_stage(bench.order.knobs) or sharing.fsdp(bench.order.knobs):
        raise WizardError("machines-share-no-disk", exit_code=ExitCode.FAILED, path=str(own))
    newest_whole(bench, own)
    step = meeting.agreed([step_of(each) for each in newest_first(own) if not fault_of(each, bench.order.knobs)])
    return own / f"{PREFIX}{step}" if step else None


def train(bench: Bench, start: Path | None, rehearsed: Mapping[str, Any], card: int | None = None) -> None:
    """On the only card, or one card's part."""
    bench.phase("load-libraries")
    come_first(bench.order.spec["method"])
    from wizard.stages.keeping.keeper import Keeper, forget_from
    from wizard.stages.keeping.moments import Interrupted
    from wizard.stages.reporter import Astray, Reporter

    checkpoints = Path(shared_folder() or bench.folder / "checkpoints")
    reporter = Reporter(bench, number_type(bench.order.spec) == "float16", card)
    trainer = make(bench, checkpoints, reporter)
    keeper = Keeper(bench, trainer, reporter, start)
    if start is not None:
        bench.note("resumed", step=step_of(start))
    try:
        outcome = trainer.train(resume_from_checkpoint=str(start) if start else None)
    except Astray as astray:
        if trainer.args.should_save:
            forget_from(bench, checkpoints, astray.since)
        raise
    if keeper.moments.stopping and trainer.state.global_step < trainer.state.max_steps:  # asked here or elsewhere
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
    bench.finish({trained.name: trained} if node_rank() == 0 else {}, result)


def make(bench: Bench, checkpoints: Path, callback: Any, rows: Sequence[Mapping[str, Any]] = (), **changes: Any) -> Any:
    """Of the order's model and rows; a rehearsal has rows and settings of its own."""
    bench.phase("load-model")
    job = Job(bench=bench, checkpoints=checkpoints, callbacks=[callback], rows=rows, changes=changes)
    trainer = make_trainer(bench.order.spec["trainer"], job)
    if sharing.sequence(bench.order.knobs) > 1:
        keep_place(trainer)
    return trainer


def save(trainer: Any, folder: Path, trainable: str) -> Path:
    """`adapter`, or `model` where all of it is trained. Whole or not there: the next stage trusts what it finds. Each
    card hands in its part, one of them writes."""
    trained = folder / ("adapter" if trainable == "adapter" else "model")
    part = trained.with_suffix(".part")
    writes = trainer.args.should_save and node_rank() == 0  # split up weights come together on the first machine alone
    if writes:
        shutil.rmtree(part, ignore_errors=True)
    trainer.save_model(str(part))
    resave(trainer, part)
    if writes:
        shutil.rmtree(trained, ignore_errors=True)
        part.rename(trained)
    return trained


if __name__ == "__main__":
    run(work)
