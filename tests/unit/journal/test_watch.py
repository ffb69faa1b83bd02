from __future__ import annotations

import fcntl
from collections.abc import Callable
from dataclasses import replace

from wizard.contract import Plan, RunState
from wizard.journal import Journal, RunFolder, Tail, Watch, fold


def facts(state: RunState) -> tuple[object, ...]:
    stages = [(stage.name, stage.status, stage.rung) for stage in state.stages]
    return (state.status, state.stage, state.step, state.total, state.latest, stages, state.problem)


def whole(folder: RunFolder, plan: Plan) -> RunState:
    stages = [(stage.folder, folder.stage(stage.folder)) for stage in plan.stages]
    return fold(
        plan,
        Tail(folder.supervisor).new(),
        {name: Tail(stage.events).new() for name, stage in stages},
        {name: Tail(stage.metrics).new() for name, stage in stages},
        Tail(folder.meter).new(),
    )


def start(folder: RunFolder) -> Journal:
    journal = Journal(folder.supervisor)
    journal.write("run-started", pid=1, attempt=1)
    journal.write("stage-started", stage="train", attempt=1, rung=0)
    return journal


def test_a_big_run_is_sampled_first_and_the_full_fold_agrees(
    folder: RunFolder, plan: Plan, write_metrics: Callable[..., None]
) -> None:
    start(folder)
    write_metrics(folder.stage("03-train").metrics, range(1, 200_001))
    watch = Watch(folder)
    first = watch.poll()
    assert not first.exact
    assert first.step == 200_000
    full = watch.complete()
    assert full.exact
    assert full == whole(folder, plan)
    assert facts(first) == facts(full)
    assert 400 < len(first.series) <= 2000
    exact = {point.step // 128: point.values["loss"] for point in full.series}
    assert all(abs(point.values["loss"] - exact[point.step // 128]) < 0.4 for point in first.series)
    assert watch.poll() == full


def test_polls_in_pieces_agree_with_one_fold(folder: RunFolder, plan: Plan, write_metrics: Callable[..., None]) -> None:
    journal = start(folder)
    watch = Watch(folder)
    watch.poll()
    for first in range(1, 5001, 500):
        write_metrics(folder.stage("03-train").metrics, range(first, first + 500))
        watch.poll()
    write_metrics(folder.stage("03-train").metrics, range(4000, 4600))
    Journal(folder.stage("03-train").events).write("checkpoint", step=4500, path="/c", seconds=1)
    Journal(folder.meter).append(values={"cpu_percent": 50.0})
    journal.write("stage-ended", stage="train", outcome="stopped", seconds=3)
    journal.write("run-ended", status="stopped")
    assert watch.poll() == whole(folder, plan)
    assert watch.poll().step == 4599


def test_nothing_new_costs_no_new_state(folder: RunFolder) -> None:
    start(folder)
    watch = Watch(folder)
    assert watch.poll() is watch.poll()


def test_a_run_nobody_holds_any_more_is_interrupted(folder: RunFolder) -> None:
    start(folder)
    watch = Watch(folder)
    with folder.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert watch.poll().status == "running"
    assert watch.poll().status == "interrupted"


def test_corrupt_lines_are_counted_in_a_note(folder: RunFolder) -> None:
    start(folder)
    with folder.supervisor.open("ab") as file:
        file.write(b"\x00\x00 rubbish\n")
    state = Watch(folder).poll()
    assert [(note.code, note.params["count"]) for note in state.notes] == [("corrupt-lines", 1)]
    assert state.stage == "train"


def test_only_the_newest_gauges_are_read_from_a_long_meter(folder: RunFolder) -> None:
    start(folder)
    meter = Journal(folder.meter)
    for number in range(3000):
        meter.append(values={"cpu_percent": number, "gpu0_watts": None})
    watch = Watch(folder)
    assert watch.poll().meter == {"cpu_percent": 2999.0}
    assert replace(watch.complete(), exact=True).meter == {"cpu_percent": 2999.0}


def test_a_log_is_found_by_the_stage_s_name(folder: RunFolder) -> None:
    folder.stage("03-train").log.write_text("one\ntwo\n")
    watch = Watch(folder)
    assert watch.log("train", 1) == ["two"]
    assert watch.log("03-train", 5) == ["one", "two"]
    assert watch.log("nobody", 5) == []
